"""What the shared log does beyond the contract: groups of appends, long reads, names in keys."""

import asyncio

import msgspec
import pytest

from firewall.core.chain import seal_body
from firewall.errors import CallerError, StateError
from firewall.log.redis_layout import Keys, scope_name
from tests.log.redis_opening import opened
from tests.log.redis_servers import Server, server_binary
from tests.log.samples import KEY, held, neighbour, numbers
from tests.log.trail import bodies_of, check, seals_of

pytestmark = pytest.mark.skipif(server_binary() is None, reason="no redis-server")


async def test_what_waits_goes_together(redis_url: str) -> None:
    """A hundred appends of a scope at once are a few sealed groups, each with as many as came meanwhile."""
    async with opened(redis_url) as log:
        await asyncio.gather(*(log.append(KEY, [held(number)]) for number in range(100)))
        sizes = [len(body.items) for body in await bodies_of(log)]
        assert sum(sizes) == 100
        assert len(sizes) < 10


async def test_groups_are_bounded(redis_url: str) -> None:
    """By records and by bytes; an append larger than a group is one by itself."""
    async with opened(redis_url, group_records=10, group_bytes=10_000) as log:
        await asyncio.gather(*(log.append(KEY, [held(number)]) for number in range(100)))
        await log.append(KEY, [held(number) for number in range(30)])
        await log.append(KEY, [msgspec.structs.replace(held(1), memory_id="m" * 50_000)])
        sizes = [len(body.items) for body in await bodies_of(log)]
        assert sum(sizes) == 131
        assert sorted(sizes)[-2:] == [10, 30]
        await check(log)


async def test_a_group_with_known_operations_is_stored_without_them(redis_url: str) -> None:
    """Another process had stored two of a hundred; a third came with another body; the rest is not held up."""
    async with opened(redis_url) as log, opened(redis_url) as other:
        for number in (10, 20):
            await other.append(
                KEY, [held(number)], operation=f"op{number}", body_digest="d", answer=b"theirs"
            )
        results = await asyncio.gather(
            *(
                log.append(
                    KEY,
                    [held(number)],
                    operation=f"op{number % 50}",
                    body_digest="e" if number == 20 else "d",
                    answer=b"ours",
                )
                for number in range(100)
            ),
            return_exceptions=True,
        )
        assert isinstance(results[20], CallerError)
        answers = [result for result in results if not isinstance(result, BaseException)]
        assert len(answers) == 99
        assert sum(not answer.replayed for answer in answers) == 48
        assert {answer.answer for answer in answers if answer.replayed} == {b"theirs", b"ours"}
        assert len(await log.read(KEY)) == 50
        await check(log)


async def test_too_much_at_once_is_refused(redis_url: str) -> None:
    """As `log_busy`; what fits is stored."""
    async with opened(redis_url, max_pending_records=5) as log:
        results = await asyncio.gather(
            *(log.append(KEY, [held(number)]) for number in range(20)), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, StateError)]
        assert {error.code for error in refused} == {"log_busy"}
        assert len(await log.read(KEY)) == 20 - len(refused)


async def test_long_reads_come_in_pages(redis_url: str) -> None:
    """More than a page of groups, among those of a neighbour, from any place, up to any limit."""
    async with opened(redis_url) as log:
        other = neighbour(log)
        for number in range(0, 2400, 3):
            batch = [held(number), held(number + 1), held(number + 2)]
            await asyncio.gather(log.append(KEY, batch), log.append(other, batch))
        names = [f"m{number}" for number in range(2400)]
        whole = await log.read(KEY, limit=10_000)
        assert numbers(whole) == names
        for after, limit in ((0, 1), (1500, 1100), (2399, 5), (7, 1)):
            page = await log.read(KEY, after=whole[after - 1].offset if after else 0, limit=limit)
            assert numbers(page) == names[after : after + limit]


async def test_a_snapshot_is_kept_by_its_scope(redis_url: str, redis_server: Server, prefix: str) -> None:
    """No name of a tenant or scope stands in a key."""
    async with opened(redis_url) as log:
        await log.append(KEY, [held(1)], operation="op-name", body_digest="d")
        await log.save_snapshot(KEY, 1, b"state")
        await log.keep_text(KEY, "text-name", b"text")
        with redis_server.client() as client:
            names = list(client.scan_iter(f"{prefix}:*", count=1000))
        assert Keys(prefix).named(log.shard_of(KEY), "s", scope_name(KEY)).decode() in names
        assert not [
            name for name in names for word in ("acme", "checkout", "op-name", "text-name") if word in name
        ]


async def test_seals_are_of_the_shard_they_stand_in(redis_url: str) -> None:
    """A lane's name says which part of the store it is."""
    async with opened(redis_url) as log:
        await log.append(KEY, [held(1)])
        (sealed,) = await seals_of(log)
        assert seal_body(sealed).lane == f"{log._chain.writer}/e{log.shard_of(KEY)}"
