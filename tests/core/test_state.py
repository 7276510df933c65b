"""The fold: each rule at the head of `core.state`, and its laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.attribution import Standing
from firewall.core.events import (
    Event,
    Held,
    HeldAgain,
    PolicyActivated,
    Record,
    Reviewed,
    ScopeKey,
    Stamped,
    StandingGiven,
)
from firewall.core.quarantine import HeldItem, quarantine_id
from firewall.core.state import State, fold, fold_all
from tests.log.samples import events, records_of

HELD = Held(upstream="mem0", memory_id="m", digest="d", reasons=("secret",), surface="drop_in", at=5.0)
TEXT = ("mem0", "m", "d")


def after(*listed: Event) -> State:
    return fold_all(State(), records_of(list(listed)))


def review(decision: str = "release", *, digest: str = "d", at: float = 9.0) -> Reviewed:
    return Reviewed(
        upstream="mem0",
        memory_id="m",
        digest=digest,
        decision=decision,  # type: ignore[arg-type] # one of its words
        findings=("secret",),
        reviewer="rita",
        at=at,
    )


def standing(outcome: str, strength: str = "weak") -> StandingGiven:
    return StandingGiven(
        upstream="mem0",
        memory_id="m",
        outcome=outcome,  # type: ignore[arg-type] # one of its words
        strength=strength,  # type: ignore[arg-type] # one of its words
        principal="agents",
        at=1.0,
    )


def test_a_stamp_belongs_to_the_record_that_was_named_first() -> None:
    """Each text of a stamp for itself; what another record claims later changes nothing."""
    first = Stamped(upstream="mem0", memory_id="m1", stamp_id="s", digest="a", at=1.0)
    copied = Stamped(upstream="mem0", memory_id="m2", stamp_id="s", digest="a", at=2.0)
    other = Stamped(upstream="mem0", memory_id="m3", stamp_id="s", digest="b", at=3.0)
    assert after(first, copied, other).stamped == {("mem0", "s", "a"): "m1", ("mem0", "s", "b"): "m3"}


def test_the_newest_stamps_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no more than the bound says."""
    monkeypatch.setattr("firewall.core.state.MOST_STAMPED", 3)
    listed = [
        Stamped(upstream="u", memory_id=f"m{n}", stamp_id=f"s{n}", digest="d", at=float(n)) for n in range(5)
    ]
    assert list(after(*listed).stamped.values()) == ["m2", "m3", "m4"]


def test_an_entry_is_counted_once_and_again() -> None:
    """A first sighting, one by another process, three in bulk; times are the outermost ones."""
    again = HeldAgain(upstream="mem0", memory_id="m", digest="d", count=3, at=2.0)
    second = Held(
        upstream="mem0", memory_id="m", digest="d", reasons=("injection",), surface="govern", at=8.0
    )
    item = after(HELD, again, second).held[TEXT]
    assert item == HeldItem(
        id=quarantine_id(*TEXT),
        seq=3,
        reasons=("injection",),
        surface="drop_in",
        first_seen=5.0,
        last_seen=8.0,
        count=5,
    )


def test_a_sighting_of_what_was_never_held_is_nothing() -> None:
    """There is no entry without its reasons."""
    assert after(HeldAgain(upstream="mem0", memory_id="m", digest="d", count=3, at=2.0)).held == {}


def test_a_review_is_bound_to_its_text() -> None:
    """Another digest of the same memory is another text; the memory is known to have been reviewed."""
    state = after(review(), review(digest="e"), review("confirm"))
    assert set(state.reviews) == {("mem0", "m", "d"), ("mem0", "m", "e")}
    assert state.reviews[TEXT].decision == "confirm"
    assert state.reviewed_memories == {("mem0", "m"): 2}


@pytest.mark.parametrize(
    ("decisions", "word"),
    [
        (["suppress"], "suppressed"),
        (["suppress", "confirm"], "suppressed"),
        (["suppress", "release"], None),
        (["release", "suppress"], "suppressed"),
        (["suppress", "forget"], "forgotten"),
        (["forget", "release"], "forgotten"),
        (["forget", "suppress"], "forgotten"),
        (["confirm"], None),
    ],
)
def test_a_memory_is_suppressed_or_forgotten_as_a_whole(decisions: list[str], word: str | None) -> None:
    """Whatever text was seen; a release lifts a suppression, nothing lifts a forgetting."""
    reviews = [review(decision, digest=f"d{number}") for number, decision in enumerate(decisions)]
    assert after(*reviews).suppressed.get(("mem0", "m")) == word


def test_standing_is_counted() -> None:
    """Helps, weak and strong harms apart; a withdrawal counts for nothing."""
    state = after(
        standing("helped"),
        standing("harmed"),
        standing("harmed", "strong"),
        standing("helped", "strong"),
        standing("withdrawn"),
    )
    assert state.standings == {("mem0", "m"): Standing(helped=2, harmed_weak=1, harmed_strong=1)}


def test_harm_demotes_until_helps_outweigh_it() -> None:
    """One weak harm is not enough; a strong one weighs two."""
    assert not after(standing("harmed")).standings["mem0", "m"].demoted
    assert after(standing("harmed"), standing("harmed")).standings["mem0", "m"].demoted
    assert after(standing("harmed", "strong"), standing("helped")).standings["mem0", "m"].demoted
    assert not after(standing("harmed", "strong"), *[standing("helped")] * 2).standings["mem0", "m"].demoted


def test_the_last_policy_counts() -> None:
    """An activation replaces the one before."""
    state = after(
        PolicyActivated(name="default", revision="r1", at=1.0),
        PolicyActivated(name="strict", revision="r2", at=2.0),
    )
    assert state.policy == ("strict", "r2")


def test_states_share_nothing() -> None:
    """Two new states are independent of each other."""
    fold(State(), records_of([HELD])[0])
    assert State().held == {}


@given(st.lists(events, max_size=20), st.data())
def test_a_record_that_comes_again_changes_nothing(listed: list[Event], data: st.DataObject) -> None:
    """Whatever is repeated, wherever, the state is that of the records once in order."""
    records = records_of(listed)
    repeated: list[Record] = []
    for index, record in enumerate(records):
        repeated.append(record)
        repeated += data.draw(st.lists(st.sampled_from(records[: index + 1]), max_size=2))
    assert fold_all(State(), repeated) == fold_all(State(), records)


@given(st.lists(events, min_size=1, max_size=20))
def test_the_offset_is_that_of_the_last_record(listed: list[Event]) -> None:
    """Every kind of event moves it, also one that changes nothing else."""
    records = records_of(listed, ScopeKey())
    assert fold_all(State(), records).offset == records[-1].offset
