"""The shared log when Redis is killed, stopped, restarted, full, slow or failed over: nothing acknowledged is lost, nothing
that is repeated with its operation id is stored twice, and all comes back without a restart of ours."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from redis.crc import key_slot

from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.log.projection import Projections
from firewall.log.redis import RedisLog
from firewall.log.redis_url import RedisSettings
from tests.log.keys import RING, SIGNER
from tests.log.redis_servers import Cluster, Server, running, running_cluster, server_binary, until
from tests.log.relay import relayed
from tests.log.samples import KEY, decision, held, numbers
from tests.log.trail import bodies_of, check, verified
from tests.log.waiting import eventually
from tests.log.workload import Workload

pytestmark = pytest.mark.skipif(server_binary() is None, reason="no redis-server")

SCOPES = [ScopeKey("acme", f"scope-{number}") for number in range(12)]
#: A disk that has what was acknowledged.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


def impatient(settings: RedisSettings) -> RedisSettings:
    """Everything that a test waits for happens soon."""
    return msgspec.structs.replace(
        settings, timeout=0.4, connect_timeout=0.4, retry_pause=0.05, heartbeat=0.05, decision_delay=0.01
    )


@contextlib.asynccontextmanager
async def opened(url: str, **changes: float) -> AsyncIterator[RedisLog]:
    def adjust(settings: RedisSettings) -> RedisSettings:
        return msgspec.structs.replace(impatient(settings), **changes)

    log = await RedisLog.open(url, signer=SIGNER, adjust=adjust)
    try:
        yield log
    finally:
        await log.close()


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own that keeps what it acknowledged."""
    with running(tmp_path / "redis", *DURABLE) as server:
        yield server


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own that comes back empty."""
    with running(tmp_path / "redis") as server:
        yield server


async def working(load: Workload, more: int = 50) -> None:
    """Until so many more are acknowledged."""
    wanted = len(load.acknowledged) + more
    await eventually(lambda: len(load.acknowledged) >= wanted)


async def test_killed_and_restarted_under_load(durable: Server) -> None:
    """Three times, without a warning: every acknowledged append is there, each once."""
    async with opened(durable.url()) as log:
        load = Workload(log, SCOPES)
        load.start()
        for _ in range(3):
            await working(load)
            await asyncio.to_thread(durable.kill)
            await eventually(lambda: not log.health().ok)
            await asyncio.to_thread(durable.start)
        await working(load)
        await load.stop()
        assert load.refused
        await eventually(lambda: log.health().ok)
        await load.check(log)
        await check(log)


async def test_stopped_under_load(durable: Server) -> None:
    """What reached it while it stood still is stored late or never, but what is repeated is stored once."""
    async with opened(durable.url()) as log:
        load = Workload(log, SCOPES)
        load.start()
        for _ in range(3):
            await working(load)
            durable.pause()
            refused = load.refused.total()
            await eventually(lambda refused=refused: load.refused.total() > refused + 20)  # type: ignore[misc]
            assert not log.health().ok
            durable.go_on()
        await working(load)
        await load.stop()
        await eventually(lambda: log.health().ok)
        await load.check(log)
        await check(log)


async def test_answers_that_get_lost_under_load(durable: Server) -> None:
    """Groups are stored and nobody hears of it: the lane finds out, and repetitions are answered from there."""
    async with relayed(durable.port) as relay, opened(f"redis://127.0.0.1:{relay.port}/") as log:
        load = Workload(log, SCOPES)
        load.start()
        for _ in range(3):
            await working(load)
            relay.deaf = True
            refused = load.refused.total()
            await eventually(lambda refused=refused: load.refused.total() > refused + 20)  # type: ignore[misc]
            relay.deaf = False
        await working(load)
        await load.stop()
        assert any(appended.replayed for appended in load.acknowledged.values())
        await load.check(log)
        await check(log)


async def test_cut_under_load(durable: Server) -> None:
    """The network goes and comes; the store itself is well."""
    async with relayed(durable.port) as relay, opened(f"redis://127.0.0.1:{relay.port}/") as log:
        load = Workload(log, SCOPES)
        load.start()
        for _ in range(5):
            await working(load)
            relay.cut()
            refused = load.refused.total()
            await eventually(lambda refused=refused: load.refused.total() > refused)  # type: ignore[misc]
            relay.mend()
        await working(load)
        await load.stop()
        await load.check(log)
        await check(log)


async def test_slow(durable: Server) -> None:
    """Everything is acknowledged, in few groups: what waits goes together."""
    async with relayed(durable.port) as relay, opened(f"redis://127.0.0.1:{relay.port}/") as log:
        relay.delay = 0.03
        appended = await asyncio.gather(*(log.append(KEY, [held(number)]) for number in range(200)))
        assert len({one.offset for one in appended}) == 200
        assert len(await bodies_of(log)) < 10


async def test_nothing_is_asked_of_a_store_that_is_known_to_be_away(durable: Server) -> None:
    """A lost connection is not tried again behind the caller's back, and an open breaker does not even try."""
    async with relayed(durable.port) as relay:
        log = await RedisLog.open(
            f"redis://127.0.0.1:{relay.port}/",
            signer=SIGNER,
            adjust=lambda settings: msgspec.structs.replace(settings, retry_pause=60, decision_delay=60),
        )
        relay.cut()
        before = relay.accepted
        codes = []
        for _ in range(20):
            with pytest.raises(StateError) as caught:
                await log.read(KEY)
            codes.append(caught.value.code)
        assert set(codes) == {"log_unavailable"}
        assert relay.accepted - before <= 3
        assert not log.health().ok
        await log.close()


