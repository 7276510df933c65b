"""Receipts of the shared log, and what retention takes of it."""

import asyncio

import pytest

from firewall.core.events import ScopeKey
from tests.log.redis_opening import opened
from tests.log.redis_servers import Server, server_binary
from tests.log.samples import KEY, decision, held, neighbour, numbers
from tests.log.trail import bodies_of, check, seals_of, things_of

pytestmark = pytest.mark.skipif(server_binary() is None, reason="no redis-server")

LATER = 10_000_000_000.0
DAY = 86_400.0


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_receipts_that_do_not_fit_are_counted_and_said(redis_url: str) -> None:
    """In the next seal of receipts."""
    async with opened(redis_url, max_buffered_decisions=3, decision_delay=3600.0) as log:
        assert [log.record_decision(decision(number)) for number in range(5)] == [True] * 3 + [False] * 2
        assert log.record_decision(decision(1))
        assert log.dropped_decisions == 2
        await log.flush()
        assert [body.dropped for body in await bodies_of(log)] == [2]
        assert log.record_decision(decision(7))
        await log.flush()
        assert [body.dropped for body in await bodies_of(log)] == [2, 0]
        await check(log)


async def test_receipts_find_their_way_in_groups(redis_url: str, redis_server: Server, prefix: str) -> None:
    """A thousand and more; what says where they are goes by itself in the end."""
    async with opened(redis_url, decision_delay=3600.0) as log:
        assert all(log.record_decision(decision(number, size=2000)) for number in range(1200))
        await log.flush()
        assert await log.decision("dec0") == decision(0, size=2000)
        assert await log.decision("dec1199") == decision(1199, size=2000)
        sizes = [len(body.items) for body in await bodies_of(log)]
        assert sum(sizes) == 1200
        assert max(sizes) <= 256
        with redis_server.client() as client:
            places = list(client.scan_iter(f"{prefix}:{{*}}:d:*", count=1000))
            assert len(places) == 1200
            assert 29 * DAY < client.ttl(places[0]) <= 30 * DAY


async def test_evidence_of_a_neighbour_is_not_taken(redis_url: str) -> None:
    """A shard goes only as far as all its scopes are covered."""
    async with opened(redis_url) as log:
        other = neighbour(log)
        first = await log.append(KEY, [held(1)])
        await log.append(other, [held(2)])
        await log.append(KEY, [held(3)])
        await log.save_snapshot(KEY, await log.head(KEY), b"state")
        assert (await log.trim(before=LATER)).records == 0
        await log.save_snapshot(other, first.offset, b"too early")
        assert (await log.trim(before=LATER)).records == 1
        assert numbers(await log.read(other)) == ["m2"]
        assert numbers(await log.read(KEY)) == ["m3"]
        await check(log)


async def test_what_several_trim_at_once_is_counted_once(redis_url: str) -> None:
    """Each replica does it; one of them was first."""
    async with opened(redis_url) as log, opened(redis_url) as other:
        for number in range(6):
            await log.append(KEY, [held(number)])
        await log.save_snapshot(KEY, await log.head(KEY), b"state")
        done = await asyncio.gather(*(one.trim(before=LATER) for one in (log, other, log, other)))
        assert sum(trimmed.records for trimmed in done) == 6
        await check(log)


async def test_an_operation_goes_a_week_after_its_records(
    redis_url: str, redis_server: Server, prefix: str
) -> None:
    """Before, it has no end."""
    async with opened(redis_url) as log:
        appended = await log.append(KEY, [held(1)], operation="op", body_digest="d")
        await log.save_snapshot(KEY, appended.offset, b"state")
        with redis_server.client() as client:
            (name,) = client.scan_iter(f"{prefix}:{{*}}:o:*", count=1000)
            assert client.ttl(name) == -1
            await log.trim(before=LATER)
            assert 6 * DAY < client.ttl(name) <= 7 * DAY


async def test_what_an_earlier_trim_said_is_said_again(redis_url: str) -> None:
    """When its seal goes, lanes that were cut before are still known to be cut, until nothing of them is left for long."""
    clock = Clock()
    async with opened(redis_url, clock=clock) as log, opened(redis_url, clock=clock) as other:
        for day in range(12):
            clock.now += DAY
            for one in (log, other) if day < 3 else (log,):
                await one.append(KEY, [held(day)])
                assert one.record_decision(decision(100 * day + (one is log)))
                await one.flush()
            await log.save_snapshot(KEY, await log.head(KEY), b"state")
            await log.trim(before=clock.now - 2 * DAY)
            await check(log)
        lanes = {head.lane for head in await log.checkpoint()}
        assert not [lane for lane in lanes if lane.startswith(other._chain.writer)]
        assert len(await things_of(log)) < 10
        assert len(await seals_of(log)) < 40


async def test_bytes_are_given_by_all_streams(redis_url: str) -> None:
    """About half of everything, the oldest of each."""
    async with opened(redis_url) as log:
        scopes = [ScopeKey("acme", f"s{number}") for number in range(5)]
        for number in range(20):
            for scope in scopes:
                await log.append(scope, [held(number)])
        for scope in scopes:
            await log.save_snapshot(scope, await log.head(scope), b"state")
        used = sum(sum(ledger.sizes.values()) for ledger in await log._retention._ledgers())
        trimmed = await log.trim(keep_bytes=used // 2)
        assert 40 <= trimmed.records <= 60
        assert [numbers(await log.read(scope))[-1] for scope in scopes] == ["m19"] * 5
        assert (await log.trim(keep_bytes=used)).records == 0
        await check(log)
