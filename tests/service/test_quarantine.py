"""The quarantine buffer: one event for each text, the rest counted; bounded, and nothing dropped in silence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.events import Held, HeldAgain, Record, ScopeKey, text_digest
from firewall.core.model import Finding
from firewall.core.state import State, fold_all
from firewall.service.quarantine import QuarantineBuffer
from tests.service.noting import FOREIGN, INJECTED, PII, candidate, verdict

KEY = ScopeKey("acme", "checkout")


def note(
    buffer: QuarantineBuffer, *names: str, at: float = 1.0, state: State | None = None, key: ScopeKey = KEY
) -> None:
    for name in names:
        buffer.note(key, state or State(), [(candidate(name), verdict(INJECTED))], surface="drop_in", now=at)


def folded(buffer: QuarantineBuffer) -> State:
    """What the log's projection would make of everything that was drained."""
    records = [
        Record(key=key, offset=offset, event_id=str(offset), event=event)
        for key, events in buffer.drain()
        for offset, event in enumerate(events, start=1)
    ]
    return fold_all(State(), records)


def test_the_first_sighting_is_an_event_and_the_rest_are_counted() -> None:
    """Five sightings of one text make one entry and one count of four, with the last time."""
    buffer = QuarantineBuffer()
    for at in range(1, 6):
        note(buffer, "m1", at=float(at))
    digest = text_digest("hostile")
    assert buffer.drain() == [
        (
            KEY,
            [
                Held(
                    upstream="mem0",
                    memory_id="m1",
                    digest=digest,
                    reasons=("injection:override",),
                    surface="drop_in",
                    at=1.0,
                ),
                HeldAgain(upstream="mem0", memory_id="m1", digest=digest, count=4, at=5.0),
            ],
        )
    ]
    assert buffer.drain() == []


def test_what_is_held_already_is_only_counted() -> None:
    """A text that the projection knows makes no new entry; a changed text of the same memory does."""
    buffer = QuarantineBuffer()
    note(buffer, "m1")
    state = folded(buffer)
    note(buffer, "m1", "m1", state=state)
    changed = candidate("m1", "hostile in a new way")
    buffer.note(KEY, state, [(changed, verdict(INJECTED))], surface="govern", now=2.0)
    ((_, events),) = buffer.drain()
    assert [type(event) for event in events] == [Held, HeldAgain]
    assert isinstance(events[1], HeldAgain)
    assert events[1].count == 2


@pytest.mark.parametrize(
    ("findings", "noted"),
    [
        ((), False),
        ((PII,), False),
        ((FOREIGN,), False),
        ((INJECTED,), True),
        ((FOREIGN, INJECTED, PII), True),
    ],
)
def test_what_a_person_reviews(findings: tuple[Finding, ...], *, noted: bool) -> None:
    """Only what content, procedure and forgery speak against is held, with just those reasons."""
    buffer = QuarantineBuffer()
    buffer.note(KEY, State(), [(candidate("m1"), verdict(*findings))], surface="drop_in", now=1.0)
    batches = buffer.drain()
    assert bool(batches) == noted
    if noted:
        (held,) = batches[0][1]
        assert isinstance(held, Held)
        assert held.reasons == ("injection:override",)


def test_the_bound() -> None:
    """A full buffer takes no new text and counts it; what it knows it goes on counting; drained, it has room."""
    buffer = QuarantineBuffer(limit=2)
    note(buffer, "m1", "m2", "m3")
    assert buffer.dropped == 1
    note(buffer, "m4")
    assert buffer.dropped == 2
    assert set(folded(buffer).held) == {("mem0", name, text_digest("hostile")) for name in ("m1", "m2")}
    note(buffer, "m3")
    assert buffer.dropped == 2
    assert len(folded(buffer).held) == 1


def test_scopes_are_kept_apart() -> None:
    """The same text in two scopes is two entries."""
    buffer = QuarantineBuffer()
    other = ScopeKey("globex", "checkout")
    note(buffer, "m1")
    note(buffer, "m1", key=other)
    assert {key for key, _ in buffer.drain()} == {KEY, other}


@given(st.lists(st.sampled_from("abcdef"), max_size=40))
def test_every_sighting_counts_once(names: list[str]) -> None:
    """However sightings come, the entries and counts that are drained add up to them."""
    buffer = QuarantineBuffer()
    note(buffer, *names)
    held = folded(buffer).held
    assert {memory: item.count for (_, memory, _), item in held.items()} == {
        name: names.count(name) for name in set(names)
    }
