"""The execution signal: what brings back a failed route is withheld, by every way of recognising it, with polarity."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.compiled import NOTHING, Env, compile_policy
from firewall.core.execution import RouteState
from firewall.core.model import Action, Candidate, Context
from firewall.core.policy import Policy
from firewall.core.routes import ExecutionRoute, RouteIndex
from firewall.core.signals import execution
from firewall.core.signals.execution import check
from firewall.core.signals.outcome import reading
from firewall.core.state import State

POLICY = compile_policy(Policy(), "test")
LEGACY = ExecutionRoute(
    step_id="step-7",
    state=RouteState.failed,
    title="Legacy adapter rejected",
    text="Verifier rejected the legacy route because it changed unrelated modules and billing tables.",
    task_signature="checkout-migration",
    target_files=("src/checkout/legacyAdapter.ts",),
    evidence_refs=("ci:811",),
    memory_ids=("mem-9", "mem0:mem-10"),
)
ACCEPTED = ExecutionRoute(
    step_id="step-8", state=RouteState.passed, target_files=("src/checkout/adapter.ts",)
)
REPORTS = "execution:reports_failed_route"
RECOMMENDS = "execution:recommends_failed_route"


def env(*routes: ExecutionRoute) -> Env:
    return Env(Context(decision_id="d"), POLICY, State(routes=RouteIndex.of(routes)), 0.0)


def memory(text: str, **parts: object) -> Candidate:
    return msgspec.structs.replace(Candidate(id="m", upstream="mem0", text=text), **parts)


def verdict(candidate: Candidate, *routes: ExecutionRoute) -> Action:
    return max((finding.action for finding in check(candidate, env(*routes))), default=Action.use_now)


def test_no_routes_no_findings() -> None:
    """A scope without execution memory is not looked at."""
    assert check(memory("use the legacy adapter"), env()) is NOTHING


@pytest.mark.parametrize(
    ("candidate", "by"),
    [
        (memory("anything", id="mem-9"), "memory_id"),
        (memory("anything", id="mem-10"), "memory_id"),
        (memory("anything", evidence_refs=("ci:1", "ci:811")), "evidence_ref"),
        (memory("anything", target_files=("./src/checkout/legacyAdapter.ts",)), "target_file"),
        (memory("anything", target_files=("/home/dev/repo/src/checkout/legacyAdapter.ts",)), "target_file"),
        (memory("Extend src/checkout/legacyAdapter.ts."), "path"),
        (memory("open (checkout/legacyAdapter.ts:14) and go on"), "path"),
        (memory("see `legacyAdapter.ts`"), "path"),
        (memory("anything", title="word " * 300 + "src/checkout/legacyAdapter.ts"), "path"),
        (memory("use the legacy adapter for checkout"), "phrase"),
        (memory("Legacy  ADAPTER handles checkout"), "phrase"),
        (memory("legacy_adapter is how checkout works"), "phrase"),
        (memory("legacyAdapter is the way"), "phrase"),
        (memory("because it changed unrelated modules and billing tables, verifier rejected the legacy route"), "wording"),
    ],
)  # fmt: skip
def test_recognised(candidate: Candidate, by: str) -> None:
    """Each way of recognising the failed route blocks, and says which step and how."""
    (finding,) = check(candidate, env(LEGACY, ACCEPTED))
    assert finding.action is Action.do_not_use
    assert finding.evidence == ("step:step-7", f"by:{by}")


@pytest.mark.parametrize(
    "candidate",
    [
        memory("Continue in src/checkout/adapter.ts; verifier accepted it"),
        memory("checkout runs at noon"),
        memory("the legacy of the adapter"),
        memory("the adapter is red, the legacy is long"),
        memory("src/billing/legacyAdapter.ts is fine"),
        memory("anything", target_files=("src/billing/other.ts",), task_signature="checkout-migration"),
        memory("Continue in src/checkout/adapter.ts; the legacy adapter was rejected"),
    ],
)
def test_untouched(candidate: Candidate) -> None:
    """Sharing a word, a directory or a name in another directory is not the route; warning of it is not recommending."""
    assert check(candidate, env(LEGACY, ACCEPTED)) == ()


@pytest.mark.parametrize(
    ("text", "reason", "shown"),
    [
        ("use the legacy adapter for checkout", RECOMMENDS, False),
        ("the legacy adapter was rejected by the verifier", REPORTS, True),
        ("do not extend the legacy adapter", REPORTS, True),
        ("Use src/checkout/legacyAdapter.ts; src/checkout/other.ts was reverted", RECOMMENDS, False),
    ],
)
def test_polarity(text: str, reason: str, shown: bool) -> None:
    """A recommendation stays hidden, a report is shown as counter-evidence; both are withheld."""
    (finding,) = check(memory(text), env(LEGACY, ACCEPTED))
    assert (finding.action, finding.reason, finding.show_text) == (Action.do_not_use, reason, shown)


def test_a_recommendation_hides_a_report() -> None:
    """A text that reports one failure and recommends another failed route is not shown."""
    other = ExecutionRoute(
        step_id="step-1", state=RouteState.failed, target_files=("src/search/fuzzyRanker.ts",)
    )
    (finding,) = check(memory("fuzzyRanker.ts was reverted; use legacyAdapter.ts"), env(LEGACY, other))
    assert (finding.action, finding.reason, finding.show_text) == (Action.do_not_use, RECOMMENDS, False)


@pytest.mark.parametrize("state", [RouteState.contested, RouteState.superseded])
def test_what_is_not_decided_is_inspected(state: RouteState) -> None:
    """A contested or superseded route asks for inspection."""
    (finding,) = check(
        memory("use the legacy adapter"), env(msgspec.structs.replace(LEGACY, state=state), ACCEPTED)
    )
    assert (finding.action, finding.reason) == (Action.inspect_before_use, f"execution:{state}_route")


def test_the_same_file_in_a_passed_route_is_fine() -> None:
    """A later success with the same files gives the mention back."""
    passed = ExecutionRoute(step_id="s", state=RouteState.passed, target_files=LEGACY.target_files)
    assert check(memory("use the legacy adapter for checkout"), env(LEGACY, passed)) == ()


def test_a_phrase_without_company_is_only_a_hint() -> None:
    """Two words that happen to be a file's name are inspected, not blocked."""
    failed = ExecutionRoute(step_id="s", state=RouteState.failed, target_files=("src/emailClient.ts",))
    assert (
        verdict(memory("User's favourite email client is Thunderbird"), failed) is Action.inspect_before_use
    )