async def test_full(durable: Server) -> None:
    """Refused whole as `log_full`; reads go on; there is room again without anybody asking."""
    async with opened(durable.url()) as log:
        await log.append(KEY, [held(1)], operation="op", body_digest="d")
        projections = Projections(log, ring=RING, clock=lambda: 0.0, retry_pause=0.01)
        await projections.start()
        await projections.load(KEY)
        durable.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StateError) as caught:
            await log.append(KEY, [held(2)], operation="second", body_digest="d")
        assert caught.value.code == "log_full"
        assert log.health().reason.startswith("log_full")
        assert numbers(await log.read(KEY)) == ["m1"]
        assert projections.state(KEY) is not None
        assert log.record_decision(decision(1))
        assert (await log.append(KEY, [held(1)], operation="op", body_digest="d")).replayed
        durable.ask("CONFIG", "SET", "maxmemory", "0")
        await eventually(lambda: log.health().ok)
        await log.append(KEY, [held(2)], operation="second", body_digest="d")
        await log.flush()
        assert await log.decision("dec1") == decision(1)
        assert numbers(await log.read(KEY)) == ["m1", "m2"]
        await projections.close()
        await check(log)


async def test_a_store_that_comes_back_empty(forgetful: Server) -> None:
    """Projections throw away what they had, the lane says what it lost, and the trail is sound but for that."""
    async with opened(forgetful.url()) as log:
        projections = Projections(log, ring=RING, clock=lambda: 0.0, retry_pause=0.01)
        await projections.start()
        for number in range(3):
            await log.append(KEY, [held(number)])
        await projections.load(KEY)
        await asyncio.to_thread(forgetful.kill)
        await asyncio.to_thread(forgetful.start)
        await eventually(lambda: projections.state(KEY) is None)
        await eventually(lambda: log.health().ok and projections.health().ok)
        await log.append(KEY, [held(7)])
        state = await projections.load(KEY)
        assert len(state.held) == 1
        (lost,) = [body.lost for body in await bodies_of(log) if body.lost is not None]
        assert lost.seq == 3
        assert (await verified(log)).found == 0
        await projections.close()


async def test_a_state_of_a_lost_past_is_never_saved(forgetful: Server) -> None:
    """Nor is it gone on with: the store is asked whether it still has what was seen."""
    async with opened(forgetful.url()) as log:
        for number in range(3):
            await log.append(KEY, [held(number)])
        await log.read(KEY)
        async with opened(forgetful.url()) as other:
            forgetful.ask("FLUSHALL")
            for number in range(10, 15):
                await other.append(KEY, [held(number)])
            with pytest.raises(StateError) as caught:
                await log.save_snapshot(KEY, 3, b"of the lost past")
            assert caught.value.code == "log_rewound"
            assert await log.load_snapshot(KEY) is None
            await log.position()
            assert numbers(await log.read(KEY)) == [f"m{number}" for number in range(10, 15)]


async def test_an_append_to_a_store_that_went_back_says_so(forgetful: Server) -> None:
    """It would be acknowledged, and the state that is served would lack it: repeated, it is answered from the new past."""
    async with opened(forgetful.url(), heartbeat=3600.0) as log, opened(forgetful.url()) as other:
        projections = Projections(log, ring=RING, clock=lambda: 0.0, retry_pause=0.01)
        await projections.start()
        for number in range(5):
            await other.append(KEY, [held(number)])
        assert await projections.wait_for(KEY, 5, timeout=30)
        forgetful.ask("FLUSHALL")
        with pytest.raises(StateError) as caught:
            await projections.append(KEY, [held(7)], operation="op", body_digest="d")
        assert caught.value.code == "log_rewound"
        await eventually(lambda: projections.state(KEY) is None)
        await eventually(lambda: projections.health().ok)
        assert (await projections.append(KEY, [held(7)], operation="op", body_digest="d")).replayed
        assert len((await projections.load(KEY)).held) == 1
        await projections.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three masters with a replica each, of the test's own: it hurts them."""
    with running_cluster(tmp_path) as made:
        yield made


