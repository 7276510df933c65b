"""The writer's transactions: a group of jobs, a batch of decisions, a probe. Blocking; runs in the writer thread only.

`BEGIN IMMEDIATE` lets one writer of all processes in at a time, and offsets are given inside it: so offsets become
visible in their order, and a reader that has seen one has seen all smaller ones. What a transaction stores it seals.
"""

import json
import sqlite3
from collections.abc import Sequence

from firewall.core.chain import Item, digest_at, place_of
from firewall.errors import CallerError
from firewall.log.sqlite_chain import Chain
from firewall.log.sqlite_file import transaction
from firewall.log.sqlite_inbox import Append, Job
from firewall.log.sqlite_reader import Operation, find_operation
from firewall.ports import Appended, Decision

Answer = Appended | CallerError | None
"""What a job is told after the commit; None for a snapshot."""
Value = int | float | str | bytes

_COLUMNS = 5
_ROWS_AT_ONCE = (64, 16, 4, 1)
"""Rows of one statement. Each statement gives the interpreter away and has to get it back, which costs more than a row."""


def _inserts(head: str) -> list[tuple[int, str]]:
    return [(rows, head + ",".join(["(?,?,?,?,?)"] * rows)) for rows in _ROWS_AT_ONCE]


_INSERT_RECORDS = _inserts("INSERT INTO record (offset, tenant, scope, event_id, body) VALUES ")
_INSERT_DECISIONS = _inserts("INSERT INTO decision (decision_id, tenant, scope, at, body) VALUES ")
_INSERT_OPERATION = "INSERT INTO operation VALUES (?, ?, ?, ?, ?, ?, ?)"
# A slower process must not put back what a faster one has saved.
_SAVE_SNAPSHOT = """INSERT INTO snapshot VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET offset = excluded.offset, blob = excluded.blob
    WHERE excluded.offset >= snapshot.offset"""
_STORED_DECISIONS = "SELECT decision_id FROM decision WHERE decision_id IN (SELECT value FROM json_each(?))"
_PROBE_BYTES = 64 * 1024


def store(connection: sqlite3.Connection, jobs: Sequence[Job], *, chain: Chain, at: float) -> list[Answer]:
    """Commit all jobs together; an answer for each. An operation in conflict stores nothing and hinders no other."""
    with chain.sealing(connection):
        group = _Group(connection, at)
        answers: list[Answer] = []
        for job in jobs:
            if isinstance(job, Append):
                answers.append(group.append(job))
            else:
                connection.execute(_SAVE_SNAPSHOT, (job.key.tenant, job.key.scope, job.offset, job.blob))
                answers.append(None)
        group.write(chain)
    return answers


def store_decisions(connection: sqlite3.Connection, decisions: Sequence[Decision], *, chain: Chain) -> None:
    """Commit decisions. One that is stored stays as it is: a receipt that was sealed never changes."""
    with chain.sealing(connection):
        asked = json.dumps([decision.decision_id for decision in decisions])
        known = {id_ for (id_,) in connection.execute(_STORED_DECISIONS, (asked,))}
        new = [decision for decision in decisions if decision.decision_id not in known]
        if not new:
            return
        values: list[Value] = []
        items: list[Item] = []
        places: dict[tuple[str, str], bytes] = {}
        for one in new:
            id_, body, where = one.decision_id, one.body, (one.key.tenant, one.key.scope)
            place = places.get(where)
            if place is None:
                place = places[where] = place_of("receipt", *where)
            values += (id_, *where, one.at, body)
            items.append(Item("receipt", *where, id_, 0, digest_at(place, id_, body)))
        _insert(connection, _INSERT_DECISIONS, values)
        chain.seal(connection, "receipts", items)


def probe(connection: sqlite3.Connection) -> None:
    """Write something of some size and take it away again: raises while the log cannot take an append."""
    with transaction(connection):
        connection.execute("INSERT INTO probe VALUES (zeroblob(?))", (_PROBE_BYTES,))
    with transaction(connection):
        connection.execute("DELETE FROM probe")


def _insert(connection: sqlite3.Connection, statements: list[tuple[int, str]], values: list[Value]) -> None:
    done, most = 0, len(values)
    for rows, statement in statements:
        while most - done >= (width := rows * _COLUMNS):
            connection.execute(statement, values[done : done + width])
            done += width


class _Group:
    """The rows of one transaction, gathered first and inserted in one go."""

    def __init__(self, connection: sqlite3.Connection, at: float) -> None:
        self._connection = connection
        self._at = at
        (self._offset,) = connection.execute("SELECT offset FROM given").fetchone()
        self._values: list[Value] = []
        self._items: list[Item] = []
        self._places: dict[tuple[str, str], bytes] = {}
        self._operations: dict[tuple[str, str, str], Operation] = {}

    def append(self, job: Append) -> Appended | CallerError:
        key = job.key
        tenant, scope = key.tenant, key.scope
        if job.operation:
            known = self._known((tenant, scope, job.operation))
            if known is not None:
                return known.repeated(job.digest)
        place = self._places.get((tenant, scope))
        if place is None:
            place = self._places[tenant, scope] = place_of("evidence", tenant, scope)
        offset, values, items = self._offset, self._values, self._items
        for event_id, body in job.events:
            offset += 1
            values += (offset, tenant, scope, event_id, body)
            items.append(Item("evidence", tenant, scope, event_id, offset, digest_at(place, event_id, body)))
        self._offset = offset
        if job.operation:
            self._operations[tenant, scope, job.operation] = Operation(job.digest, offset, job.answer)
        return Appended(offset)

    def write(self, chain: Chain) -> None:
        if not self._items:
            return
        self._connection.execute("UPDATE given SET offset = ?", (self._offset,))
        _insert(self._connection, _INSERT_RECORDS, self._values)
        if self._operations:
            self._connection.executemany(
                _INSERT_OPERATION,
                [
                    (*key, found.digest, found.offset, self._at, found.answer)
                    for key, found in self._operations.items()
                ],
            )
        chain.seal(self._connection, "log", self._items)

    def _known(self, key: tuple[str, str, str]) -> Operation | None:
        return self._operations.get(key) or find_operation(self._connection, key)
