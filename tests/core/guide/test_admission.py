"""What evidence is worth to a guide: the cases of `admission.yaml`, and the laws of the table behind them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.attribution import Standing
from firewall.core.events import Event
from firewall.core.evidence import FeedbackGiven, Node, Tended
from firewall.core.guide.admission import RULES, Case, admit, mentions, part_of
from firewall.core.guide.memory import USED, Part
from firewall.core.model import Action, Candidate
from firewall.core.route_words import distinctive, words_of
from firewall.core.visibility import EVERYONE, Viewer
from tests.core.guide.guiding import NOW, guided, state_of, step

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("admission.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["description"] for case in CASES])
def test_the_cases(case: dict[str, Any]) -> None:
    """Each memory has the surface, and the decisive reason, that its case says; and there is no other."""
    state = state_of(
        *(
            step(**{"at": NOW - 50 + i, "observed_at": NOW - 50 + i, **one})
            for i, one in enumerate(case["events"])
        )
    )
    viewer = Viewer(**case["viewer"]) if "viewer" in case else EVERYONE
    got = guided(state, viewer=viewer, query=case.get("query", "what is next"))
    assert got.served() == {memory: want[0] for memory, want in case["want"].items()}
    for memory, (_, reason) in case["want"].items():
        if reason is not None:
            assert (got.of(memory).reasons[:1] or ("",))[0] == reason


def test_standing_demotes() -> None:
    """A memory that did strong harm is inspected, whatever its route says."""
    state = state_of(step("good", "succeeded", title="Adapter migrated", target_files=["src/adapter.ts"]))
    assert guided(state).served() == {"good": "use_now"}
    harmed = state_of(step("good", "succeeded", title="Adapter migrated", target_files=["src/adapter.ts"]))
    harmed.standings["memfw", "good"] = Standing(harmed_strong=1)
    got = guided(harmed)
    assert got.served() == {"good": "inspect_before_use"}
    assert got.of("good").reasons[0] == "closed_loop:demoted"
    assert got.section("CURRENT_ACTIVE_PATH") == ["- none"]


@given(
    st.sampled_from(Node.__annotations__["lifecycle"].__args__),
    st.sampled_from(["hot", "warm", "cold", "archive"]),
    st.sampled_from(["", "succeeded", "failed", "blocked", "interrupted", "unknown"]),
    st.booleans(),
    st.booleans(),
)
def test_what_gets_worse_is_never_milder(
    lifecycle: Any, tier: Any, outcome: Any, demoted: bool, overtaken: bool
) -> None:
    """A case that gets worse in one respect gets no milder action, and every case gets exactly one rule."""
    node = Node(
        node_id="n",
        offset=1,
        kind="execution",
        lifecycle=lifecycle,
        tier=tier,
        outcome=outcome,
        at=NOW,
        observed_at=NOW,
    )
    plain = admit(Case(node=node)).action
    worse = admit(Case(node=node, demoted=demoted, overtaken=overtaken)).action
    assert worse >= plain


def test_every_rule_has_its_own_code() -> None:
    """A reason says which rule spoke."""
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes)


def test_what_is_not_used_never_stands_among_what_is() -> None:
    """Only `use_now` leads to a place that is acted on."""
    node = Node(node_id="n", offset=1, kind="execution", at=NOW, observed_at=NOW)
    for action in Action:
        part = part_of(action, node, None, current=True)
        assert (part in USED) == (action is Action.use_now)
    assert part_of(Action.do_not_use, None, None, current=False) is Part.failed


@pytest.mark.parametrize(
    ("query", "title", "said"),
    [
        ("go on with the legacy adapter route", "Legacy adapter", True),
        ("go on with the adapter", "Legacy adapter", False),
        ("anything", "", False),
        ("adapter", "Adapter", False),
    ],
)
def test_when_a_query_mentions_a_memory(query: str, title: str, said: bool) -> None:
    """Two telling words of the title, and most of them."""
    assert mentions(distinctive(words_of(query)), title) is said


def test_a_query_that_takes_a_blocked_memory_for_granted_is_told() -> None:
    """The premise firewall warns with a reason of its own, in the memory and in the risk; it changes no lifecycle."""
    state = state_of(
        step("bad", "failed", title="Legacy adapter", text="It broke.", target_files=["src/x.ts"])
    )
    got = guided(state, query="continue with the legacy adapter")
    assert "premise_firewall_query_mentions_blocked_memory" in got.of("bad").reasons
    assert got.context.risk.negative_transfer_risk == "high"
    assert state.evidence.nodes["bad"].lifecycle == "active"
    quiet = guided(state, query="what is next")
    assert got.served() == quiet.served() == {"bad": "do_not_use"}


def test_praise_is_no_promotion() -> None:
    """Positive feedback does not lift what failed."""
    state = state_of(
        step("bad", "failed", title="Try", target_files=["src/x.ts"]),
        FeedbackGiven(
            run_id="r",
            outcome="positive",
            served_surface="use_now",
            memory_ids=("bad",),
            principal="p",
            at=NOW,
        ),
    )
    assert guided(state).served() == {"bad": "do_not_use"}


def test_a_suppression_holds_until_its_end() -> None:
    """Suppressed memory is out, for native evidence and for an upstream's; after its end it is what it was."""
    row = Candidate(id="1", upstream="mem0", text="The payment port is 8443.")
    events: list[Event] = [
        step("good", "succeeded", title="Adapter migrated", target_files=["src/adapter.ts"]),
        *(
            Tended(
                operation="suppress",
                upstream=upstream,
                memory_id=memory,
                until=until,
                principal="p",
                at=NOW - 9,
            )
            for upstream, memory, until in (("memfw", "good", None), ("mem0", "1", NOW + 5))
        ),
    ]
    assert guided(state_of(*events), rows=[row]).served() == {"good": "do_not_use", "mem0:1": "do_not_use"}
    over = Tended(
        operation="suppress", upstream="mem0", memory_id="1", until=NOW - 5, principal="p", at=NOW - 8
    )
    back = Tended(operation="unsuppress", upstream="memfw", memory_id="good", principal="p", at=NOW - 8)
    assert guided(state_of(*events, over, back), rows=[row]).served() == {
        "good": "use_now",
        "mem0:1": "use_now",
    }


def test_rehydrating_makes_available_and_nothing_more() -> None:
    """A failed branch stays one; what was archived comes back to be inspected."""
    back = [
        Tended(operation="rehydrate", upstream="memfw", memory_id=memory, tier="hot", principal="p", at=NOW)
        for memory in ("bad", "old")
    ]
    events = [
        step("bad", "failed", title="Try", target_files=["src/x.ts"]),
        step("old", kind="memory", node_type="concept", tier="archive", title="Deploys", text="deploys log"),
    ]
    before = guided(state_of(*events), query="deploys").served()
    assert before == {"bad": "do_not_use", "old": "rehydrate"}
    after = guided(state_of(*events, *back), query="deploys").served()
    assert after == {"bad": "do_not_use", "old": "inspect_before_use"}
