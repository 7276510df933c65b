"""Copies of an embedded log: of one that runs, and the way back; what is refused."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_backup import Copied, back_up, restore
from tests.log.keys import SIGNER
from tests.log.samples import KEY, decision, held, numbers
from tests.log.test_sqlite_processes import acknowledged, spawn
from tests.log.trail import bodies_of, check


async def filled(path: Path, count: int = 3) -> None:
    """A log with some records, a receipt and a held text, closed."""
    log = await SqliteLog.open(path, signer=SIGNER)
    for number in range(count):
        await log.append(KEY, [held(number)])
    assert log.record_decision(decision(1))
    await log.keep_text(KEY, "t1", b"concealed")
    await log.close()


async def backed_up(source: Path, target: Path) -> Copied:
    return await asyncio.to_thread(back_up, source, target)


async def restored(source: Path, target: Path, *, force: bool = False) -> Copied:
    return await asyncio.to_thread(lambda: restore(source, target, force=force, stamp="old"))


async def test_a_backup_holds_all_that_was_acknowledged_before_it(tmp_path: Path) -> None:
    """Taken from outside while another process appends; the restored log opens, verifies, and its chain goes on."""
    path, copy, back = tmp_path / "log.db", tmp_path / "copy.db", tmp_path / "back.db"
    process = await spawn(path, "busy", 1_000_000)
    assert process.stdout is not None
    before: dict[str, int] = {}
    while len(before) < 200:
        name, offset = (await process.stdout.readline()).split()
        before[name.decode()] = int(offset)
    copied = await backed_up(path, copy)
    process.kill()
    await acknowledged(process)
    assert copied.offset >= max(before.values())
    await restored(copy, back)
    log = await SqliteLog.open(back, signer=SIGNER)
    records = await log.read(ScopeKey("acme", "busy"), limit=1_000_000)
    assert before.items() <= {name: record.offset for record in records for name in numbers([record])}.items()
    assert len(records) == records[-1].offset == copied.offset
    lanes = {body.lane for body in await bodies_of(log)}
    await log.append(KEY, [held(1)])
    newest = (await bodies_of(log))[-1]
    assert lanes <= {head.lane for head in newest.heads}
    await check(log)
    await log.close()


async def test_a_copy_is_one_file_for_its_owner(tmp_path: Path) -> None:
    """Mode 0600, nothing beside it, held texts in it."""
    await filled(tmp_path / "log.db")
    copied = await backed_up(tmp_path / "log.db", tmp_path / "copies.db")
    assert (copied.offset, copied.receipts) == (3, 1)
    assert sorted(path.name for path in tmp_path.glob("*cop*")) == ["copies.db"]
    assert stat.S_IMODE((tmp_path / "copies.db").stat().st_mode) == 0o600
    await restored(tmp_path / "copies.db", tmp_path / "back.db")
    log = await SqliteLog.open(tmp_path / "back.db", signer=SIGNER)
    assert await log.kept_text(KEY, "t1") == b"concealed"
    assert await log.decision("dec1") == decision(1)
    await log.close()


@pytest.mark.parametrize("there", ["copy.db", "copy.db-wal"])
async def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    """Neither a file of that name nor one that SQLite would take for a part of it."""
    await filled(tmp_path / "log.db")
    (tmp_path / there).write_text("precious")
    for copy in (backed_up, restored):
        with pytest.raises(StateError, match="there already"):
            await copy(tmp_path / "log.db", tmp_path / "copy.db")
    assert (tmp_path / there).read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([there, "log.db"])


async def test_what_is_no_log_is_not_copied(tmp_path: Path) -> None:
    """A missing file, an empty one, another program's database, no database, a newer memfw's."""
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no database at all" * 500)
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE mine (id)")
    other.close()
    await filled(tmp_path / "newer")
    with sqlite3.connect(tmp_path / "newer") as newer:
        newer.execute("PRAGMA user_version=99")
    newer.close()
    for name, code in (
        ("missing", "log_unavailable"),
        ("empty", "log_format"),
        ("text", "log_corrupt"),
        ("other", "log_format"),
        ("newer", "log_format"),
    ):
        for copy in (backed_up, restored):
            with pytest.raises(StateError) as caught:
                await copy(tmp_path / name, tmp_path / "copy.db")
            assert caught.value.code == code
    assert not (tmp_path / "copy.db").exists()
    assert not (tmp_path / "missing").exists()


def _damage(path: Path) -> None:
    """Every page but the first two."""
    damaged = bytearray(path.read_bytes())
    for start in range(8192, len(damaged), 4096):
        damaged[start : start + 64] = b"\xff" * 64
    path.write_bytes(damaged)


async def test_a_damaged_log_gives_no_copy(tmp_path: Path) -> None:
    """The damage is found when the copy is checked, and no file appears."""
    await filled(tmp_path / "log.db", count=300)
    _damage(tmp_path / "log.db")
    with pytest.raises(StateError) as caught:
        await backed_up(tmp_path / "log.db", tmp_path / "copy.db")
    assert caught.value.code == "log_corrupt"
    assert [path.name for path in tmp_path.iterdir()] == ["log.db"]


async def test_force_moves_what_was_there_aside(tmp_path: Path) -> None:
    """It is still a log afterwards; the restored one stands in its place."""
    await filled(tmp_path / "log.db", count=2)
    await backed_up(tmp_path / "log.db", tmp_path / "copy.db")
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    await log.append(KEY, [held(9)])
    with pytest.raises(StateError) as caught:
        await restored(tmp_path / "copy.db", tmp_path / "log.db", force=True)
    assert caught.value.code == "log_locked"
    await log.append(KEY, [held(10)])
    await log.close()
    found = await restored(tmp_path / "copy.db", tmp_path / "log.db", force=True)
    assert found.aside == tmp_path / "log.db.old"
    for path, expected in (("log.db", ["m0", "m1"]), ("log.db.old", ["m0", "m1", "m9", "m10"])):
        log = await SqliteLog.open(tmp_path / path, signer=SIGNER)
        assert numbers(await log.read(KEY)) == expected
        await check(log)
        await log.close()


async def test_a_source_that_cannot_be_used_costs_nothing(tmp_path: Path) -> None:
    """The log that is there stays where it is, also with force."""
    await filled(tmp_path / "log.db")
    (tmp_path / "copy.db").write_text("no database at all" * 500)
    with pytest.raises(StateError):
        await restored(tmp_path / "copy.db", tmp_path / "log.db", force=True)
    assert (tmp_path / "log.db").exists()
    assert not (tmp_path / "log.db.old").exists()


async def test_a_damaged_source_costs_nothing_either(tmp_path: Path) -> None:
    """It opens as a log, and its damage is only found when the copy is checked."""
    await filled(tmp_path / "log.db", count=300)
    await backed_up(tmp_path / "log.db", tmp_path / "copy.db")
    _damage(tmp_path / "copy.db")
    with pytest.raises(StateError) as caught:
        await restored(tmp_path / "copy.db", tmp_path / "log.db", force=True)
    assert caught.value.code == "log_corrupt"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "log.db"]


async def test_a_log_that_is_too_damaged_to_open_can_be_replaced(tmp_path: Path) -> None:
    """That is what a copy is for."""
    await filled(tmp_path / "log.db")
    await backed_up(tmp_path / "log.db", tmp_path / "copy.db")
    (tmp_path / "log.db").write_text("no database any more" * 500)
    await restored(tmp_path / "copy.db", tmp_path / "log.db", force=True)
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    assert numbers(await log.read(KEY)) == ["m0", "m1", "m2"]
    await log.close()
