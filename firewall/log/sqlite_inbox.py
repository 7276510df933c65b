"""What waits for the writer thread: jobs that somebody awaits, and decisions that nobody does. Both bounded.

Put in by the event loop, taken out by the writer, all at once: that is what makes a commit serve a whole group.
A job that does not fit is refused; a decision that does not fit is dropped and counted. Critical sections are short,
so that the loop never waits for a commit.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from firewall.core.events import ScopeKey
from firewall.errors import CallerError, StateError
from firewall.log.sqlite_file import SqliteSettings
from firewall.ports import Appended, Decision

ROW_OVERHEAD = 200
"""Bytes that a waiting job or decision costs besides its body, roughly."""

DECISION_BATCH = 1000


class Append(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Events as ids and bytes, `size` bytes in all. `operation` is empty where the caller gave no idempotency key."""

    key: ScopeKey
    events: Sequence[tuple[str, bytes]]
    size: int
    operation: str
    digest: str
    done: asyncio.Future[Appended]
    answer: bytes = b""

    @property
    def weight(self) -> tuple[int, int]:
        """Records and bytes."""
        records = len(self.events)
        return records, self.size + len(self.answer) + ROW_OVERHEAD * records


class SaveSnapshot(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    key: ScopeKey
    offset: int
    blob: bytes
    done: asyncio.Future[None]

    @property
    def weight(self) -> tuple[int, int]:
        return 1, len(self.blob) + ROW_OVERHEAD


class Flush(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Answered when all that was put in before it, decisions too, is committed."""

    done: asyncio.Future[None]

    @property
    def weight(self) -> tuple[int, int]:
        return 0, 0


class Task(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Anything else that is done by the writer, by itself. `size` counts as bytes that wait."""

    run: Callable[[sqlite3.Connection], object]
    done: asyncio.Future[Any]
    size: int = 0

    @property
    def weight(self) -> tuple[int, int]:
        return 1, self.size + ROW_OVERHEAD


Job = Append | SaveSnapshot
"""What is committed together with others of its kind."""

Errand = Flush | Task
"""What is done by itself, after the jobs that wait with it."""


class Work(msgspec.Struct, frozen=True):
    """One turn of the writer. `closing` says that nothing will come after it."""

    jobs: list[Job]
    errands: list[Errand]
    decisions: list[Decision]
    closing: bool


class Inbox:
    def __init__(self, settings: SqliteSettings) -> None:
        self._settings = settings
        self._most_records = settings.max_pending_records
        self._most_bytes = settings.max_pending_bytes
        # Entering the lock itself is much cheaper than entering the condition, and each append does.
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._jobs: list[Job] = []
        self._errands: list[Errand] = []
        self._records = 0
        self._bytes = 0
        self._decisions: dict[str, Decision] = {}
        self._decision_bytes = 0
        self._closed = False
        self.dropped = 0

    def put(self, job: Job) -> None:
        """Queue a job. StateError `log_busy` when there is no room, `log_closed` after `close`; CallerError 413 for what
        could never fit, which must not be told to come again later."""
        records, size = job.weight
        with self._lock:
            self._reserve(records, size)
            self._jobs.append(job)
            if len(self._jobs) == 1:  # the writer is told once, and takes all that has come until it looks
                self._wake.notify()

    def send(self, errand: Errand) -> None:
        """Queue an errand; refused as `put` does. A flush needs no room."""
        records, size = errand.weight
        with self._lock:
            self._reserve(records, size)
            self._errands.append(errand)
            self._wake.notify()

    def _reserve(self, records: int, size: int) -> None:
        all_records = self._records + records
        all_bytes = self._bytes + size
        if all_records > self._most_records or all_bytes > self._most_bytes or self._closed:
            if records > self._most_records or size > self._most_bytes:
                raise CallerError(413, "event_too_large", "more than the log takes at once")
            if self._closed:
                raise StateError("log_closed", "the log is closed")
            raise StateError("log_busy", "too many appends wait for the disk")
        self._records, self._bytes = all_records, all_bytes

    def offer(self, decision: Decision) -> bool:
        """Buffer a decision; False when it was dropped. The first of an id stays: a receipt does not change."""
        size = len(decision.body) + ROW_OVERHEAD
        with self._lock:
            if decision.decision_id in self._decisions:
                return True
            if (
                self._closed
                or len(self._decisions) >= self._settings.max_buffered_decisions
                or self._decision_bytes + size > self._settings.max_buffered_decision_bytes
            ):
                self.dropped += 1
                return False
            self._decisions[decision.decision_id] = decision
            self._decision_bytes += size
            if len(self._decisions) in {1, DECISION_BATCH}:
                self._wake.notify()
            return True

    def refuse(self) -> bool:
        """Count a decision that cannot be stored at all."""
        with self._lock:
            self.dropped += 1
            return False

    def buffered(self, decision_id: str) -> Decision | None:
        """A decision that is not known to be committed yet."""
        with self._lock:
            return self._decisions.get(decision_id)

    def written(self, decisions: Sequence[Decision]) -> None:
        """The decisions are committed: their room is free again."""
        with self._lock:
            for decision in decisions:
                del self._decisions[decision.decision_id]
                self._decision_bytes -= len(decision.body) + ROW_OVERHEAD

    def close(self) -> None:
        """Nothing more goes in. What is in is still taken out."""
        with self._lock:
            self._closed = True
            self._wake.notify()

    def take(self, *, delay: float, idle: float | None) -> Work:
        """All that waits. Waits itself until there is a job, or decisions for `delay` seconds; at most `idle`."""
        with self._lock:
            self._wake.wait_for(lambda: self._urgent() or self._decisions, idle)
            if self._decisions:
                self._wake.wait_for(lambda: self._urgent() or len(self._decisions) >= DECISION_BATCH, delay)
            work = Work(self._jobs, self._errands, list(self._decisions.values()), self._closed)
            self._jobs, self._errands = [], []
            self._records = self._bytes = 0
            return work

    def _urgent(self) -> bool:
        return bool(self._jobs or self._errands or self._closed)

    def abandon(self) -> list[Job | Errand]:
        """The writer is gone: closes, gives back the jobs that nobody will do, counts the decisions as dropped."""
        with self._lock:
            self._closed = True
            left = [*self._jobs, *self._errands]
            self._jobs, self._errands = [], []
            self.dropped += len(self._decisions)
            self._decisions.clear()
            self._decision_bytes = 0
            return left
