"""The writer thread: takes all that waits, commits it as one group, and only then lets the loop acknowledge.

The only place that writes to the database. A failed group is answered with the StateError of its cause and was rolled
back; the thread goes on. While writing fails it probes once in a while, so that health comes back without traffic.
"""

import asyncio
import functools
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from firewall.errors import StateError
from firewall.log.sqlite_chain import Chain
from firewall.log.sqlite_faults import DUPLICATE, Faults, state_error
from firewall.log.sqlite_file import Identity, Link, SqliteSettings
from firewall.log.sqlite_inbox import DECISION_BATCH, Errand, Inbox, Job, Task, Work
from firewall.log.sqlite_store import probe, store, store_decisions
from firewall.log.sqlite_trim import trim_decisions
from firewall.ports import Decision

T = TypeVar("T")

Delivery = tuple[Job | Errand, Any]
"""A job with what its caller is told; an error is raised there."""


class Writer:
    """`committed` is called on the loop after each group, once its jobs are answered."""

    def __init__(
        self,
        link: Link,
        inbox: Inbox,
        settings: SqliteSettings,
        faults: Faults,
        *,
        chain: Chain,
        identity: Identity | None,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        committed: Callable[[], None],
    ) -> None:
        self._link = link
        self._inbox = inbox
        self._settings = settings
        self._faults = faults
        self._chain = chain
        self._identity = identity
        self._clock = clock
        self._loop = loop
        self._committed = committed
        self._decisions_due = 0.0
        # A daemon: what was acknowledged is committed, so a process that ends without `close` need not wait.
        self._thread = threading.Thread(target=self._run, name="memfw-log-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait until all that was put in before `Inbox.close` is done."""
        self._thread.join()

    def _run(self) -> None:
        closing = False
        work = Work([], [], [], closing=False)
        try:
            while not closing:
                healthy = self._faults.writing
                work = self._inbox.take(
                    delay=self._settings.decision_delay if healthy else self._settings.retry_pause,
                    idle=None if healthy else self._settings.retry_pause,
                )
                closing = work.closing
                self._turn(work)
        finally:
            # After `close` nothing is left here; after a bug everything is, and nobody may wait for ever.
            if not closing:
                self._faults.failed("write", StateError("log_unavailable", "the log's writer has died"))
            gone = StateError("log_closed", "the log's writer has ended")
            self._deliver([(job, gone) for job in (*work.jobs, *work.errands, *self._inbox.abandon())])

    def _turn(self, work: Work) -> None:
        flushes: list[Errand] = []
        self._commit(work.jobs)
        for errand in work.errands:
            if isinstance(errand, Task):
                self._deliver([(errand, self._attempt(errand.run))])
            else:
                flushes.append(errand)
        failure: StateError | None = None
        full = len(work.decisions) >= DECISION_BATCH
        if work.decisions and (flushes or full or work.closing or time.monotonic() >= self._decisions_due):
            failure = self._write_decisions(work.decisions)
        elif not work.jobs and not work.errands and not self._faults.writing:
            self._attempt(probe)
        self._deliver([(flush, failure) for flush in flushes])
        if work.closing:
            self._attempt(self._chain.end)

    def _commit(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        answers = self._attempt(functools.partial(store, jobs=jobs, chain=self._chain, at=self._clock()))
        if not isinstance(answers, StateError):
            self._deliver(list(zip(jobs, answers, strict=True)))
        elif answers.code == DUPLICATE and len(jobs) > 1:
            for job in jobs:  # only the job that brought the event id twice may fail
                self._commit([job])
        else:
            self._deliver([(job, answers) for job in jobs])

    def _write_decisions(self, decisions: Sequence[Decision]) -> StateError | None:
        """What cannot be written stays in the buffer and is tried again."""
        for start in range(0, len(decisions), DECISION_BATCH):
            batch = decisions[start : start + DECISION_BATCH]
            stored = self._attempt(functools.partial(store_decisions, decisions=batch, chain=self._chain))
            if isinstance(stored, StateError):
                self._decisions_due = time.monotonic() + self._settings.retry_pause
                return stored
            self._inbox.written(batch)
        self._attempt(
            functools.partial(trim_decisions, chain=self._chain, keep=self._settings.keep_decisions)
        )
        self._decisions_due = time.monotonic() + self._settings.decision_delay
        return None

    def _attempt(self, action: Callable[[sqlite3.Connection], T]) -> T | StateError:
        try:
            if self._identity is not None:
                self._identity.check()
            with self._link as connection:
                answer = action(connection)
        except sqlite3.Error as error:
            failure = state_error(error)
        except StateError as error:
            failure = error
        else:
            self._faults.worked("write")
            return answer
        if failure.code != DUPLICATE:  # that one says nothing about the disk
            self._faults.failed("write", failure)
        return failure

    def _deliver(self, deliveries: list[Delivery]) -> None:
        if not deliveries:
            return
        try:
            self._loop.call_soon_threadsafe(self._acknowledge, deliveries)
        except RuntimeError:
            if not self._loop.is_closed():
                raise
            # The loop ended without `close`: nobody is left to be told.

    def _acknowledge(self, deliveries: list[Delivery]) -> None:
        for job, answer in deliveries:
            done = job.done
            if done.done():  # its caller was cancelled, or it was answered before the writer died
                continue
            if not isinstance(answer, Exception):
                done.set_result(answer)
            elif isinstance(answer, StateError):
                # One for each: a shared one would gather the tracebacks of all.
                done.set_exception(StateError(answer.code, answer.message))
            else:
                done.set_exception(answer)
        self._committed()
