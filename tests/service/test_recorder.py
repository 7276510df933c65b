"""The recorder: what was noted reaches the log in its order and once; what does not is kept, or counted."""

import io
import json
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from firewall.core.adjudicate import Adjudication
from firewall.core.compiled import compile_policy
from firewall.core.events import Event, Held, HeldAgain, PolicyActivated, ScopeKey
from firewall.core.model import Context, Finding
from firewall.core.policy import Policy
from firewall.core.receipt import Receipt, receipt_of
from firewall.core.state import State
from firewall.errors import StateError
from firewall.jsonlog import FIELDS, DecisionLine, Journal
from firewall.log.sqlite import SqliteLog
from firewall.metrics import Metrics
from firewall.ports import Appended, Decision
from firewall.service.recorder import WRITTEN_AT_ONCE, Recorder
from tests.log.keys import SIGNER
from tests.service.noting import INJECTED, PII, candidate, verdict

KEY = ScopeKey()
ACTIVATED = PolicyActivated(name="default", revision="r1", at=1.0)
POLICY = compile_policy(Policy(), "r1")


class Log:
    """The projections: keeps what is appended; `away` makes it refuse."""

    def __init__(self) -> None:
        self.away = False
        self.appended: list[Event] = []

    async def append(self, key: ScopeKey, events: Sequence[Event]) -> Appended:
        if self.away:
            raise StateError("log_unavailable", "the log is away")
        self.appended += events
        return Appended(len(self.appended))

    async def load(self, key: ScopeKey) -> State:
        return State()


class Stored(Log):
    """The same over a log of its own."""

    def __init__(self, log: SqliteLog) -> None:
        super().__init__()
        self._log = log

    async def append(self, key: ScopeKey, events: Sequence[Event]) -> Appended:
        return await self._log.append(key, events)


@pytest.fixture
async def receipts() -> AsyncIterator[SqliteLog]:
    log = await SqliteLog.open("sqlite:///:memory:", signer=SIGNER)
    yield log
    await log.close()


def receipt(
    *names: str, finding: Finding = INJECTED, considered: int | None = None, degraded: str = ""
) -> Receipt:
    return receipt_of(
        [candidate(name) for name in names],
        Adjudication(tuple(verdict(finding) for _ in names)),
        Context(decision_id="d1"),
        POLICY,
        now=1.0,
        offset=0,
        upstream="mem0",
        route="v3.search",
        considered=considered,
        degraded=degraded,
    )


def record(
    recorder: Recorder, *names: str, finding: Finding = INJECTED, considered: int | None = None
) -> None:
    """An answer with a candidate of each name, all with the same finding."""
    candidates = [candidate(name) for name in names]
    verdicts = [verdict(finding) for _ in names]
    recorder.record(receipt(*names, finding=finding, considered=considered), State(), candidates, verdicts)


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_sightings_are_appended_once_and_in_order(receipts: SqliteLog) -> None:
    """The first sighting of a text is an event, later ones a count; a second drain has nothing to add."""
    log = Log()
    recorder = Recorder(receipts, log, Metrics())
    for names in (("m1", "m2"), ("m1",)):
        record(recorder, *names)
    assert await recorder.drain()
    assert [type(event) for event in log.appended] == [Held, Held, HeldAgain]
    assert await recorder.drain()
    assert len(log.appended) == 3


async def test_one_drain_takes_all_there_is(receipts: SqliteLog) -> None:
    """An event that waits does not keep the buffer from being drained behind it."""
    log = Log()
    recorder = Recorder(receipts, log, Metrics())
    recorder.note(KEY, ACTIVATED)
    record(recorder, "m1")
    assert await recorder.drain()
    assert [type(event) for event in log.appended] == [PolicyActivated, Held]


