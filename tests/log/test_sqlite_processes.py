"""Several processes on one file: one order, nothing missed, nothing lost by a kill."""

import asyncio
import os
import sys
from pathlib import Path

from firewall.core.events import Record, ScopeKey
from firewall.log.projection import Projections
from firewall.log.sqlite import SqliteLog
from tests.log.keys import RING, SIGNER
from tests.log.samples import held, numbers
from tests.log.trail import check

APPENDER = Path(__file__).with_name("appender.py")


async def spawn(path: Path, scope: str, count: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(APPENDER),
        str(path),
        scope,
        str(count),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(APPENDER.parents[2])},
    )


async def acknowledged(
    process: asyncio.subprocess.Process, *, kill_after: int | None = None
) -> dict[str, int]:
    """What the process has acknowledged. With `kill_after` it is killed as soon as it has said so many lines."""
    assert process.stdout is not None
    found: dict[str, int] = {}
    async for line in process.stdout:
        if not line.endswith(b"\n") or line == b"done\n":
            continue
        name, offset = line.split()
        found[name.decode()] = int(offset)
        if kill_after is not None and len(found) == kill_after:
            process.kill()
    await process.wait()
    return found


async def everything(log: SqliteLog, key: ScopeKey) -> list[Record]:
    return await log.read(key, limit=1_000_000)


async def test_processes_that_start_together_share_one_order(tmp_path: Path) -> None:
    """Three processes make the new file at once; a follower misses none of their records and sees them in order."""
    path = tmp_path / "log.db"
    children = [await spawn(path, "shared", 60) for _ in range(2)] + [await spawn(path, "own", 60)]
    log = await SqliteLog.open(path, signer=SIGNER)
    followed: list[Record] = []
    told = [asyncio.ensure_future(acknowledged(child)) for child in children]
    async for batch in log.follow(after=(0,)):
        followed += batch
        if len(followed) == 120:
            break
    answers = [await task for task in told]
    assert [child.returncode for child in children] == [0, 0, 0]
    offsets = [record.offset for record in followed]
    assert offsets == sorted(set(offsets))
    # Two processes gave the same operations: both were told the same offsets, each stored once.
    assert answers[0] == answers[1]
    shared = await everything(log, ScopeKey("acme", "shared"))
    assert sorted(numbers(shared)) == sorted(answers[0])
    assert [record for record in followed if record.key.scope == "shared"] == shared
    await check(log)
    await log.close()


async def test_a_projection_follows_another_process(tmp_path: Path) -> None:
    """A warm scope gets what another process appends, without being asked to load again."""
    path, key = tmp_path / "log.db", ScopeKey("acme", "elsewhere")
    log = await SqliteLog.open(path, signer=SIGNER)
    projections = Projections(log, ring=RING, clock=lambda: 0.0)
    await projections.start()
    state = await projections.load(key)
    told = await acknowledged(await spawn(path, "elsewhere", 40))
    assert await projections.wait_for(key, max(told.values()), timeout=30)
    assert projections.state(key) is state
    assert {memory for _, memory, _ in state.held} == set(told)
    await projections.close()
    await log.close()


async def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """kill -9 in the middle of many appends: all acknowledged ones are there at their offsets, none twice."""
    path, key = tmp_path / "log.db", ScopeKey("acme", "killed")
    process = await spawn(path, "killed", 1_000_000)
    told = await acknowledged(process, kill_after=300)
    assert process.returncode == -9
    log = await SqliteLog.open(path, signer=SIGNER)
    stored = {name: record.offset for record in await everything(log, key) for name in numbers([record])}
    assert len(stored) == len(await everything(log, key))
    assert told.items() <= stored.items()
    await check(log)  # each record was sealed in the commit that stored it
    # Whoever retries what was in flight stores it once, too.
    await log.append(key, [held(1)], operation="killed-0", body_digest="d")
    assert len(await everything(log, key)) == len(stored)
    await check(log)
    await log.close()


async def test_a_run_repeated_after_a_kill_stores_each_operation_once(tmp_path: Path) -> None:
    """The client's retry with the same operation ids completes the run and doubles nothing."""
    path, key = tmp_path / "log.db", ScopeKey("acme", "again")
    first = await acknowledged(await spawn(path, "again", 400), kill_after=100)
    second = await acknowledged(await spawn(path, "again", 400))
    assert first.items() <= second.items()
    log = await SqliteLog.open(path, signer=SIGNER)
    names = numbers(await everything(log, key))
    assert sorted(names) == sorted(f"again-{number}" for number in range(400))
    await log.close()
