"""Retention in the file: room is given back, keys are kept 7 days longer, nothing unproven goes."""

import sqlite3
from pathlib import Path

import pytest

from firewall.core.events import ScopeKey
from firewall.log import sqlite_trim
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_chain import Chain
from firewall.log.sqlite_file import SqliteSettings
from firewall.log.sqlite_schema import prepare
from firewall.log.sqlite_store import store_decisions
from firewall.ports import Trimmed
from tests.log.keys import SIGNER
from tests.log.samples import KEY, OTHER, decision, held, numbers
from tests.log.test_sqlite_faults import fill
from tests.log.trail import bodies_of, check, things_of

DAY = 86_400.0


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def opened(path: Path, clock: Clock, **changes: int) -> SqliteLog:
    settings = SqliteSettings(decision_delay=0.01, **changes)  # type: ignore[arg-type] # the numbers of a test
    return await SqliteLog.open(path, signer=SIGNER, clock=clock, settings=settings)


async def test_only_what_is_older_goes(tmp_path: Path) -> None:
    """By the time at which it was sealed, both kinds."""
    clock = Clock()
    log = await opened(tmp_path / "log.db", clock)
    for day in range(6):
        clock.now = day * DAY
        await log.append(KEY, [held(day)])
        assert log.record_decision(decision(day))
        await log.flush()
    await log.save_snapshot(KEY, await log.head(KEY), b"state")
    assert await log.trim(before=3 * DAY) == Trimmed(records=3, decisions=3)
    assert numbers(await log.read(KEY)) == ["m3", "m4", "m5"]
    assert [await log.decision(f"dec{day}") is not None for day in range(6)] == [False] * 3 + [True] * 3
    await check(log)
    await log.close()


async def test_a_key_goes_seven_days_after_its_record(tmp_path: Path) -> None:
    """Until then a late repetition is answered; a key whose record is kept stays with it."""
    clock = Clock()
    log = await opened(tmp_path / "log.db", clock)
    await log.append(KEY, [held(1)], operation="old", body_digest="d")
    clock.now = 5 * DAY
    await log.append(KEY, [held(2)], operation="young", body_digest="d")
    await log.save_snapshot(KEY, await log.head(KEY), b"state")
    await log.append(OTHER, [held(3)], operation="kept", body_digest="d")
    await log.trim(before=6 * DAY)
    assert await log.answered(KEY, "old", "d") is not None
    await log.trim(before=7.5 * DAY)
    assert await log.answered(KEY, "old", "d") is None
    assert await log.answered(KEY, "young", "d") is not None
    await log.trim(before=100 * DAY)
    assert await log.answered(KEY, "young", "d") is None
    assert await log.answered(OTHER, "kept", "d") is not None
    await check(log)
    await log.close()