async def test_what_comes_during_a_drain_is_the_next_ones(receipts: SqliteLog) -> None:
    """Traffic that never pauses neither keeps a drain going nor makes commits of its own of each few sightings."""
    chores: list[int] = []

    class Busy(Log):
        async def append(self, key: ScopeKey, events: Sequence[Event]) -> Appended:
            record(recorder, f"later {len(self.appended)}")
            return await super().append(key, events)

    async def chore() -> None:
        chores.append(len(log.appended))

    log = Busy()
    recorder = Recorder(receipts, log, Metrics(), chores=[chore])
    record(recorder, "m1")
    for _ in range(3):
        assert await recorder.drain()
    assert chores == [1, 2, 3]


async def test_single_events_go_together_and_their_number_is_bounded(
    receipts: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one scope in their order, several an append; what a long outage leaves no room for is counted."""
    monkeypatch.setattr("firewall.service.recorder.NOTED_AT_ONCE", 3)
    monkeypatch.setattr("firewall.service.recorder.MOST_WAITING", 4)
    log, metrics = Log(), Metrics()
    log.away = True
    recorder = Recorder(receipts, log, metrics)
    noted = [PolicyActivated(name="default", revision=f"r{number}", at=1.0) for number in range(12)]
    for event in noted[:6]:
        recorder.note(KEY, event)
    assert not await recorder.drain()
    recorder.note(ScopeKey("other"), noted[6])
    for event in noted[7:]:
        recorder.note(KEY, event)
    assert counted(metrics, "memfw_quarantine_dropped_total") == 5
    log.away = False
    assert await recorder.drain()
    assert log.appended == noted[:7]


async def test_an_outage_loses_nothing_that_fits(receipts: SqliteLog) -> None:
    """What a log that is away did not take is kept in its order, and appended when it is back."""
    log = Log()
    recorder = Recorder(receipts, log, Metrics())
    log.away = True
    record(recorder, "m1")
    assert not await recorder.drain()
    record(recorder, "m2")
    assert not await recorder.drain()
    log.away = False
    assert await recorder.drain()
    assert [event.memory_id for event in log.appended if isinstance(event, Held)] == ["m1", "m2"]


async def test_the_end_drains_and_counts_what_stays_behind(receipts: SqliteLog) -> None:
    """Closing appends what is left; with the log away it is counted as dropped."""
    log, metrics = Log(), Metrics()
    recorder = Recorder(receipts, log, metrics)
    recorder.start()
    recorder.note(KEY, ACTIVATED)
    record(recorder, "m1")
    await recorder.close()
    assert [type(event) for event in log.appended] == [PolicyActivated, Held]
    late = Recorder(receipts, log, metrics)
    late.start()
    log.away = True
    record(late, "m1", "m2")
    await late.close()
    assert counted(metrics, "memfw_quarantine_dropped_total") == 2


async def test_the_end_counts_what_never_left_the_buffer(receipts: SqliteLog) -> None:
    """Sightings that came behind an event which the log did not take any more."""
    log, metrics = Log(), Metrics()
    recorder = Recorder(receipts, log, metrics)
    log.away = True
    recorder.note(KEY, ACTIVATED)
    record(recorder, "m1", "m2")
    await recorder.close()
    assert counted(metrics, "memfw_quarantine_dropped_total") == 3


async def test_the_end_appends_what_came_meanwhile(receipts: SqliteLog) -> None:
    """What the last answers leave while the log is written is not dropped for having come late."""

    class Late(Log):
        async def append(self, key: ScopeKey, events: Sequence[Event]) -> Appended:
            if not self.appended:
                recorder.note(KEY, ACTIVATED)
                record(recorder, "late")
            return await super().append(key, events)

    log, metrics = Late(), Metrics()
    recorder = Recorder(receipts, log, metrics)
    record(recorder, "m1")
    await recorder.close()
    assert [type(event) for event in log.appended] == [Held, PolicyActivated, Held]
    assert counted(metrics, "memfw_quarantine_dropped_total") == 0


async def test_only_what_a_person_reviews_and_what_was_considered_is_held(receipts: SqliteLog) -> None:
    """Counted personal data is no sighting, nor is a surplus row that only informed the answer."""
    log = Log()
    recorder = Recorder(receipts, log, Metrics())
    record(recorder, "m1", finding=PII)
    record(recorder, "m2", "m3", considered=1)
    assert await recorder.drain()
    assert [event.memory_id for event in log.appended if isinstance(event, Held)] == ["m2"]


async def test_a_receipt_is_stored_and_counted(receipts: SqliteLog) -> None:
    """The receipt can be read back; verdicts and a fail mode are in the metrics."""
    metrics = Metrics()
    recorder = Recorder(receipts, Log(), metrics)
    recorder.record(receipt("m1", degraded="deadline"), State(), [candidate("m1")], [verdict(INJECTED)])
    recorder.settle()
    await receipts.flush()
    found = await receipts.decision("d1")
    assert found is not None
    assert found.key == KEY
    assert counted(metrics, "memfw_candidates_total", upstream="mem0", action="do_not_use") == 1
    assert counted(metrics, "memfw_degraded_total", cause="deadline") == 1


async def test_half_a_character_costs_no_decision_its_receipt(receipts: SqliteLog) -> None:
    """A receipt that is no UTF-8 is stored with a mark in its place, and those that waited with it are stored too."""
    metrics = Metrics()
    recorder = Recorder(receipts, Log(), metrics)
    for number, name in enumerate(("m1", "m\ud800", "m2")):
        one = msgspec.structs.replace(receipt(name), decision_id=f"d{number}")
        recorder.record(one, State(), [candidate(name)], [verdict(INJECTED)])
    recorder.settle()
    await receipts.flush()
    found = [await receipts.decision(f"d{number}") for number in range(3)]
    names = [json.loads(one.body)["entries"][0]["id"] for one in found if one is not None]
    assert names == ["m1", "m?", "m2"]
    assert counted(metrics, "memfw_decisions_dropped_total") == 0


async def test_the_log_line_of_a_decision_holds_no_text(receipts: SqliteLog) -> None:
    """Ids, counts and reason codes only."""
    stream = io.StringIO()
    journal = Journal(stream)
    recorder = Recorder(receipts, Log(), Metrics(), journal=journal)
    record(recorder, "m1")
    recorder.settle()
    journal.flush()
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["decision_id"], line["withheld"]) == ("d1", 1)
    assert line["reasons"]
    assert "hostile" not in stream.getvalue()


def test_the_log_line_has_no_fields_of_its_own() -> None:
    """Who reads the log finds the same names in a decision as in any other line."""
    assert {*DecisionLine.__struct_fields__} <= {"ts", "level", "logger", "message", *FIELDS}


async def test_no_more_receipts_wait_than_the_bound(
    receipts: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receipts wait a moment to be written together, but never for more of them than the bound."""
    stored: list[str] = []

    def keep(decision: Decision) -> bool:
        stored.append(decision.decision_id)
        return True

    monkeypatch.setattr(receipts, "record_decision", keep)
    recorder = Recorder(receipts, Log(), Metrics())
    for number in range(WRITTEN_AT_ONCE):
        assert stored == []
        record(recorder, f"m{number}")
    assert len(stored) == WRITTEN_AT_ONCE


async def test_what_the_log_can_never_take_does_not_stop_the_rest(receipts: SqliteLog) -> None:
    """An id of megabytes is counted and dropped; the sightings beside it and after it are stored."""
    metrics = Metrics()
    recorder = Recorder(receipts, Stored(receipts), metrics)
    record(recorder, "m1", "x" * 2_000_000, "m2")
    assert await recorder.drain()
    record(recorder, "m3")
    assert await recorder.drain()
    stored = [kept.event.memory_id for kept in await receipts.read(KEY) if isinstance(kept.event, Held)]
    assert stored == ["m1", "m2", "m3"]
    assert counted(metrics, "memfw_quarantine_dropped_total") == 1
