"""The outcome signal: what a text says became of a route, with polarity, negation and object."""

from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.compiled import Env, compile_policy
from firewall.core.model import Action, Candidate, Context, Family, Kind, Mode
from firewall.core.policy import Policy
from firewall.core.signals.outcome import check, read_outcome
from firewall.core.signals.outcome.cues import CUES
from firewall.core.state import State


class Case(msgspec.Struct, forbid_unknown_fields=True):
    want: str
    text: str
    title: str = ""


CASES = msgspec.convert(
    yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8")), list[Case]
)
POLICY = compile_policy(Policy(), "test")


def env(mode: Mode) -> Env:
    return Env(Context(decision_id="d", mode=mode), POLICY, State(), 0.0)


def memory(text: str, title: str = "", kind: Kind = Kind.unknown) -> Candidate:
    return Candidate(id="m", upstream="u", text=text, title=title, kind=kind)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.text[:40])
def test_case(case: Case) -> None:
    """Each case is blocked, inspected or left alone as its file says."""
    findings = check(memory(case.text, case.title), env(Mode.firewall))
    if case.want == "fine":
        assert findings == ()
    elif case.want == "unsure":
        assert [finding.action for finding in findings] == [Action.inspect_before_use]
    else:
        assert [(finding.action, finding.reason) for finding in findings] == [
            (Action.do_not_use, f"text_signal:{case.want}")
        ]


@pytest.mark.parametrize("mode", [Mode.standard, Mode.strict])
def test_only_mode_firewall_blocks(mode: Mode) -> None:
    """Elsewhere a failed route is inspected, and its text may be shown."""
    (finding,) = check(memory("legacy adapter path failed verifier review"), env(mode))
    assert finding.action is Action.inspect_before_use
    assert finding.family is Family.execution
    assert finding.show_text


@pytest.mark.parametrize("kind", list(Kind))
def test_no_kind_is_exempt(kind: Kind) -> None:
    """A preference that says that a reviewer rejected a file is read like any other text."""
    assert check(memory("Reviewer rejected src/a.ts", kind=kind), env(Mode.firewall))


@pytest.mark.parametrize("number", range(71))
def test_the_seventy_first_is_read_like_the_first(number: int) -> None:
    """There is no cap on how many candidates are read."""
    text = f"The route in src/part{number}.ts was rejected."
    assert check(memory(text), env(Mode.firewall))[0].action is Action.do_not_use


def test_the_successor_is_named() -> None:
    """What replaces the stale file is kept beside the verdict."""
    (finding,) = check(memory("src/a.ts adapter is deprecated, superseded by src/b.ts"), env(Mode.firewall))
    assert finding.superseded_by == "src/b.ts"


def test_evidence_holds_no_text() -> None:
    """A receipt says which cue and where, never what was written."""
    (finding,) = check(memory("The secretive adapter was rejected."), env(Mode.firewall))
    assert finding.evidence == ("cue:en.passive", "at:22")


def test_too_many_cues_are_not_understood() -> None:
    """A text that hides behind hundreds of mentions is inspected."""
    (finding,) = check(memory("if the route was rejected, retry. " * 100), env(Mode.firewall))
    assert (finding.action, finding.reason) == (Action.inspect_before_use, "text_signal:contested")


def test_a_settled_failure_reads_as_accepted() -> None:
    """A text that says that the trouble is over is good news."""
    outcome = read_outcome("fixed unhandled promise rejected bug in src/http.ts; tests pass; accepted fix")
    assert outcome is not None
    assert outcome.kind == "accepted"


def test_a_warning_beside_a_recommendation_names_both() -> None:
    """The file to use is the subject, what is warned of is kept apart."""
    outcome = read_outcome("Continue in src/checkout/adapter.ts; the legacy adapter was rejected")
    assert outcome is not None
    assert (outcome.kind, outcome.subject) == ("accepted", "src/checkout/adapter.ts")
    assert outcome.avoided.endswith("legacy adapter")


REPORT = "The legacy adapter was rejected by the verifier."
FILLING = "word " * 300


@pytest.mark.parametrize(
    ("title", "text"),
    [
        (FILLING + REPORT, "Likes tea"),
        (FILLING + REPORT + FILLING, FILLING),
        (REPORT, "tea " * 5_000),
        (FILLING * 14, REPORT),
        (FILLING * 14, FILLING * 3 + REPORT),
    ],
)
def test_title_and_text_hide_nothing_of_each_other(title: str, text: str) -> None:
    """All of both is read where a reader reads so far; a title that would take that from the text is cut."""
    (finding,) = check(memory(text, title), env(Mode.firewall))
    assert finding.reason == "text_signal:failed"


def test_cue_names_are_unique() -> None:
    """A name in a receipt means one cue."""
    assert len({cue.name for cue in CUES}) == len(CUES)


FRAGMENTS = st.sampled_from(
    [
        "the adapter ",
        "was rejected",
        " if ",
        "not ",
        "src/a.ts ",
        '"',
        "被否决",
        "路线",
        "\ud800",
        "\0",
        "\n",
        "?",
        "it ",
        "fue rechazada ",
        "now pass",
    ]
)


@given(st.lists(FRAGMENTS | st.text(max_size=8), max_size=40).map("".join))
def test_any_text_is_read(text: str) -> None:
    """Surrogates, NULs and any order of cues give a reading, never an error."""
    outcome = read_outcome(text)
    assert outcome is None or 0.0 <= outcome.confidence <= 1.0


@given(st.lists(FRAGMENTS, max_size=20).map("".join), st.sampled_from(list(Kind)))
def test_a_stricter_mode_is_never_milder(text: str, kind: Kind) -> None:
    """What standard inspects, firewall inspects or blocks."""
    candidate = memory(text, kind=kind)
    mild = max((finding.action for finding in check(candidate, env(Mode.standard))), default=Action.use_now)
    hard = max((finding.action for finding in check(candidate, env(Mode.firewall))), default=Action.use_now)
    assert hard >= mild