async def test_the_file_becomes_smaller(tmp_path: Path) -> None:
    """Down to about the bytes that were asked for; the oldest go first, of both kinds."""
    log = await opened(tmp_path / "log.db", Clock())
    for start in range(0, 4000, 200):
        await log.append(KEY, [held(number) for number in range(start, start + 200)])
        assert all(log.record_decision(decision(number, size=500)) for number in range(start, start + 100))
        await log.flush()
    await log.save_snapshot(KEY, await log.head(KEY), b"state")
    await log.trim(before=-1.0)  # brings all into the file
    before = (tmp_path / "log.db").stat().st_size
    trimmed = await log.trim(keep_bytes=before // 2)
    after = (tmp_path / "log.db").stat().st_size
    assert before // 4 < after <= before // 2
    assert 1500 < trimmed.records < 3000
    assert abs(trimmed.decisions - trimmed.records // 2) <= 100  # one seal of receipts
    assert numbers(await log.read(KEY, limit=1))[0] == f"m{trimmed.records}"
    await check(log)
    await log.close()


async def test_much_goes_in_several_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a seal of its own; together they did what was asked."""
    monkeypatch.setattr(sqlite_trim, "ITEMS_AT_ONCE", 10)
    log = await opened(tmp_path / "log.db", Clock())
    for number in range(25):
        await log.append(KEY, [held(number)])
    await log.save_snapshot(KEY, await log.head(KEY), b"state")
    assert await log.trim(before=1.0) == Trimmed(records=25)
    assert len([body for body in await bodies_of(log) if body.trimmed]) == 3
    await check(log)
    await log.close()


async def test_a_full_log_gets_room(tmp_path: Path) -> None:
    """Retention works where nothing else can be written any more; appends go on after it."""
    log = await opened(tmp_path / "log.db", Clock(), max_bytes=200_000, retry_pause=60)
    await log.append(KEY, [held(0)])
    await log.save_snapshot(KEY, 10**6, b"state")
    stored = await fill(log)
    assert not log.health().ok
    assert (await log.trim(keep_bytes=0)).records == len(stored) + 1
    await log.append(KEY, [held(-1)])
    assert log.health().ok
    await check(log)
    await log.close()


async def test_a_scope_without_a_snapshot_holds_its_lane(tmp_path: Path) -> None:
    """What was sealed after its record stays, until there is one: a lane goes from its beginning only."""
    log = await opened(tmp_path / "log.db", Clock())
    await log.append(KEY, [held(1)])
    await log.append(ScopeKey("acme", "cold"), [held(2)])
    await log.append(KEY, [held(3)])
    await log.save_snapshot(KEY, await log.head(KEY), b"state")
    assert await log.trim(before=1.0) == Trimmed(records=1)
    await log.save_snapshot(ScopeKey("acme", "cold"), 2, b"state")
    assert await log.trim(before=1.0) == Trimmed(records=2)
    await check(log)
    await log.close()


async def test_decisions_beyond_the_setting_go_with_proof(tmp_path: Path) -> None:
    """At most a tenth more than the setting stays; the newest always do; none looks taken."""
    log = await opened(tmp_path / "log.db", Clock(), keep_decisions=100)
    for number in range(350):
        assert log.record_decision(decision(number))
        if number % 7 == 0:
            await log.flush()
    await log.flush()
    left = [thing.id for thing in await things_of(log)]
    assert 100 <= len(left) <= 110
    assert left == [f"dec{number}" for number in range(350 - len(left), 350)]
    await check(log)
    await log.close()


async def test_what_no_seal_names_does_not_go(tmp_path: Path) -> None:
    """Somebody's row stays for the auditor; it does not make genuine receipts go either."""
    log = await opened(tmp_path / "log.db", Clock(), keep_decisions=100)
    for number in range(10):
        assert log.record_decision(decision(number))
    await log.flush()
    with sqlite3.connect(tmp_path / "log.db") as other:
        other.execute(
            "INSERT INTO decision (seq, decision_id, tenant, scope, at, body) VALUES (100000, 'x', 't', 's', 0, x'')"
        )
    other.close()
    assert log.record_decision(decision(11))
    await log.flush()
    assert len(await things_of(log)) == 12
    assert await log.trim(before=1.0) == Trimmed(decisions=11)
    assert [thing.id for thing in await things_of(log)] == ["x"]
    await log.close()


def test_receipts_cost_the_same_however_many_are_kept() -> None:
    """What the writer does for each group of them looks at no more than that group."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    prepare(connection)
    chain = Chain(SIGNER, writer="w", clock=lambda: 0.0, dropped=lambda: 0)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def cost(first: int, number: int) -> int:
        nonlocal steps
        steps = 0
        store_decisions(connection, [decision(first + place) for place in range(number)], chain=chain)
        sqlite_trim.trim_decisions(connection, chain=chain, keep=1_000_000)
        return steps

    connection.set_progress_handler(count, 1)
    cost(0, 10)  # the first seal is a checkpoint
    few = cost(10, 10)
    cost(1_000, 4_000)
    assert cost(100, 10) < 1.5 * few
    connection.close()
