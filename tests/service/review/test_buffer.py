"""The quarantine buffer: one event for each text, the rest counted; bounded, and nothing dropped in silence."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.events import Event, Held, HeldAgain, HeldExpired, Record, Reviewed, ScopeKey, text_digest
from firewall.core.model import Action, Family, Finding, Signed, Trust, Verdict
from firewall.core.quarantine import MOST_OPEN, quarantine_id
from firewall.core.state import State, fold, fold_all
from firewall.service.review.buffer import LONGEST_ID, QuarantineBuffer
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


def test_an_id_that_could_not_be_asked_for_is_counted_and_not_listed() -> None:
    """The queue is bounded in items: an upstream's ids of megabytes must not fill the memory all the same."""
    buffer = QuarantineBuffer(texts=True)
    note(buffer, "x" * LONGEST_ID, "y" * (LONGEST_ID + 1))
    assert buffer.dropped == 1
    assert [len(text.text) for _, _, text in buffer.drain_texts()] == [len("hostile")]
    assert [key[1][0] for key in folded(buffer).held] == ["x"]


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


AGED = Finding(Family.age, Action.do_not_use, "too_old:fact")
AGED_ADMITTED = Verdict(
    Action.inspect_before_use,
    admitted=True,
    findings=(Finding(Family.age, Action.inspect_before_use, "too_old:fact"),),
)


def settled(decision: str, *, until: float | None = None) -> State:
    """The state in which the hostile text of m1 was held and then decided."""
    buffer = QuarantineBuffer()
    note(buffer, "m1")
    state = folded(buffer)
    digest = text_digest("hostile")
    event: Event
    if decision == "expire":
        event = HeldExpired(upstream="mem0", memory_id="m1", digest=digest, at=2.0)
    else:
        event = Reviewed(
            upstream="mem0",
            memory_id="m1",
            digest=digest,
            decision="release" if decision == "release" else "confirm",
            findings=("injection",),
            until=until,
            reviewer="judge",
            at=2.0,
        )
    return fold(state, Record(key=KEY, offset=state.offset + 1, event_id="r", event=event))


@pytest.mark.parametrize(
    ("decision", "until", "finding", "kinds"),
    [
        ("confirm", None, INJECTED, [HeldAgain]),
        ("release", None, INJECTED, [HeldAgain]),
        ("release", 5.0, INJECTED, [Held]),
        ("release", None, Finding(Family.content, Action.do_not_use, "secret:aws"), [Held]),
        ("expire", None, INJECTED, [Held]),
    ],
)
def test_a_sighting_of_what_was_settled(
    decision: str, until: float | None, finding: Finding, kinds: list[type[Event]]
) -> None:
    """Held again: after its release ended, for something new, or where nobody had decided; else it is only counted."""
    buffer = QuarantineBuffer()
    state = settled(decision, until=until)
    buffer.note(KEY, state, [(candidate("m1"), verdict(finding))], surface="drop_in", now=9.0)
    assert [type(event) for _, events in buffer.drain() for event in events] == kinds


def test_what_was_confirmed_and_forgotten_is_not_asked_about_again() -> None:
    """The item left the memory; the decision did not."""
    buffer = QuarantineBuffer()
    state = settled("confirm")
    state.held.clear()
    note(buffer, "m1", state=state)
    assert buffer.drain() == []


def test_a_full_queue_takes_no_new_text() -> None:
    """It is withheld as ever, counted as dropped, and makes no event at each sighting."""
    buffer = QuarantineBuffer()
    state = State()
    state.quarantine.open = {"person": MOST_OPEN}
    note(buffer, "m1", "m2", state=state)
    assert (buffer.drain(), buffer.dropped) == ([], 2)


@pytest.mark.parametrize(
    ("also", "met", "noted"),
    [
        ((), verdict(AGED), False),
        ((Family.age,), verdict(AGED), True),
        ((Family.age,), AGED_ADMITTED, False),
    ],
)
def test_operational_findings_are_held_where_it_is_asked_for(
    also: tuple[Family, ...], met: Verdict, *, noted: bool
) -> None:
    """And only where they withhold: what is admitted with its posture floods no queue."""
    buffer = QuarantineBuffer(also=also)
    buffer.note(KEY, State(), [(candidate("m1"), met)], surface="drop_in", now=1.0)
    assert bool(buffer.drain()) == noted


def test_texts_wait_to_be_kept_within_a_bound() -> None:
    """The text of what is new is kept once; what does not fit is counted; the item is held all the same."""
    buffer = QuarantineBuffer(texts=True, chars=10)
    note(buffer, "m1", "m1", "m2")
    ((key, id_, held),) = buffer.drain_texts()
    assert (key, id_, held.text) == (KEY, quarantine_id("mem0", "m1", text_digest("hostile")), "hostile")
    assert (buffer.texts_dropped, len(folded(buffer).held)) == (1, 2)
    assert buffer.drain_texts() == []


def test_who_wrote_it() -> None:
    """The principal of a write, or of a stamp that was verified; else nobody is known."""
    buffer = QuarantineBuffer()
    signed = Signed(
        principal="mallory", role="agent", source_class="agent_authored", trust=Trust.known, at=1.0
    )
    stamped = msgspec.structs.replace(candidate("m2"), signed=signed)
    hostile = verdict(INJECTED)
    buffer.note(KEY, State(), [(candidate("m1"), hostile)], surface="write", now=1.0, writer="solo")
    buffer.note(KEY, State(), [(stamped, hostile), (candidate("m3"), hostile)], surface="drop_in", now=1.0)
    assert [item.writer for item in folded(buffer).held.values()] == ["solo", "mallory", ""]
