"""Stores that a test may tamper with, as somebody would who holds the disk but no key.

`Tamperable` is what an edit needs; another kind of store adds one class. Every edit is made around memfw, and made well: what
else the store keeps to look things up is kept in step, so that nothing but the chain can tell.
"""

import base64
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from firewall.core.chain import Sealed, Stored, seal_body

Line = dict[str, Any]


class Tamperable(Protocol):
    """A store or an export at rest. Things and seals are given in the order in which they stand."""

    apart: bool
    """Whether seals and things, and things and their offsets, can be changed one without the other."""

    @property
    def arguments(self) -> list[str]:
        """How `memfw audit verify` is told of it."""
        ...

    def things(self) -> list[Stored]: ...

    def seals(self) -> list[Sealed]: ...

    def change(self, old: Stored, new: Stored) -> None:
        """Another thing in the same place."""
        ...

    def remove(self, thing: Stored) -> None: ...

    def add(self, thing: Stored) -> None: ...

    def change_seal(self, old: Sealed, new: Sealed) -> None: ...

    def remove_seal(self, seal: Sealed) -> None: ...

    def add_seal(self, seal: Sealed) -> None: ...

    def copy_to(self, place: Path) -> "Tamperable":
        """The whole of it as it is now."""
        ...

    def roll_back(self, copy: "Tamperable") -> None:
        """Put an older copy in its place."""
        ...