@pytest.fixture
def doubled(tmp_path: Path) -> Iterator[Cluster]:
    """Two replicas for each master: one can be asked for while the other has become the master."""
    with running_cluster(tmp_path, replicas=2) as made:
        yield made


async def test_a_master_dies_under_load(doubled: Cluster) -> None:
    """With WAIT 1: all acknowledged appends are there after the failover, each once; writes come back by themselves, and
    what is warm is served all the time."""
    assert await survive(doubled, kills=1) > 2500


@pytest.mark.backends
@pytest.mark.timeout(300)
async def test_masters_die_again_and_again(doubled: Cluster) -> None:
    """Each comes back as a replica before the next one dies."""
    assert await survive(doubled, kills=8) > 20_000


async def survive(cluster: Cluster, *, kills: int) -> int:
    """How many appends were acknowledged, all of which were there."""
    async with opened(cluster.url("min_replicas=1&wait_timeout=0.3")) as log:
        projections = Projections(log, ring=RING, clock=lambda: 0.0, retry_pause=0.01)
        await projections.start()
        for scope in SCOPES:
            await projections.load(scope)
        load = Workload(log, SCOPES)
        load.start(producers=32)
        await working(load, more=500)
        for number in range(kills):
            masters = await asyncio.to_thread(cluster.masters)
            victim = masters[number % len(masters)]
            refused = load.refused.total()
            await asyncio.to_thread(victim.kill)
            await eventually(lambda refused=refused: load.refused.total() > refused)  # type: ignore[misc]
            assert [scope for scope in SCOPES if projections.state(scope) is None] == []
            await working(load, more=2000)
            await eventually(lambda: log.health().ok)
            await working(load, more=500)
            await asyncio.to_thread(victim.start)
            await asyncio.to_thread(until, lambda: cluster.complete(3), what="it does not come back")
        await load.stop()
        await load.check(log)
        for scope in SCOPES:
            head = await log.head(scope)
            assert await projections.wait_for(scope, head, timeout=30)
        assert not (await verified(log)).faults
        await projections.close()
    return len(load.acknowledged)


async def test_too_few_replicas(cluster: Cluster) -> None:
    """503 with an unknown outcome, also for the repetition; when replicas are back it is answered as stored, once."""
    async with opened(cluster.url("min_replicas=1&wait_timeout=0.1")) as log:
        await log.append(KEY, [held(1)], operation="op", body_digest="d")
        replicas = cluster.servers[3:]
        for replica in replicas:
            replica.pause()
        for _ in range(2):
            with pytest.raises(StateError) as caught:
                await log.append(KEY, [held(2)], operation="second", body_digest="d")
            assert caught.value.code == "log_unreplicated"
        with pytest.raises(StateError):
            await log.answered(KEY, "second", "d")
        assert log.health().reason.startswith("log_unreplicated")
        for replica in replicas:
            replica.go_on()
        await eventually(lambda: log.health().ok)
        again = await log.append(KEY, [held(2)], operation="second", body_digest="d")
        assert again.replayed
        assert numbers(await log.read(KEY)) == ["m1", "m2"]


async def test_a_shard_moves_under_load(cluster: Cluster) -> None:
    """To another master, key by key: who asks in the meantime is sent on, and nothing is lost or doubled."""
    async with opened(cluster.url("min_replicas=1&wait_timeout=0.3")) as log:
        load = Workload(log, SCOPES[:1])
        load.start()
        await working(load)
        slot = key_slot(f"s{log.shard_of(SCOPES[0])}".encode())
        for _ in range(2):
            await asyncio.to_thread(cluster.move, slot)
            await working(load)
        await load.stop()
        await load.check(log)
        await eventually(lambda: log.health().ok)
        await check(log)


async def test_receipts_wait_for_the_store(forgetful: Server) -> None:
    """They are in the buffer while it is away, and stored when it is back."""
    async with opened(forgetful.url()) as log:
        forgetful.pause()
        assert log.record_decision(decision(1))
        await eventually(lambda: not log.health().ok)
        assert await log.decision("dec1") == decision(1)
        with pytest.raises(StateError):
            await log.flush()
        forgetful.go_on()
        await eventually(lambda: log._receipts.buffered("dec1") is None)
        assert await log.decision("dec1") == decision(1)
        await check(log)


async def test_close_while_the_store_is_away(forgetful: Server) -> None:
    """Ends; what could not be stored is refused, and counted."""
    async with opened(forgetful.url()) as log:
        await asyncio.to_thread(forgetful.kill)
        waiting = asyncio.ensure_future(log.append(KEY, [held(1)]))
        assert log.record_decision(decision(1))
        await asyncio.sleep(0)
        await log.close()
        with pytest.raises(StateError):
            await waiting
        assert log.dropped_decisions == 1
