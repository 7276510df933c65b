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
from firewall.core.reasons import metric_label
from firewall.core.receipt import Receipt
from firewall.core.state import State
from firewall.errors import CallerError, StateError
from firewall.jsonlog import Journal
from firewall.metrics import Metrics
from firewall.ports import Appended, Decision, EvidenceLog
from firewall.service.quarantine import QuarantineBuffer

#: How long a receipt may wait to be written, and how many may.
WRITE_SECONDS = 0.02
WRITTEN_AT_ONCE = 256

_encoder = msgspec.json.Encoder()


class AppendsEvents(Protocol):
    """The projections: what is appended through them is seen at once."""

    async def append(self, key: ScopeKey, events: Sequence[Event]) -> Appended: ...


class Recorder:
    def __init__(
        self,
        log: EvidenceLog,
        projections: AppendsEvents,
        metrics: Metrics,
        *,
        journal: Journal | None = None,
        interval: float = 1.0,
    ) -> None:
        self._log = log
        self._projections = projections
        self._metrics = metrics
        self._journal = journal
        self._interval = interval
        self._buffer = QuarantineBuffer()
        self._waiting: list[tuple[ScopeKey, list[Event]]] = []
        self._unwritten: list[Receipt] = []
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
        if self._journal is not None:
            self._journal.flush()
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
        """Every view of a receipt that is not the answer itself: quarantine, metrics, store, log. Never waits.

        Of the candidates only those matter that are not plain `use_now`, and may be all that are given. Store and log follow a moment later, several at a time. Nothing here keeps the candidates: what is let go at
        once is used again while it is still warm.
        """
        counts = receipt.counts
        # As many as there are entries: what comes behind them was not considered.
        named = [pair for pair in zip(candidates, verdicts, strict=True) if pair[1].findings]
        del named[len(receipt.entries) :]
        if named:
            before = self._buffer.dropped
            key = ScopeKey(receipt.tenant, receipt.scope)
            self._buffer.note(key, state, named, surface=receipt.surface, now=receipt.at)
            if self._buffer.dropped > before:
                self._metrics.quarantine_dropped.inc(self._buffer.dropped - before)
        plain = counts.considered - counts.surplus - len(named)
        self._metrics.count_verdicts(
            receipt.upstream, plain, [verdict for _, verdict in named], shadow=receipt.shadow
        )
        for rule, count in receipt.shadow_rules.items():
            self._metrics.shadow_rules.labels(rule).inc(count)
        if receipt.degraded:
            self._metrics.degraded.labels(receipt.degraded).inc()
        if not self._unwritten:
            asyncio.get_running_loop().call_later(WRITE_SECONDS, self.settle)
        self._unwritten.append(receipt)
        if len(self._unwritten) >= WRITTEN_AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Store and log what is due: whoever reads a decision back asks for this first."""
        receipts, self._unwritten = self._unwritten, []
        for receipt in receipts:
            decision = Decision(
                decision_id=receipt.decision_id,
                key=ScopeKey(receipt.tenant, receipt.scope),
                at=receipt.at,
                body=_encoder.encode(receipt),
            )
            if not self._log.record_decision(decision):
                self._metrics.decisions_dropped.inc()
            if self._journal is not None:
                self._journal.write(receipt.at, _line(receipt))

    def note(self, key: ScopeKey, event: Event) -> None:
        """One more event for the log, behind the answers like all the rest."""
        self._waiting.append((key, [event]))

    async def drain(self) -> bool:
        """Append what was noted. False when the log is away: the rest stays and is tried again."""
        self.settle()
        while self._waiting or self._gather():
            key, events = self._waiting[0]
            try:
                await self._projections.append(key, events)
            except StateError:
                return False
            except CallerError:
                self._waiting[:1] = self._apart(key, events)
                continue
            self._waiting.pop(0)
        return True

    def _apart(self, key: ScopeKey, events: list[Event]) -> list[tuple[ScopeKey, list[Event]]]:
        """What the log can never take (an id of megabytes, say) must not keep the rest from it: one by one, then dropped."""
        if len(events) > 1:
            return [(key, [event]) for event in events]
        self._metrics.quarantine_dropped.inc()
        return []

    def _gather(self) -> bool:
        """Take what the buffer holds, once all before it is stored: while the log is away the buffer's bound holds."""
        self._waiting += self._buffer.drain()
        return bool(self._waiting)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), self._interval)
            except TimeoutError:
                await self.drain()


def _line(receipt: Receipt) -> dict[str, object]:
    """A decision as the fields of one log line: ids, counts and reason codes, no memory text."""
    counts = receipt.counts
    line: dict[str, object] = {
        "decision_id": receipt.decision_id,
        "upstream": receipt.upstream,
        "route": receipt.route,
        "principal": receipt.principal,
        "policy": receipt.policy,
        "mode": receipt.mode,
        "admitted": counts.admitted,
        "withheld": counts.withheld,
    }
    if receipt.entries:
        line["reasons"] = sorted(
            {metric_label(reason) for said in {entry.reasons for entry in receipt.entries} for reason in said}
        )
    if receipt.degraded:
        line["degraded"] = receipt.degraded
    return line
