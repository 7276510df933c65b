"""The quarantine as it is folded: its moves, its bounds, and that a decision outlives its item."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core import quarantine
from firewall.core.events import (
    BulkBegun,
    Erased,
    Event,
    Held,
    HeldAgain,
    HeldExpired,
    Record,
    Reviewed,
    ScopeKey,
    WriteHeld,
    WriteMoved,
)
from firewall.core.quarantine import MOVES, Move, hold_id, quarantine_id
from firewall.core.reasons import REASONS
from firewall.core.signals.ledger import NEVER_RELEASED as NEVER_FAMILIES
from firewall.core.state import State, backlog_of, fold
from firewall.core.tiers import NEVER_RELEASED, TIER_OF, TIERS, releasable, tier_of

TEXT = ("mem0", "m", "d")


def held(name: str = "m", at: float = 1.0, *reasons: str) -> Held:
    return Held(
        upstream="mem0",
        memory_id=name,
        digest="d",
        reasons=reasons or ("injection:override",),
        surface="drop_in",
        at=at,
    )


def reviewed(decision: str, name: str = "m", at: float = 2.0) -> Reviewed:
    return Reviewed(
        upstream="mem0",
        memory_id=name,
        digest="d",
        decision="release" if decision == "release" else "confirm",
        findings=("injection",),
        reviewer="judge",
        at=at,
    )


def expired(name: str = "m", at: float = 2.0) -> HeldExpired:
    return HeldExpired(upstream="mem0", memory_id=name, digest="d", reviewer="judge", at=at)


def write_held(at: float = 1.0) -> WriteHeld:
    return WriteHeld(
        hold_id="w",
        upstream="mem0",
        route="add",
        principal="solo",
        digest="b",
        reasons=("secret:aws",),
        at=at,
    )


def moved(to: Move, at: float = 2.0) -> WriteMoved:
    return WriteMoved(hold_id="w", to=to, reviewer="judge", answered=200, at=at)


def after(*events: Event, state: State | None = None) -> State:
    state = state or State()
    for event in events:
        fold(state, Record(key=ScopeKey(), offset=state.offset + 1, event_id="e", event=event))
    return state


def test_ids_are_stable_and_their_own() -> None:
    """The same parts give the same id everywhere; no other split of the same letters does."""
    assert quarantine_id("mem0", "m", "d") == "q_" + "549b87c895c05948c4dac137ab0139c0"
    assert quarantine_id("mem0m", "", "d") != quarantine_id("mem0", "m", "d")
    assert hold_id("mem0", "m", "d").startswith("w_")


@pytest.mark.parametrize("event", [reviewed("release"), reviewed("confirm"), expired()])
def test_what_is_settled_does_not_wait(event: Event) -> None:
    """Its count goes down once, however often it is said."""
    state = after(held(), event, event)
    assert state.quarantine.waiting == 0
    assert list(state.quarantine.closed) == [quarantine_id(*TEXT)]


@pytest.mark.parametrize(
    ("event", "status"),
    [(reviewed("release"), "held"), (expired(), "held"), (reviewed("confirm"), "confirmed")],
)
def test_another_sighting_reopens_what_was_not_confirmed(event: Event, status: str) -> None:
    """The item goes to the end of the queue with its history."""
    state = after(held(), event, held("other", 3.0), held("m", 4.0))
    assert state.held[TEXT].status == status
    assert state.held[TEXT].count == 2
    if status == "held":
        assert list(state.held) == [("mem0", "other", "d"), TEXT]
        assert state.quarantine.waiting == 2


def test_a_sighting_from_before_the_decision_reopens_nothing() -> None:
    """Another process met it first and wrote later."""
    assert after(held(), reviewed("release", at=5.0), held("m", 4.0)).held[TEXT].status == "released"


def test_a_decision_is_not_undone_by_time_or_by_another() -> None:
    """What was confirmed or is released does not expire, though another process swept it; what is erased stays erased."""
    assert after(held(), reviewed("confirm"), expired(at=3.0)).held[TEXT].status == "confirmed"
    assert after(held(), reviewed("release"), expired(at=3.0)).held[TEXT].status == "released"
    tombstone = Erased(ids=(quarantine_id(*TEXT),), by="root", why="asked", at=2.0)
    assert after(held(), tombstone, reviewed("confirm", at=3.0)).held[TEXT].status == "erased"


def test_the_tier_follows_the_reasons() -> None:
    """A waiting item that is met with worse reasons waits for a person from then on."""
    state = after(held("m", 1.0, "too_old:fact"), held("m", 2.0, "secret:aws"))
    assert state.quarantine.open == {"operational": 0, "person": 1}


def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue takes no more and counts it; what is decided makes room."""
    monkeypatch.setattr(quarantine, "MOST_OPEN", 2)
    state = after(held("a"), held("b"), held("c"))
    assert (len(state.held), state.quarantine.overflowed, state.quarantine.full) == (2, 1, True)
    after(expired("a"), held("c", 3.0), state=state)
    assert state.quarantine.waiting == 2


