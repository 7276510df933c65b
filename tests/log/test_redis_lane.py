"""Lanes and checkpoints of the shared log: what comes twice or late is stored once, and everything stays proven."""

from collections.abc import Callable

import pytest

from firewall.core.chain import NO_LINK, Head
from firewall.errors import StateError
from firewall.log.redis_lane import Group
from firewall.log.redis_layout import pack
from tests.log.redis_opening import opened
from tests.log.redis_servers import server_binary
from tests.log.samples import KEY, OTHER, held, numbers
from tests.log.trail import bodies_of, check

pytestmark = pytest.mark.skipif(server_binary() is None, reason="no redis-server")

DAY = 86_400.0


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_group_that_comes_twice_is_stored_once(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a network may repeat it: the second finds the lane elsewhere."""
    async with opened(redis_url) as log:
        call = log._nodes.call

        async def twice(*arguments: object, **options: object) -> object:
            first = await call(*arguments, **options)  # type: ignore[arg-type]
            if options.get("wait"):
                again = await call(*arguments, **options)  # type: ignore[arg-type]
                assert isinstance(again[0], list)
                assert again[0][0] == b"lane"
            return first

        monkeypatch.setattr(log._nodes, "call", twice)
        for number in range(5):
            await log.append(KEY, [held(number)])
        monkeypatch.undo()
        assert numbers(await log.read(KEY)) == [f"m{number}" for number in range(5)]
        await check(log)


async def test_a_group_that_comes_late_is_stored_once_or_never(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given up for lost, it arrives after the next one."""
    async with opened(redis_url) as log:
        await log.append(KEY, [held(0)])
        call = log._nodes.call
        held_back: list[Callable[[], object]] = []

        async def lose(*arguments: object, **options: object) -> object:
            held_back.append(lambda: call(*arguments, **options))  # type: ignore[arg-type]
            raise StateError("log_unavailable", "lost")

        monkeypatch.setattr(log._nodes, "call", lose)
        with pytest.raises(StateError, match="outcome is unknown"):
            await log.append(KEY, [held(1)], operation="op", body_digest="d")
        monkeypatch.undo()
        await log.append(KEY, [held(2)])
        await held_back[0]()  # type: ignore[misc]
        assert numbers(await log.read(KEY)) == ["m0", "m2"]
        await log.append(KEY, [held(1)], operation="op", body_digest="d")
        assert numbers(await log.read(KEY)) == ["m0", "m2", "m1"]
        await check(log)


async def test_an_idle_lane_is_not_gone_on_with(redis_url: str) -> None:
    """After days a writer begins another: retention may have forgotten the old one's head."""
    clock = Clock()
    async with opened(redis_url, clock=clock) as log:
        await log.append(KEY, [held(1)])
        clock.now += 4 * DAY
        await log.append(KEY, [held(2)])
        lanes = {body.lane for body in await bodies_of(log) if body.items}
        assert len(lanes) == 2
        await check(log)


async def test_checkpoints_come_by_themselves(redis_url: str) -> None:
    """Every so many seals; each says how every shard's entries stand."""
    async with opened(redis_url, checkpoint_every=5) as log:
        for number in range(30):
            await log.append(KEY, [held(number)])
        checkpoints = [body for body in await bodies_of(log) if body.heads]
        assert len(checkpoints) >= 4
        order = f"order/{log.shard_of(KEY)}"
        assert all(order in {head.lane for head in body.heads} for body in checkpoints)
        heads = {head.lane: head for head in await log.checkpoint()}
        assert heads[order].seq == 30
        assert heads[order].link != NO_LINK
        await check(log)


async def test_a_checkpoint_that_cannot_be_made_holds_nothing_up(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays due, and comes with a later seal."""
    async with opened(redis_url) as other:
        await other.append(OTHER, [held(0)])
    async with opened(redis_url) as log:

        async def away() -> tuple[Head, ...]:
            raise StateError("log_unavailable", "away")

        monkeypatch.setattr(log._chain, "heads", away)
        await log.append(KEY, [held(1)])
        monkeypatch.undo()
        await log.append(KEY, [held(2)])
        writer = log._chain.writer

        async def made() -> bool:
            return any(body.heads and body.lane.startswith(writer) for body in await bodies_of(log))

        while not await made():
            pass
        await check(log)


async def test_a_seal_without_items_takes_a_place_of_its_own(redis_url: str) -> None:
    """Nobody who reads or follows meets it."""
    async with opened(redis_url) as log:
        await log.append(KEY, [held(1)])
        await log._chain.lane(log.shard_of(KEY), "e").store(Group(packed=pack([]), count=1))
        appended = await log.append(KEY, [held(2)])
        assert appended.offset == 3
        assert numbers(await log.read(KEY)) == ["m1", "m2"]
        found = []
        async for batch in log.follow(after=(0,) * log.shards):
            found += batch
            if not batch:
                break
        assert numbers(found) == ["m1", "m2"]
        await check(log)
