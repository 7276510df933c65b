"""The reading side: one thread for queries, one that watches for commits of other processes.

In WAL mode readers neither wait for the writer nor see half a transaction. A failed read is a StateError and degrades
health until one works again.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from firewall.core.events import Record, ScopeKey
from firewall.errors import CallerError, StateError
from firewall.log.codec import LARGEST_INTEGER, decode_event
from firewall.log.sqlite_faults import Faults, state_error
from firewall.log.sqlite_file import Link
from firewall.ports import Appended, Decision

T = TypeVar("T")
Row = tuple[int, str, str, str, bytes]


class Reader:
    """Runs queries in its own thread, one after another."""

    def __init__(self, link: Link, faults: Faults) -> None:
        self._link = link
        self._faults = faults
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="memfw-log-reader")

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The query's answer. StateError when SQLite fails, `log_closed` after `close`."""
        try:
            future = self._threads.submit(self._read, query)
        except RuntimeError as error:  # the only reason of an executor to refuse
            raise StateError("log_closed", "the log is closed") from error
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Takes no more queries, ends after those that wait: to cancel them would look like a cancelled caller."""
        self._threads.shutdown(wait=True)

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._link as connection:
                answer = query(connection)
        except sqlite3.Error as error:
            failure = state_error(error)
            self._faults.failed("read", failure)
            raise failure from error
        except StateError as failure:
            self._faults.failed("read", failure)
            raise
        self._faults.worked("read")
        return answer


class Watcher:
    """Notices within `interval` seconds that the file was changed. An idle log costs the event loop nothing."""

    def __init__(self, link: Link, faults: Faults, *, interval: float, changed: Callable[[], None]) -> None:
        self._link = link
        self._faults = faults
        self._interval = interval
        self._changed = changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memfw-log-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        seen, failing = -1, False
        while not self._stop.wait(self._interval):
            try:
                with self._link as connection:
                    (version,) = connection.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error as error:
                self._faults.failed("read", state_error(error))
                failing = True
                continue
            if failing:
                self._faults.worked("read")
                failing = False
            if version != seen:
                seen = version
                self._changed()


def read_scope(connection: sqlite3.Connection, key: ScopeKey, after: int, limit: int) -> list[Record]:
    """Records of one scope. StateError `log_format` when one of them cannot be understood."""
    rows = connection.execute(
        "SELECT offset, tenant, scope, event_id, body FROM record"
        " WHERE tenant = ? AND scope = ? AND offset > ? ORDER BY offset LIMIT ?",
        (key.tenant, key.scope, min(after, LARGEST_INTEGER), max(0, min(limit, LARGEST_INTEGER))),
    ).fetchall()
    return [_record(row) for row in rows]


def read_all(connection: sqlite3.Connection, after: int, limit: int) -> list[Record]:
    """Records of all scopes. One that cannot be understood ends the batch before it, and is an error as the first."""
    rows: list[Row] = connection.execute(
        "SELECT offset, tenant, scope, event_id, body FROM record WHERE offset > ? ORDER BY offset LIMIT ?",
        (min(after, LARGEST_INTEGER), limit),
    ).fetchall()
    records: list[Record] = []
    for row in rows:
        try:
            records.append(_record(row))
        except StateError:
            if not records:
                raise
            break
    return records


def head(connection: sqlite3.Connection, key: ScopeKey) -> int:
    row = connection.execute(
        "SELECT offset FROM record WHERE tenant = ? AND scope = ? ORDER BY offset DESC LIMIT 1",
        (key.tenant, key.scope),
    ).fetchone()
    return row[0] if row else 0


def position(connection: sqlite3.Connection) -> int:
    # Not the largest offset that is there: that one may have been trimmed.
    (offset,) = connection.execute("SELECT offset FROM given").fetchone()
    return int(offset)


def load_snapshot(connection: sqlite3.Connection, key: ScopeKey) -> tuple[int, bytes] | None:
    row = connection.execute(
        "SELECT offset, blob FROM snapshot WHERE tenant = ? AND scope = ?", (key.tenant, key.scope)
    ).fetchone()
    return None if row is None else (row[0], row[1])


def find_decision(connection: sqlite3.Connection, decision_id: str) -> Decision | None:
    row = connection.execute(
        "SELECT tenant, scope, at, body FROM decision WHERE decision_id = ?", (decision_id,)
    ).fetchone()
    if row is None:
        return None
    tenant, scope, at, body = row
    return Decision(decision_id=decision_id, key=ScopeKey(tenant, scope), at=at, body=body)


class Operation(msgspec.Struct, frozen=True):
    """What is kept of an idempotency key: the body that it was used with, where its events are, what was answered."""

    digest: str
    offset: int
    answer: bytes

    def repeated(self, digest: str) -> Appended | CallerError:
        """What the same operation gets when it comes again."""
        if digest == self.digest:
            return Appended(self.offset, replayed=True, answer=self.answer)
        return CallerError(409, "operation_conflict", "the operation id was used before, with another body")


def find_operation(connection: sqlite3.Connection, key: tuple[str, str, str]) -> Operation | None:
    """`key` is tenant, scope and operation."""
    row = connection.execute(
        "SELECT digest, offset, answer FROM operation WHERE tenant = ? AND scope = ? AND operation = ?", key
    ).fetchone()
    return None if row is None else Operation(*row)


def _record(row: Row) -> Record:
    offset, tenant, scope, event_id, body = row
    return Record(key=ScopeKey(tenant, scope), offset=offset, event_id=event_id, event=decode_event(body))