def test_what_was_settled_long_ago_leaves_the_memory_and_still_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the latest settled items stay to be looked at; the confirmed text blocks all the same."""
    monkeypatch.setattr(quarantine, "MOST_CLOSED", 1)
    state = after(held("a"), held("b"), reviewed("confirm", "a"), reviewed("confirm", "b"))
    assert [key[1] for key in state.held] == ["b"]
    assert list(state.quarantine.keys.values()) == [("mem0", "b", "d")]
    assert state.reviews["mem0", "a", "d"].decision == "confirm"


@pytest.mark.parametrize("to", list(MOVES))
@pytest.mark.parametrize("first", [None, *MOVES])
def test_writes_move_by_the_table(first: Move | None, to: Move) -> None:
    """What the table does not allow changes nothing."""
    events = [] if first is None else [moved("releasing"), moved(first)]
    state = after(write_held(), *events)
    before = state.quarantine.writes["w"].status
    after(moved(to, 3.0), state=state)
    want = to if before in MOVES[to] else before
    assert state.quarantine.writes["w"].status == want
    assert state.quarantine.waiting == state.quarantine.writes["w"].open


def test_a_settled_write_that_comes_again_waits_anew() -> None:
    """Sent is sent: the same request later is a new wait, with what is known of the first."""
    state = after(write_held(), moved("releasing"), moved("sent"), write_held(5.0))
    write = state.quarantine.writes["w"]
    assert (write.status, write.count, write.attempts, write.first_seen) == ("held", 2, 1, 1.0)
    assert (state.quarantine.waiting, list(state.quarantine.closed)) == (1, [])


def test_a_confirmed_write_stays_confirmed() -> None:
    """Another sighting only counts."""
    state = after(write_held(), moved("confirmed"), write_held(5.0))
    assert state.quarantine.writes["w"].status == "confirmed"


def test_erased_is_said_of_both_kinds() -> None:
    """A tombstone settles a text and a write, and never what there is not."""
    tombstone = Erased(ids=(quarantine_id(*TEXT), "w", "q_none"), by="root", why="asked", at=3.0)
    state = after(held(), write_held(), tombstone)
    assert state.held[TEXT].status == "erased"
    assert state.quarantine.writes["w"].status == "erased"
    assert state.quarantine.waiting == 0


def test_a_bulk_is_begun_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first word counts, and old ones are forgotten."""
    monkeypatch.setattr(quarantine, "MOST_BULKS", 2)

    def begun(name: str, expected: int) -> BulkBegun:
        return BulkBegun(
            operation=name, decision="expire", digest="d", expected=expected, upto=9, reviewer="j", at=1.0
        )

    state = after(begun("a", 1), begun("a", 2))
    assert state.quarantine.bulks["a"].expected == 1
    after(begun("b", 1), begun("c", 1), state=state)
    assert list(state.quarantine.bulks) == ["b", "c"]


def test_the_backlog() -> None:
    """What waits in several scopes together, and since when."""
    one = after(held("a", 5.0), held("b", 7.0, "too_old"), reviewed("confirm", "a", 9.0))
    two = after(write_held(6.0))
    backlog = backlog_of([one, two])
    assert (backlog.items, backlog.open, backlog.oldest) == (3, {"operational": 1, "person": 1}, 6.0)
    assert backlog_of([]).oldest is None


_names = st.sampled_from("abc")
_times = st.floats(1.0, 9.0)
_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(held, _names, _times),
    st.builds(expired, _names, _times),
    st.builds(reviewed, st.sampled_from(["release", "confirm"]), _names, _times),
    st.builds(
        lambda name, at: HeldAgain(upstream="mem0", memory_id=name, digest="d", count=1, at=at),
        _names,
        _times,
    ),
    st.builds(write_held, _times),
    st.builds(moved, st.sampled_from(list(MOVES)), _times),
    st.builds(
        lambda name: Erased(ids=(quarantine_id("mem0", name, "d"), "w"), by="r", why="", at=9.0), _names
    ),
)


@given(st.lists(_events, max_size=40))
def test_the_books_agree(events: list[Event]) -> None:
    """Whatever happens: the count of what waits is what waits, the index finds each item, the order is that of `seq`."""
    state = after(*events)
    ledger = state.quarantine
    waiting = [item for item in state.held.values() if item.status == "held"]
    assert ledger.waiting == len(waiting) + sum(write.open for write in ledger.writes.values())
    assert all(count >= 0 for count in ledger.open.values())
    assert {ledger.keys[item.id] for item in state.held.values()} == set(state.held)
    seqs = [item.seq for item in state.held.values()]
    assert seqs == sorted(seqs)
    settled = {item.id for item in state.held.values() if item.status != "held"}
    settled |= {write.id for write in ledger.writes.values() if not write.open}
    assert set(ledger.closed) == settled


def test_every_reason_has_a_tier() -> None:
    """No code is forgotten, none is there twice, and what nobody may release is never operational."""
    assert set(TIER_OF) == {code.head for code in REASONS}
    assert set(TIER_OF.values()) == set(TIERS)
    assert set(TIER_OF) >= NEVER_RELEASED
    assert {"scope", "forged", "error"} == NEVER_FAMILIES


@pytest.mark.parametrize(
    ("reasons", "tier"),
    [
        ((), "person"),
        (("too_old:fact",), "operational"),
        (("too_old:fact", "unlabelled"), "operational"),
        (("too_old:fact", "secret:aws"), "person"),
        (("never_heard_of",), "person"),
    ],
)
def test_one_reason_that_wants_a_person_is_enough(reasons: tuple[str, ...], tier: str) -> None:
    """And so is a reason that nobody knows."""
    assert tier_of(reasons) == tier


def test_what_a_release_may_name() -> None:
    """Content may be released; scope, stamps and errors never."""
    assert releasable("injection:override")
    assert releasable("secret")
    assert not any(releasable(name) for name in ("forged", "replayed", "scope_mismatch", "tenant_mismatch"))
