"""Recording: receipts and quarantine sightings go to the evidence log behind the answer, never before it.

Receipts pass through the log's own bounded buffer. Sightings are drained by one task, then the held texts that belong to
them, then what else is done behind the answers; what the log could not take is kept and tried again, so that an outage
loses nothing that fits the buffer.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
from msgspec import UNSET

from firewall.core.events import Event, Held, ScopeKey
from firewall.core.model import Candidate, Surface, Verdict
from firewall.core.quarantine import quarantine_id
from firewall.core.reasons import metric_label
from firewall.core.receipt import Receipt
from firewall.core.state import State
from firewall.errors import CallerError, StateError
from firewall.jsonlog import DecisionLine, Journal
from firewall.metrics import Metrics
from firewall.ports import Appended, Decision, EvidenceLog
from firewall.service.review.buffer import Kept, QuarantineBuffer
from firewall.service.review.room import ReviewSettings
from firewall.service.review.vault import Vault, encoded

#: How long a receipt may wait to be written, and how many may.
WRITE_SECONDS = 0.02
WRITTEN_AT_ONCE = 256
#: How many appends may wait for the log, and how many single events may go in one of them.
MOST_WAITING = 10_000
NOTED_AT_ONCE = 256

_WRITE = Surface.write.value
_encoder = msgspec.json.Encoder()


class AppendsEvents(Protocol):
    """The projections: what is appended through them is seen at once."""

    async def append(self, key: ScopeKey, events: Sequence[Event]) -> Appended: ...

    async def load(self, key: ScopeKey) -> State: ...


class Recorder:
    """`vault` keeps the texts of what is held, without it none is kept; `chores` come at the end of each drain."""

    def __init__(
        self,
        log: EvidenceLog,
        projections: AppendsEvents,
        metrics: Metrics,
        *,
        journal: Journal | None = None,
        interval: float = 1.0,
        vault: Vault | None = None,
        settings: ReviewSettings | None = None,
        chores: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._log = log
        self._projections = projections
        self._metrics = metrics
        self._journal = journal
        self._interval = interval
        self._settings = settings = settings or ReviewSettings()
        self._vault = vault if settings.keep_texts else None
        self._chores = chores
        self._buffer = QuarantineBuffer(also=settings.also, texts=self._vault is not None)
        self._texts: list[Kept] = []
        self._draining = asyncio.Lock()
        self._waiting: list[tuple[ScopeKey, list[Event]]] = []
        self._unwritten: list[Receipt] = []
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="memfw-recorder")

    async def close(self) -> None:
        """Drains what is left; what the log does not take then is counted as dropped."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        if await self.drain():
            await self.drain()  # what came during the first one, and texts that stood behind others
        if self._journal is not None:
            self._journal.flush()
        self._waiting += self._buffer.drain()
        self._texts += self._buffer.drain_texts()
        for _key, events in self._waiting:
            self._metrics.quarantine_dropped.inc(len(events))
        self._metrics.quarantine_texts_dropped.inc(len(self._texts))
        self._waiting.clear()
        self._texts.clear()

    def record(
        self,
        receipt: Receipt,
        state: State,
        candidates: Sequence[Candidate],
        verdicts: Sequence[Verdict],
        *,
        held: bool = False,
    ) -> None:
        """Every view of a receipt that is not the answer itself: quarantine, metrics, store, log. Never waits. `held` says
        that the whole request is in the quarantine already.

        Of the candidates only those matter that are not plain `use_now`, and may be all that are given. Store and log follow a moment later, several at a time. Nothing here keeps the candidates: what is let go at
        once is used again while it is still warm.
        """
        counts = receipt.counts
        # As many as there are entries: what comes behind them was not considered.
        named = [pair for pair in zip(candidates, verdicts, strict=True) if pair[1].findings]
        del named[len(receipt.entries) :]
        if named and not held:
            self._note(receipt, state, named)
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

    def _note(self, receipt: Receipt, state: State, named: Sequence[tuple[Candidate, Verdict]]) -> None:
        buffer = self._buffer
        dropped, texts_dropped = buffer.dropped, buffer.texts_dropped
        writer = receipt.principal if receipt.surface == _WRITE else ""
        key = ScopeKey(receipt.tenant, receipt.scope)
        buffer.note(key, state, named, surface=receipt.surface, now=receipt.at, writer=writer)
        if buffer.dropped > dropped:
            self._metrics.quarantine_dropped.inc(buffer.dropped - dropped)
        if buffer.texts_dropped > texts_dropped:
            self._metrics.quarantine_texts_dropped.inc(buffer.texts_dropped - texts_dropped)

    def settle(self) -> None:
        """Store and log what is due: whoever reads a decision back asks for this first."""
        receipts, self._unwritten = self._unwritten, []
        for receipt in receipts:
            decision = Decision(
                decision_id=receipt.decision_id,
                key=ScopeKey(receipt.tenant, receipt.scope),
                at=receipt.at,
                body=_body(receipt),
            )
            if not self._log.record_decision(decision):
                self._metrics.decisions_dropped.inc()
            if self._journal is not None:
                self._journal.write(_line(receipt))

    def note(self, key: ScopeKey, event: Event) -> None:
        """One more event for the log, behind the answers like all the rest. What an outage leaves no room for is counted."""
        if len(self._waiting) >= MOST_WAITING:
            self._metrics.quarantine_dropped.inc()
            return
        if len(self._waiting) > 1:  # not to the first: it may be on its way to the log
            last, events = self._waiting[-1]
            if last == key and len(events) < NOTED_AT_ONCE:
                events.append(event)
                return
        self._waiting.append((key, [event]))

    async def drain(self) -> bool:
        """Append what was noted. False when the log is away: the rest stays and is tried again."""
        async with self._draining:
            return await self._drain()

    async def _drain(self) -> bool:
        """What comes meanwhile is the next turn's: under steady traffic this one would never end, and each few sightings would
        be a commit of their own. Texts are taken with their sightings, or a turn later where others still wait for the store."""
        self.settle()
        try:
            await self._append_waiting()
            # Only once all before it is stored: while the log is away the buffer's bound holds.
            self._waiting += self._buffer.drain()
            if not self._texts:
                self._texts = self._buffer.drain_texts()
            await self._append_waiting()
            await self._keep_texts()
            for chore in self._chores:
                await chore()
        except StateError:
            return False
        return True

    async def _append_waiting(self) -> None:
        """As many appends as wait now, the oldest first. StateError: it and all behind it stay."""
        left = len(self._waiting)
        while left > 0:
            key, events = self._waiting[0]
            try:
                await self._projections.append(key, events)
            except CallerError:
                apart = self._apart(key, events)
                left += len(apart)
                self._waiting[:1] = apart
            else:
                self._waiting.pop(0)
            left -= 1

    async def _keep_texts(self) -> None:
        """A text comes after its item: what is kept can always be found, and erased. One whose item went meanwhile goes."""
        while self._texts and self._vault is not None:
            key, id_, held = self._texts[0]
            if _keeps(await self._projections.load(key), id_):
                try:
                    await self._vault.keep(key, id_, encoded(held, self._settings.max_text_bytes))
                except CallerError:  # the store takes no text of that size
                    self._metrics.quarantine_texts_dropped.inc()
            self._texts.pop(0)

    def _apart(self, key: ScopeKey, events: list[Event]) -> list[tuple[ScopeKey, list[Event]]]:
        """What the log can never take (an id of megabytes, say) must not keep the rest from it: one by one, then dropped."""
        if len(events) > 1:
            return [(key, [event]) for event in events]
        self._metrics.quarantine_dropped.inc()
        if isinstance(event := events[0], Held):
            id_ = quarantine_id(event.upstream, event.memory_id, event.digest)
            self._texts = [text for text in self._texts if text[:2] != (key, id_)]
        return []

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), self._interval)
            except TimeoutError:
                await self.drain()


def _keeps(state: State, id_: str) -> bool:
    """Whether there is such an item and its text was not let go: erased, or expired while the text was on its way."""
    key = state.quarantine.keys.get(id_)
    return key is not None and state.held[key].status not in {"erased", "expired"}


def _body(receipt: Receipt) -> bytes:
    """As it is stored. Half a character in an id must not cost the decision its record, nor those that wait with it."""
    try:
        return _encoder.encode(receipt)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(receipt), ensure_ascii=False).encode("utf-8", "replace")


def _line(receipt: Receipt) -> DecisionLine:
    counts = receipt.counts
    said = {entry.reasons for entry in receipt.entries}
    return DecisionLine(
        ts=round(receipt.at, 3),
        decision_id=receipt.decision_id,
        upstream=receipt.upstream,
        route=receipt.route,
        principal=receipt.principal,
        policy=receipt.policy,
        mode=receipt.mode,
        admitted=counts.admitted,
        withheld=counts.withheld,
        reasons=sorted({metric_label(reason) for reasons in said for reason in reasons}) if said else UNSET,
        degraded=receipt.degraded or UNSET,
        staleness=receipt.staleness_seconds or UNSET,
    )
