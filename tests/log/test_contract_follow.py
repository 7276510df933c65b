"""The contract of `EvidenceLog.follow` and `position`, on every implementation."""

import asyncio
from collections.abc import AsyncIterator

from firewall.core.events import Record
from firewall.ports import EvidenceLog
from tests.log.conftest import Backend
from tests.log.samples import KEY, held, neighbour, numbers


async def collect(batches: AsyncIterator[list[Record]], count: int) -> list[Record]:
    """Follow until there are so many records."""
    found: list[Record] = []
    async for batch in batches:
        found += batch
        if len(found) >= count:
            break
    return found


async def test_a_follower_sees_all_scopes_in_order(log: EvidenceLog) -> None:
    """What was there before and what comes later, each once; scopes of one shard in one order."""
    other = neighbour(log)
    await log.append(KEY, [held(1), held(2)])
    following = asyncio.ensure_future(collect(log.follow(after=(0,) * log.shards), 4))
    await log.append(other, [held(3)])
    await log.append(KEY, [held(4)])
    records = await following
    assert numbers(records) == ["m1", "m2", "m3", "m4"]
    assert [record.key for record in records] == [KEY, KEY, other, KEY]


async def test_a_follower_may_start_at_the_position(log: EvidenceLog) -> None:
    """Nothing of before, everything of after."""
    await log.append(KEY, [held(1)])
    position = await log.position()
    await log.append(KEY, [held(2)])
    assert numbers(await collect(log.follow(after=position), 1)) == ["m2"]


async def test_an_empty_batch_says_that_there_is_nothing_more(log: EvidenceLog) -> None:
    """It comes after the last record, and again and again while nothing happens."""
    await log.append(KEY, [held(1)])
    seen: list[list[str]] = []
    async for batch in log.follow(after=(0,) * log.shards):
        seen.append(numbers(batch))
        if len(seen) == 4:
            break
    assert seen == [["m1"], [], [], []]


async def test_long_logs_come_in_batches(log: EvidenceLog) -> None:
    """A follower that starts far behind gets everything, without an empty batch in between."""
    for start in range(0, 2500, 500):
        await log.append(KEY, [held(number) for number in range(start, start + 500)])
    found: list[Record] = []
    async for batch in log.follow(after=(0,) * log.shards):
        if not batch:
            break
        found += batch
    assert numbers(found) == [f"m{number}" for number in range(2500)]


async def test_several_followers_see_the_same(log: EvidenceLog) -> None:
    """Followers do not take records from each other."""
    followers = [asyncio.ensure_future(collect(log.follow(after=(0,) * log.shards), 30)) for _ in range(3)]
    await asyncio.gather(*(log.append(KEY, [held(number)]) for number in range(30)))
    first, second, third = [await follower for follower in followers]
    assert first == second == third == await log.read(KEY)


async def test_a_follower_sees_the_appends_of_another_handle(shared: Backend) -> None:
    """As another process would make them."""
    mine, other = await shared.open(), await shared.open()
    following = asyncio.ensure_future(collect(mine.follow(after=(0,) * mine.shards), 2))
    await other.append(KEY, [held(1)])
    await other.append(KEY, [held(2)])
    assert numbers(await following) == ["m1", "m2"]


async def test_a_follower_can_be_cancelled(log: EvidenceLog) -> None:
    """Cancelling one ends it at once; the log goes on."""
    following = asyncio.ensure_future(collect(log.follow(after=(0,) * log.shards), 1))
    await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])
    assert following.cancelled()
    await log.append(KEY, [held(1)])
    assert numbers(await collect(log.follow(after=(0,) * log.shards), 1)) == ["m1"]


async def test_followers_end_when_the_log_is_closed(log: EvidenceLog) -> None:
    """Closing is the end of the records, not an error."""
    following = asyncio.ensure_future(collect(log.follow(after=(0,) * log.shards), 2))
    await log.append(KEY, [held(1)])
    await log.close()
    assert len(await following) <= 1