class SqliteFile:
    """An embedded log, closed."""

    apart = True

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def arguments(self) -> list[str]:
        return ["--state", f"sqlite:///{self.path}"]

    def things(self) -> list[Stored]:
        with closing(sqlite3.connect(self.path)) as connection:
            evidence = connection.execute(
                "SELECT 'evidence', tenant, scope, event_id, offset, body FROM record ORDER BY offset"
            ).fetchall()
            receipts = connection.execute(
                "SELECT 'receipt', tenant, scope, decision_id, 0, body FROM decision ORDER BY seq"
            ).fetchall()
        return [
            Stored(kind=kind, tenant=tenant, scope=scope, id=id_, offset=offset, body=body)
            for kind, tenant, scope, id_, offset, body in (*evidence, *receipts)
        ]

    def seals(self) -> list[Sealed]:
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute("SELECT body, signature FROM seal ORDER BY place").fetchall()
        return [Sealed(*row) for row in rows]

    def change(self, old: Stored, new: Stored) -> None:
        values = (new.tenant, new.scope, new.id, new.body)
        if old.kind == "evidence":
            self._run(
                "UPDATE record SET tenant = ?, scope = ?, event_id = ?, body = ?, offset = ? WHERE offset = ?",
                *values,
                new.offset,
                old.offset,
            )
        else:
            self._run(
                "UPDATE decision SET tenant = ?, scope = ?, decision_id = ?, body = ? WHERE decision_id = ?",
                *values,
                old.id,
            )

    def remove(self, thing: Stored) -> None:
        table, column = ("record", "event_id") if thing.kind == "evidence" else ("decision", "decision_id")
        self._run(f"DELETE FROM {table} WHERE {column} = ?", thing.id)

    def add(self, thing: Stored) -> None:
        if thing.kind == "evidence":
            self._run(
                "INSERT INTO record (offset, tenant, scope, event_id, body) VALUES (?, ?, ?, ?, ?)",
                thing.offset,
                thing.tenant,
                thing.scope,
                thing.id,
                thing.body,
            )
        else:
            self._run(
                "INSERT INTO decision (decision_id, tenant, scope, at, body) VALUES (?, ?, ?, 1.0, ?)",
                thing.id,
                thing.tenant,
                thing.scope,
                thing.body,
            )

    def change_seal(self, old: Sealed, new: Sealed) -> None:
        was, says = seal_body(old), seal_body(new)
        place = (was.lane, was.seq)
        self._run(
            "UPDATE seal SET body = ?, signature = ? WHERE lane = ? AND seq = ?",
            new.body,
            new.signature,
            *place,
        )
        if place != (says.lane, says.seq) and new not in self.seals()[:-1]:
            self._run(
                "UPDATE seal SET lane = ?, seq = ?, at = ? WHERE lane = ? AND seq = ?",
                says.lane,
                says.seq,
                says.at,
                *place,
            )

    def remove_seal(self, seal: Sealed) -> None:
        self._run("DELETE FROM seal WHERE body = ?", seal.body)

    def add_seal(self, seal: Sealed) -> None:
        says = seal_body(seal)
        self._run(
            "INSERT INTO seal (lane, seq, at, body, signature) VALUES (?, ?, ?, ?, ?)",
            says.lane,
            says.seq,
            says.at,
            seal.body,
            seal.signature,
        )

    def copy_to(self, place: Path) -> "SqliteFile":
        shutil.copy(self.path, place)
        return SqliteFile(place)

    def roll_back(self, copy: Tamperable) -> None:
        assert isinstance(copy, SqliteFile)
        shutil.copy(copy.path, self.path)

    def _run(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            assert connection.execute(statement, values).rowcount == 1


class ExportFile:
    """What `memfw audit export` wrote. Its last line is kept right."""

    apart = True

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def arguments(self) -> list[str]:
        return [str(self.path)]

    def things(self) -> list[Stored]:
        return [
            Stored(
                kind=line["kind"],
                tenant=line["tenant"],
                scope=line["scope"],
                id=line["id"],
                offset=line["offset"],
                body=base64.b64decode(line["body"]),
            )
            for line in self.lines()
            if line["line"] == "stored"
        ]

    def seals(self) -> list[Sealed]:
        return [
            Sealed(base64.b64decode(line["body"]), base64.b64decode(line["signature"]))
            for line in self.lines()
            if line["line"] == "seal"
        ]

    def change(self, old: Stored, new: Stored) -> None:
        self._replace(_stored_line(old), [_stored_line(new)])

    def remove(self, thing: Stored) -> None:
        self._replace(_stored_line(thing), [])

    def add(self, thing: Stored) -> None:
        lines = self.lines()
        self.write([*lines[:-1], _stored_line(thing), lines[-1]])

    def change_seal(self, old: Sealed, new: Sealed) -> None:
        self._replace(_seal_line(old), [_seal_line(new)])

    def remove_seal(self, seal: Sealed) -> None:
        self._replace(_seal_line(seal), [])

    def add_seal(self, seal: Sealed) -> None:
        lines = self.lines()
        after = max(index for index, line in enumerate(lines) if line["line"] == "seal") + 1
        self.write([*lines[:after], _seal_line(seal), *lines[after:]])

    def copy_to(self, place: Path) -> "ExportFile":
        shutil.copy(self.path, place)
        return ExportFile(place)

    def roll_back(self, copy: Tamperable) -> None:
        assert isinstance(copy, ExportFile)
        shutil.copy(copy.path, self.path)

    def lines(self) -> list[Line]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def write(self, lines: list[Line]) -> None:
        kinds = [line["line"] for line in lines]
        end = {"line": "end", "seals": kinds.count("seal"), "stored": kinds.count("stored")}
        self.path.write_text("".join(f"{json.dumps(line)}\n" for line in (*lines[:-1], end)))

    def _replace(self, old: Line, new: list[Line]) -> None:
        lines = self.lines()
        (index,) = [
            index for index, line in enumerate(lines) if {k: v for k, v in line.items() if k != "view"} == old
        ]
        self.write([*lines[:index], *new, *lines[index + 1 :]])


def _stored_line(thing: Stored) -> Line:
    assert thing.body is not None
    return {
        "line": "stored",
        "kind": thing.kind,
        "tenant": thing.tenant,
        "scope": thing.scope,
        "id": thing.id,
        "offset": thing.offset,
        "body": base64.b64encode(thing.body).decode(),
    }


def _seal_line(seal: Sealed) -> Line:
    return {
        "line": "seal",
        "body": base64.b64encode(seal.body).decode(),
        "signature": base64.b64encode(seal.signature).decode(),
    }
