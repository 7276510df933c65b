"""The chain in the file where something goes wrong: failed commits, taken numbers, many seals, foreign rows."""

import asyncio
import sqlite3
from pathlib import Path

import msgspec
import pytest

from firewall.core.chain import Item, SealBody, seal_body
from firewall.errors import StateError
from firewall.log import sqlite_chain, sqlite_file
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_file import SqliteSettings
from firewall.ports import Trimmed
from tests.log.conftest import QUICK
from tests.log.keys import SIGNER
from tests.log.samples import KEY, decision, held, numbers
from tests.log.test_sqlite_faults import fill, pragma
from tests.log.trail import bodies_of, check, named_in, seals_of, things_of, verified


async def test_a_failed_commit_leaves_no_gap(tmp_path: Path) -> None:
    """After a full disk the lane goes on with the number that was not stored."""
    settings = SqliteSettings(max_bytes=160_000, retry_pause=60, decision_delay=0.01)
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=settings)
    stored = await fill(log)
    assert len(await named_in(log)) == len(stored)
    await pragma(log, "PRAGMA max_page_count=1000000")
    await log.append(KEY, [held(-1)])
    await check(log)
    await log.close()


async def test_a_commit_whose_outcome_was_unknown_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said that it failed and was stored: the next seal follows it, and dropped receipts are not said twice."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=QUICK)
    await log.append(KEY, [held(1)])
    assert not log.record_decision(decision(float("nan")))  # type: ignore[arg-type] # a time that is no time
    original = sqlite_file.transaction
    failures = iter([True])

    class Unknown:
        def __init__(self, connection: sqlite3.Connection) -> None:
            self._inner = original(connection)

        def __enter__(self) -> None:
            self._inner.__enter__()

        def __exit__(self, *error: object) -> None:
            self._inner.__exit__(None, None, None)
            if next(failures, False):
                raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(sqlite_chain, "transaction", Unknown)
    with pytest.raises(StateError):
        await log.append(KEY, [held(2)])
    await log.append(KEY, [held(3)])
    assert numbers(await log.read(KEY)) == ["m1", "m2", "m3"]
    assert sum(body.dropped for body in await bodies_of(log)) == 1
    await check(log)
    await log.close()


async def test_a_checkpoint_comes_at_least_each_thousand_seals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here each five, of all lanes of the writer together."""
    monkeypatch.setattr(sqlite_chain, "CHECKPOINT_EVERY", 5)
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=QUICK)
    for number in range(20):
        await log.append(KEY, [held(number)])
    marks = [index for index, body in enumerate(await bodies_of(log)) if body.heads]
    assert marks == [6, 12, 18]
    await check(log)
    await log.close()


async def test_a_checkpoint_does_not_grow_with_the_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's asking, it names the lanes that were sealed last; each lane is still named by those that came after it."""
    monkeypatch.setattr(sqlite_chain, "HEADS_AT_MOST", 3)
    for number in range(6):
        log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=QUICK)
        await log.append(KEY, [held(number)])
        await log.close()
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=QUICK)
    bodies = await bodies_of(log)
    assert max(len(body.heads) for body in bodies) == 3
    newest = {body.lane: body.seq for body in bodies}
    named = {(head.lane, head.seq) for body in bodies for head in body.heads}
    assert set(list(newest.items())[:-1]) <= named
    assert len(await log.checkpoint()) == 7
    await check(log)
    await log.close()


async def test_foreign_rows_are_given_to_the_auditor(tmp_path: Path) -> None:
    """Whatever somebody wrote into the file, at whatever place; what is of another type is marked by a byte in front."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=QUICK)
    await log.append(KEY, [held(1)])
    with sqlite3.connect(tmp_path / "log.db") as other:
        other.execute("INSERT INTO record VALUES (-9223372036854775808, x'ff', 5, 'evil', 'text')")
        other.execute("INSERT INTO record VALUES (9223372036854775807, 't', 's', 'last', x'00')")
        other.execute(
            "INSERT INTO decision (seq, decision_id, tenant, scope, at, body) VALUES (-5, 'x', 't', 's', 'y', 1)"
        )
    other.close()
    things = await things_of(log)
    assert [thing.id for thing in things][::2] == ["evil", "last"]
    assert (things[0].tenant, things[0].scope, things[0].body) == ("\udcff\udcff", "5", b"\xfftext")
    assert len(things) == 4
    report = await verified(log)
    assert [fault.code for fault in report.faults] == ["not_sealed"] * 3
    await log.close()


async def test_a_number_that_somebody_took_stops_nothing(tmp_path: Path) -> None:
    """The writer goes on behind the foreign seal, which is found by its signature."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=QUICK)
    await log.append(KEY, [held(1)])
    lane = seal_body((await seals_of(log))[0]).lane
    with sqlite3.connect(tmp_path / "log.db") as other:
        other.execute(
            "INSERT INTO seal (lane, seq, at, body, signature) VALUES (?, 2, 0, x'c0', x'00')", (lane,)
        )
    other.close()
    results = await asyncio.gather(
        *(log.append(KEY, [held(number)]) for number in (2, 3)), return_exceptions=True
    )
    assert any(isinstance(result, StateError) for result in results) or len(results) == 2
    await log.append(KEY, [held(4)])
    assert (await verified(log)).found > 0
    await log.close()


async def test_foreign_seals_stop_nothing(tmp_path: Path) -> None:
    """Of no lane, no number, no bytes: checkpoints and retention go on, and the auditor finds them."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=QUICK)
    await log.append(KEY, [held(1)])
    huge = SealBody(
        lane="h/log",
        seq=1,
        at=0.0,
        prev=b"",
        key_id="k1",
        items=(Item("evidence", "t", "s", "e", 2**64 - 1, b""),),
    )
    rows = [
        (b"\xff/log", 1, 0.0, b"x"),
        ("t/log", "one", "never", "text"),
        ("n/receipts", 1, 0.0, "text"),
        ("h/log", 1, 0.0, msgspec.msgpack.encode(huge)),
        ("", 1, -1.0, b""),
    ]
    with sqlite3.connect(tmp_path / "log.db") as other:
        other.executemany("INSERT INTO seal (lane, seq, at, body, signature) VALUES (?, ?, ?, ?, 7)", rows)
        other.execute(
            "INSERT INTO seal (lane, seq, at, body, signature) VALUES (CAST(x'ff' AS TEXT), 1, 0, x'', x'')"
        )
    other.close()
    await log.save_snapshot(KEY, await log.head(KEY), b"state")
    assert len(await log.checkpoint()) == 4
    assert await log.trim(before=1e12) == Trimmed(records=1)
    await log.append(KEY, [held(2)])
    assert (await verified(log)).found > 0
    assert log.health().ok
    await log.close()


async def test_a_hundred_thousand_records_stream_in_pages(tmp_path: Path) -> None:
    """In batches that leave turns to others; here some thousands."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=QUICK)
    await log.append(KEY, [held(number) for number in range(4500)])
    sizes = [len(batch) async for batch in log.stored()]
    assert sizes == [2000, 2000, 500]
    await log.close()
