"""What waits for the writer thread: jobs that somebody awaits, and decisions that nobody does. Both bounded.

Put in by the event loop, taken out by the writer, all at once: that is what makes a commit serve a whole group.
A job that does not fit is refused; a decision that does not fit is dropped and counted. Critical sections are short,
so that the loop never waits for a commit.
"""

import asyncio
import threading
from collections.abc import Sequence

import msgspec

from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.log.sqlite_file import SqliteSettings
from firewall.ports import Appended, Decision

ROW_OVERHEAD = 200
"""Bytes that a waiting job or decision costs besides its body, roughly."""

DECISION_BATCH = 1000


class Append(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Events as bytes, each with its id. `operation` is empty where the caller gave no idempotency key."""

    key: ScopeKey
    ids: tuple[str, ...]
    bodies: tuple[bytes, ...]
    operation: str
    digest: str
    done: asyncio.Future[Appended]
    answer: bytes = b""


class SaveSnapshot(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    key: ScopeKey
    offset: int
    blob: bytes
    done: asyncio.Future[None]


class Flush(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Answered when all that was put in before it, decisions too, is committed."""

    done: asyncio.Future[None]


Job = Append | SaveSnapshot | Flush


class Work(msgspec.Struct, frozen=True):
    """One turn of the writer. `closing` says that nothing will come after it."""

    jobs: list[Job]
    decisions: list[Decision]
    closing: bool


class Inbox:
    def __init__(self, settings: SqliteSettings) -> None:
        self._settings = settings
        self._wake = threading.Condition()
        self._jobs: list[Job] = []
        self._records = 0
        self._bytes = 0
        self._decisions: dict[str, Decision] = {}
        self._decision_bytes = 0
        self._closed = False
        self.dropped = 0

    def put(self, job: Job) -> None:
        """Queue a job. StateError `log_busy` when there is no room, `log_closed` after `close`."""
        records, size = _weight(job)
        with self._wake:
            if self._closed:
                raise StateError("log_closed", "the log is closed")
            room = (
                self._records + records <= self._settings.max_pending_records
                and self._bytes + size <= self._settings.max_pending_bytes
            )
            if not room:
                raise StateError("log_busy", "too many appends wait for the disk")
            self._records += records
            self._bytes += size
            self._jobs.append(job)
            self._wake.notify()

    def offer(self, decision: Decision) -> bool:
        """Buffer a decision; False when it was dropped."""
        size = len(decision.body) + ROW_OVERHEAD
        with self._wake:
            if (
                self._closed
                or len(self._decisions) >= self._settings.max_buffered_decisions
                or self._decision_bytes + size > self._settings.max_buffered_decision_bytes
            ):
                self.dropped += 1
                return False
            replaced = self._decisions.get(decision.decision_id)
            self._decisions[decision.decision_id] = decision
            self._decision_bytes += size - (len(replaced.body) + ROW_OVERHEAD if replaced else 0)
            if len(self._decisions) in {1, DECISION_BATCH}:
                self._wake.notify()
            return True

    def refuse(self) -> bool:
        """Count a decision that cannot be stored at all."""
        with self._wake:
            self.dropped += 1
            return False

    def buffered(self, decision_id: str) -> Decision | None:
        """A decision that is not known to be committed yet."""
        with self._wake:
            return self._decisions.get(decision_id)

    def written(self, decisions: Sequence[Decision]) -> None:
        """The decisions are committed: their room is free again."""
        with self._wake:
            for decision in decisions:
                if self._decisions.get(decision.decision_id) is decision:
                    del self._decisions[decision.decision_id]
                    self._decision_bytes -= len(decision.body) + ROW_OVERHEAD

    def close(self) -> None:
        """Nothing more goes in. What is in is still taken out."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def take(self, *, delay: float, idle: float | None) -> Work:
        """All that waits. Waits itself until there is a job, or decisions for `delay` seconds; at most `idle`."""
        with self._wake:
            self._wake.wait_for(lambda: self._jobs or self._decisions or self._closed, idle)
            if self._decisions:
                self._wake.wait_for(
                    lambda: self._jobs or self._closed or len(self._decisions) >= DECISION_BATCH, delay
                )
            jobs, self._jobs = self._jobs, []
            self._records = self._bytes = 0
            return Work(jobs, list(self._decisions.values()), self._closed)

    def abandon(self) -> list[Job]:
        """The writer is gone: closes, gives back the jobs that nobody will do, counts the decisions as dropped."""
        with self._wake:
            self._closed = True
            jobs, self._jobs = self._jobs, []
            self.dropped += len(self._decisions)
            self._decisions.clear()
            self._decision_bytes = 0
            return jobs


def _weight(job: Job) -> tuple[int, int]:
    match job:
        case Append():
            size = sum(map(len, job.bodies)) + len(job.answer)
            return len(job.bodies), size + ROW_OVERHEAD * len(job.bodies)
        case SaveSnapshot():
            return 1, len(job.blob) + ROW_OVERHEAD
        case Flush():
            return 0, 0
