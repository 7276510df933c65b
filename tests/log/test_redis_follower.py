"""Following the shared log: woken by what is published, and right without it."""

import asyncio

import pytest

from firewall.errors import StateError
from firewall.log.redis import RedisLog
from tests.log.redis_opening import opened
from tests.log.redis_servers import Server, server_binary
from tests.log.samples import KEY, OTHER, held, numbers
from tests.log.waiting import eventually

pytestmark = pytest.mark.skipif(server_binary() is None, reason="no redis-server")


async def follow(log: RedisLog, found: list[str]) -> None:
    async for batch in log.follow(after=(0,) * log.shards):
        found += numbers(batch)


async def test_an_append_wakes_the_followers(redis_url: str) -> None:
    """Of all processes: nobody waits for the next look at all heads."""
    async with opened(redis_url, heartbeat=3600.0) as mine, opened(redis_url) as other:
        found: list[str] = []
        following = asyncio.ensure_future(follow(mine, found))
        await eventually(lambda: mine._wakes.followed)
        for number in range(3):
            await other.append(KEY, [held(number)])
            await eventually(lambda number=number: f"m{number}" in found)  # type: ignore[misc]
        following.cancel()
        await asyncio.wait([following])


async def test_what_nobody_published_is_found_as_well(redis_url: str, redis_server: Server) -> None:
    """The heads are looked at every heartbeat: a lost subscription costs only time."""
    async with opened(redis_url) as mine, opened(redis_url) as other:
        other._keys.channel = b"another-channel"
        found: list[str] = []
        following = asyncio.ensure_future(follow(mine, found))
        await other.append(KEY, [held(1)])
        await eventually(lambda: found == ["m1"])
        redis_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        await other.append(OTHER, [held(2)])
        await eventually(lambda: found == ["m1", "m2"])
        following.cancel()
        await asyncio.wait([following])


async def test_noise_on_the_channel_does_nothing(redis_url: str, redis_server: Server, prefix: str) -> None:
    """Whoever may publish there can only make us look."""
    async with opened(redis_url) as log:
        found: list[str] = []
        following = asyncio.ensure_future(follow(log, found))
        await eventually(lambda: log._wakes.followed)
        for noise in ("", "x", "64", "-1", "9" * 100, "٣"):
            redis_server.ask("PUBLISH", f"{prefix}:appended", noise)
        await log.append(KEY, [held(1)])
        await eventually(lambda: found == ["m1"])
        assert not following.done()
        following.cancel()
        await asyncio.wait([following])


async def test_a_record_that_cannot_be_understood_ends_following(
    redis_url: str, redis_server: Server, prefix: str
) -> None:
    """After what could be, and as an error of this shard's scope only when it is read."""
    async with opened(redis_url) as log:
        await log.append(KEY, [held(1)])
        shard = log.shard_of(KEY)
        redis_server.ask("XADD", f"{prefix}:{{s{shard}}}:e", "2-0", "strange", "entry")
        redis_server.ask("HSET", f"{prefix}:{{s{shard}}}:h", "e:offset", "2")
        found: list[str] = []
        with pytest.raises(StateError) as caught:
            await follow(log, found)
        assert caught.value.code == "log_format"
        assert found == ["m1"]
        assert numbers(await log.read(KEY)) == ["m1"]
