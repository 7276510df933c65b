"""The file of an older memfw: what it holds is sealed by the one that opens it, all or nothing."""

import sqlite3
from pathlib import Path

import pytest

from firewall.core.chain import SealSigner
from firewall.errors import StateError
from firewall.log.codec import encode_event
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_schema import APPLICATION_ID
from tests.log.keys import SIGNER
from tests.log.samples import KEY, OTHER, held, numbers
from tests.log.trail import bodies_of, check, named_in

_SCHEMA_2 = f"""
    CREATE TABLE record (
        offset INTEGER PRIMARY KEY, tenant TEXT NOT NULL, scope TEXT NOT NULL,
        event_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL);
    CREATE INDEX record_scope ON record (tenant, scope);
    CREATE TABLE given (offset INTEGER NOT NULL);
    CREATE TABLE operation (
        tenant TEXT NOT NULL, scope TEXT NOT NULL, operation TEXT NOT NULL, digest TEXT NOT NULL,
        offset INTEGER NOT NULL, at REAL NOT NULL, answer BLOB NOT NULL,
        PRIMARY KEY (tenant, scope, operation)) WITHOUT ROWID;
    CREATE TABLE snapshot (
        tenant TEXT NOT NULL, scope TEXT NOT NULL, offset INTEGER NOT NULL, blob BLOB NOT NULL,
        PRIMARY KEY (tenant, scope));
    CREATE TABLE decision (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL,
        scope TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL);
    CREATE TABLE probe (ballast BLOB NOT NULL);
    PRAGMA application_id={APPLICATION_ID};
    PRAGMA user_version=2;
"""


def older(path: Path, records: int, decisions: int) -> None:
    """A file as schema 2 left it, with a gap in its offsets."""
    with sqlite3.connect(path) as file:
        file.executescript(_SCHEMA_2)
        file.executemany(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?)",
            [
                (2 * number, *_place(number), f"e{number}", encode_event(held(number)))
                for number in range(1, records + 1)
            ],
        )
        file.execute("INSERT INTO given VALUES (?)", (2 * records,))
        file.executemany(
            "INSERT INTO decision (decision_id, tenant, scope, at, body) VALUES (?, 'acme', 'checkout', 1.0, ?)",
            [(f"dec{number}", b"{}") for number in range(decisions)],
        )
    file.close()


def _place(number: int) -> tuple[str, str]:
    key = KEY if number % 3 else OTHER
    return key.tenant, key.scope


async def test_what_an_older_memfw_stored_is_sealed(tmp_path: Path) -> None:
    """In several seals of the one that migrates; records read as before, and the log goes on."""
    older(tmp_path / "log.db", 2500, 30)
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    assert len(await named_in(log)) == 2530
    assert [len(body.items) for body in await bodies_of(log)] == [1000, 1000, 500, 30]
    assert len(await log.read(OTHER, limit=5000)) == 833
    assert (await log.append(KEY, [held(1)])).offset == 5001
    await check(log)
    await log.close()
    again = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    assert len(await named_in(again)) == 2531
    await check(again)
    await again.close()


async def test_an_empty_older_file_needs_no_seal(tmp_path: Path) -> None:
    """It only gets its tables."""
    older(tmp_path / "log.db", 0, 0)
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    assert await bodies_of(log) == []
    await log.append(KEY, [held(1)])
    await check(log)
    await log.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The file is as it was, and the next start migrates it."""

    class Broken:
        key_id = "k1"

        def sign(self, body: bytes) -> bytes:
            raise StateError("log_unavailable", f"cannot sign {len(body)} bytes")

    older(tmp_path / "log.db", 10, 1)
    broken: SealSigner = Broken()
    with pytest.raises(StateError, match="cannot sign"):
        await SqliteLog.open(tmp_path / "log.db", signer=broken)
    with sqlite3.connect(tmp_path / "log.db") as file:
        assert file.execute("PRAGMA user_version").fetchone() == (2,)
        assert file.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'seal'").fetchone() == (0,)
    file.close()
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    assert numbers(await log.read(OTHER)) == ["m3", "m6", "m9"]
    await check(log)
    await log.close()
