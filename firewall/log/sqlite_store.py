"""The writer's transactions: a group of jobs, a batch of decisions, a probe. Blocking; runs in the writer thread only.

`BEGIN IMMEDIATE` lets one writer of all processes in at a time, and offsets are given inside it: so offsets become
visible in their order, and a reader that has seen one has seen all smaller ones.
"""

import sqlite3
from collections.abc import Sequence

from firewall.errors import CallerError
from firewall.log.sqlite_file import transaction
from firewall.log.sqlite_inbox import Append, SaveSnapshot
from firewall.log.sqlite_reader import Operation, find_operation
from firewall.ports import Appended, Decision

Answer = Appended | CallerError | None
"""What a job is told after the commit; None for a snapshot."""

_INSERT_RECORD = "INSERT INTO record (offset, tenant, scope, event_id, body) VALUES (?, ?, ?, ?, ?)"
_INSERT_OPERATION = "INSERT INTO operation VALUES (?, ?, ?, ?, ?, ?, ?)"
# A slower process must not put back what a faster one has saved.
_SAVE_SNAPSHOT = """INSERT INTO snapshot VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET offset = excluded.offset, blob = excluded.blob
    WHERE excluded.offset >= snapshot.offset"""
_SAVE_DECISION = (
    "INSERT OR REPLACE INTO decision (decision_id, tenant, scope, at, body) VALUES (?, ?, ?, ?, ?)"
)
_TRIM_DECISIONS = "DELETE FROM decision WHERE seq <= (SELECT max(seq) FROM decision) - ?"
_PROBE_BYTES = 64 * 1024


def store(
    connection: sqlite3.Connection, jobs: Sequence[Append | SaveSnapshot], *, at: float
) -> list[Answer]:
    """Commit all jobs together; an answer for each. An operation in conflict stores nothing and hinders no other."""
    with transaction(connection):
        group = _Group(connection, at)
        answers: list[Answer] = []
        for job in jobs:
            match job:
                case Append():
                    answers.append(group.append(job))
                case SaveSnapshot():
                    connection.execute(_SAVE_SNAPSHOT, (job.key.tenant, job.key.scope, job.offset, job.blob))
                    answers.append(None)
        group.write()
    return answers


def store_decisions(connection: sqlite3.Connection, decisions: Sequence[Decision], *, keep: int) -> None:
    """Commit decisions and let the oldest beyond `keep` go."""
    rows = [
        (decision.decision_id, decision.key.tenant, decision.key.scope, decision.at, decision.body)
        for decision in decisions
    ]
    with transaction(connection):
        connection.executemany(_SAVE_DECISION, rows)
        connection.execute(_TRIM_DECISIONS, (keep,))


def probe(connection: sqlite3.Connection) -> None:
    """Write something of some size and take it away again: raises while the log cannot take an append."""
    with transaction(connection):
        connection.execute("INSERT INTO probe VALUES (zeroblob(?))", (_PROBE_BYTES,))
    with transaction(connection):
        connection.execute("DELETE FROM probe")


class _Group:
    """The rows of one transaction, gathered first and inserted in one go."""

    def __init__(self, connection: sqlite3.Connection, at: float) -> None:
        self._connection = connection
        self._at = at
        (self._offset,) = connection.execute("SELECT offset FROM given").fetchone()
        self._records: list[tuple[int, str, str, str, bytes]] = []
        self._operations: dict[tuple[str, str, str], Operation] = {}

    def append(self, job: Append) -> Appended | CallerError:
        tenant, scope = job.key.tenant, job.key.scope
        operation_key = (tenant, scope, job.operation)
        if job.operation:
            known = self._known(operation_key)
            if known is not None:
                return known.repeated(job.digest)
        for event_id, body in zip(job.ids, job.bodies, strict=True):
            self._offset += 1
            self._records.append((self._offset, tenant, scope, event_id, body))
        if job.operation:
            self._operations[operation_key] = Operation(job.digest, self._offset, job.answer)
        return Appended(self._offset)

    def write(self) -> None:
        if not self._records:
            return
        self._connection.execute("UPDATE given SET offset = ?", (self._offset,))
        self._connection.executemany(_INSERT_RECORD, self._records)
        self._connection.executemany(
            _INSERT_OPERATION,
            [
                (*key, found.digest, found.offset, self._at, found.answer)
                for key, found in self._operations.items()
            ],
        )

    def _known(self, key: tuple[str, str, str]) -> Operation | None:
        return self._operations.get(key) or find_operation(self._connection, key)
