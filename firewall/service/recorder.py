"""Recording: receipts and quarantine sightings go to the evidence log behind the answer, never before it.

Receipts pass through the log's own bounded buffer. Sightings are drained by one task; what the log could not take is
kept and tried again, so that an outage loses nothing that fits the buffer.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec

from firewall.core.events import Event, ScopeKey
from firewall.core.model import Candidate, Verdict
from firewall.core.receipt import Receipt
from firewall.core.state import State
from firewall.errors import StateError
from firewall.metrics import Metrics
from firewall.ports import Appended, Decision, EvidenceLog
from firewall.service.quarantine import QuarantineBuffer

_encoder = msgspec.json.Encoder()


class AppendsEvents(Protocol):
    """The projections: what is appended through them is seen at once."""

    async def append(self, key: ScopeKey, events: Sequence[Event]) -> Appended: ...


class Recorder:
    def __init__(
        self, log: EvidenceLog, projections: AppendsEvents, metrics: Metrics, *, interval: float = 1.0
    ) -> None:
        self._log = log
        self._projections = projections
        self._metrics = metrics
        self._interval = interval
        self._buffer = QuarantineBuffer()
        self._waiting: list[tuple[ScopeKey, list[Event]]] = []
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="memfw-recorder")

    async def close(self) -> None:
        """Drains what is left once more; what the log does not take then is counted as dropped."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await self.drain()
        for _key, events in self._waiting:
            self._metrics.quarantine_dropped.inc(len(events))
        self._waiting.clear()

    def record(
        self,
        receipt: Receipt,
        state: State,
        candidates: Sequence[Candidate],
        verdicts: Sequence[Verdict],
    ) -> None:
        """Never waits."""
        key = ScopeKey(receipt.tenant, receipt.scope)
        decision = Decision(
            decision_id=receipt.decision_id, key=key, at=receipt.at, body=_encoder.encode(receipt)
        )
        if not self._log.record_decision(decision):
            self._metrics.decisions_dropped.inc()
        if receipt.entries:
            before = self._buffer.dropped
            self._buffer.note(key, state, candidates, verdicts, surface=receipt.surface, now=receipt.at)
            if self._buffer.dropped > before:
                self._metrics.quarantine_dropped.inc(self._buffer.dropped - before)

    async def drain(self) -> bool:
        """Append what was noted. False when the log is away: the rest stays and is tried again."""
        self._waiting += self._buffer.drain()
        while self._waiting:
            key, events = self._waiting[0]
            try:
                await self._projections.append(key, events)
            except StateError:
                return False
            self._waiting.pop(0)
        return True

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), self._interval)
            except TimeoutError:
                await self.drain()
