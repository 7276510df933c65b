"""What would make the log read its rows otherwise than an auditor does is found too, though every byte is what was sealed."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from firewall.core.chain import Head
from firewall.core.fault import Report
from firewall.core.verify import Verifier
from firewall.errors import StateError
from firewall.keyring import signed_by
from firewall.log.codec import encode_event
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_audit import read_trail
from tests.log.keys import SIGNER
from tests.log.samples import KEY, decision, held, numbers

_INDEX = "CREATE INDEX record_scope ON record (tenant, scope)"


def _filled(path: Path) -> None:
    async def fill() -> None:
        log = await SqliteLog.open(path, signer=SIGNER)
        for number in range(3):
            await log.append(KEY, [held(number)])
        assert log.record_decision(decision(1))
        await log.close()

    asyncio.run(fill())


def _seen(path: Path) -> list[str]:
    """What the log itself finds."""

    async def read() -> list[str]:
        log = await SqliteLog.open(path, signer=SIGNER)
        found = numbers(await log.read(KEY))
        await log.close()
        return found

    return asyncio.run(read())


def _edit(path: Path, *statements: str) -> None:
    file = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        file.execute(statement)
    file.close()


def _report(path: Path, anchor: Sequence[Head] = ()) -> Report:
    verifier = Verifier({SIGNER.key_id: SIGNER.public}, anchor, signed_by=signed_by)
    for page in read_trail(path):
        verifier.feed(page)
    return verifier.finish()


@pytest.mark.parametrize(
    ("table", "column", "kind", "code"),
    [
        ("record", "tenant", "BLOB", "moved"),
        ("record", "scope", "BLOB", "moved"),
        ("record", "event_id", "BLOB", "missing"),
        ("record", "body", "TEXT", "changed"),
        ("decision", "tenant", "BLOB", "moved"),
        ("decision", "decision_id", "BLOB", "missing"),
        ("seal", "lane", "BLOB", "unreadable"),
    ],
)
def test_the_same_bytes_of_another_type(
    tmp_path: Path, table: str, column: str, kind: str, code: str
) -> None:
    """By a tenant of another type the log does not find a record any more: it would be hidden, and its bytes unchanged."""
    _filled(tmp_path / "log.db")
    assert _report(tmp_path / "log.db").sound
    _edit(tmp_path / "log.db", f"UPDATE {table} SET {column} = CAST({column} AS {kind})")
    assert _report(tmp_path / "log.db").faults[0].code == code


def test_an_index_that_lacks_a_row(tmp_path: Path) -> None:
    """The log finds its records by it."""
    _filled(tmp_path / "log.db")
    _edit(
        tmp_path / "log.db",
        "PRAGMA writable_schema = ON",
        "DROP INDEX record_scope",
        f"{_INDEX} WHERE offset <> 2",
        f"UPDATE sqlite_schema SET sql = '{_INDEX}' WHERE name = 'record_scope'",
    )
    assert _seen(tmp_path / "log.db") == ["m0", "m2"]
    (fault,) = _report(tmp_path / "log.db").faults
    assert "integrity_check" in fault.what


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER gone AFTER INSERT ON record BEGIN DELETE FROM record WHERE offset = new.offset; END",
        "CREATE VIEW more AS SELECT * FROM record",
        "CREATE TABLE more (id)",
        "DROP INDEX record_scope",
    ],
)
def test_what_memfw_does_not_make(tmp_path: Path, statement: str) -> None:
    """A trigger changes what is stored next, a view what is read."""
    _filled(tmp_path / "log.db")
    _edit(tmp_path / "log.db", statement)
    (fault,) = _report(tmp_path / "log.db").faults
    assert "is not what memfw makes" in fault.what


def test_what_sqlite_keeps_for_itself(tmp_path: Path) -> None:
    """Statistics that an operator had made are no tampering."""
    _filled(tmp_path / "log.db")
    _edit(tmp_path / "log.db", "ANALYZE")
    assert _report(tmp_path / "log.db").sound


def test_a_log_that_is_made_to_look_older(tmp_path: Path) -> None:
    """Nobody opens it, so nobody seals what was put into it."""
    _filled(tmp_path / "log.db")
    body = encode_event(held(9)).hex()
    _edit(
        tmp_path / "log.db",
        f"INSERT INTO record VALUES (9, 'acme', 'checkout', 'forged', x'{body}')",
        *(f"DROP TABLE {table}" for table in ("seal", "held_text", "trimmed")),
        "PRAGMA user_version = 2",
    )
    with pytest.raises(StateError, match="schema 2"):
        _seen(tmp_path / "log.db")