def test_a_task_alone_is_only_a_hint() -> None:
    """The same task by another way is inspected, by the same words blocked, and a good report is left alone."""
    task = "checkout-migration"
    assert (
        verdict(memory("Split it by tenant first", task_signature=task), LEGACY) is Action.inspect_before_use
    )
    same = (
        "Legacy: change billing tables, unrelated modules, the adapter route, verifier rejected earlier ones"
    )
    assert verdict(memory(same, task_signature=task), LEGACY) is Action.do_not_use
    assert verdict(memory("All tests pass now", task_signature=task), LEGACY) is Action.use_now


WORDS = st.sampled_from(
    [
        "use",
        "legacy",
        "adapter",
        "checkout",
        "src/checkout/legacyAdapter.ts",
        "src/a/fuzzyRanker.ts",
        "was",
        "rejected",
        ";",
        "not",
        "the",
        "continue",
        "in",
        "fuzzy",
        "ranker",
        "�",
        "tests",
        "pass",
    ]
)
FILES = st.sampled_from(
    ["src/checkout/legacyAdapter.ts", "src/a/fuzzyRanker.ts", "src/b/fuzzyRanker.ts", "index.ts"]
)
ROUTES = st.builds(
    ExecutionRoute,
    step_id=st.sampled_from("abc"),
    state=st.sampled_from(RouteState),
    text=st.lists(WORDS, max_size=12).map(" ".join),
    task_signature=st.sampled_from(["", "t"]),
    target_files=st.lists(FILES, max_size=2).map(tuple),
    memory_ids=st.sampled_from([(), ("m",)]),
)
MEMORIES = st.builds(
    Candidate,
    id=st.sampled_from(["m", "n"]),
    upstream=st.just("u"),
    text=st.lists(WORDS, max_size=16).map(" ".join),
    task_signature=st.sampled_from(["", "t"]),
    target_files=st.lists(FILES, max_size=2).map(tuple),
)


@given(MEMORIES, st.lists(ROUTES, max_size=5), ROUTES, st.integers(0, 5))
def test_one_more_failure_is_never_milder(
    candidate: Candidate, routes: list[ExecutionRoute], extra: ExecutionRoute, place: int
) -> None:
    """Knowing one more failed route makes no verdict milder, wherever it stands in the index."""
    failed = msgspec.structs.replace(extra, state=RouteState.failed)
    more = [*routes[:place], failed, *routes[place:]]
    assert verdict(candidate, *more) >= verdict(candidate, *routes)


@given(st.text(max_size=200), st.lists(ROUTES, max_size=4))
def test_any_text_is_looked_at(text: str, routes: list[ExecutionRoute]) -> None:
    """No text raises."""
    check(memory(text), env(*routes))


def test_no_policy_admits_more_than_is_read() -> None:
    """A memory that is longer than what the signals read is a pointer under every policy that can be written."""
    most = Policy.model_json_schema()["$defs"]["Limits"]["properties"]["prompt_chars"]["maximum"]
    assert most <= min(execution._MOST_CHARS, reading.MOST_CHARS)
