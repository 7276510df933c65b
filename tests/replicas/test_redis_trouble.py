"""A Redis in trouble, for one sidecar or for both: reads stay governed and say how old their state may be, then the fail
mode; observes are refused with a time to come back; a repeat after it is done once; nobody is restarted."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from firewall.core.events import ScopeKey
from firewall.core.evidence import Observed
from tests.backends.mem0_double import PlatformDouble
from tests.log.redis_servers import Server
from tests.replicas.cable import Cable, cable
from tests.replicas.pair import Side, failed_step, side, until

BOTH = {"m1", "m2"}
#: A read that waited for the store would take as long as an exchange with it may.
AT_ONCE = 0.9


class Clock:
    """The real one, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Scene:
    """A is at Redis itself, B at the other end of a cable, whose clock a test can move on."""

    def __init__(self, a: Side, b: Side, redis: Server, line: Cable) -> None:
        self.a, self.b, self.redis, self.line = a, b, redis, line

    def restart(self) -> None:
        self.redis.start()

    def full(self) -> None:
        self.redis.ask("CONFIG", "SET", "maxmemory", "1")

    def room(self) -> None:
        self.redis.ask("CONFIG", "SET", "maxmemory", "0")


class Trouble(msgspec.Struct, frozen=True):
    """What happens, how it ends, whether A is in it too, and whether reading is."""

    begins: Callable[[Scene], None]
    ends: Callable[[Scene], None]
    for_both: bool = True
    stale: bool = True


TROUBLES = {
    "cut": Trouble(lambda scene: scene.line.cut(), lambda scene: scene.line.heal(), for_both=False),
    "held": Trouble(lambda scene: scene.line.hold(), lambda scene: scene.line.heal(), for_both=False),
    "killed": Trouble(lambda scene: scene.redis.kill(), Scene.restart),
    "stopped": Trouble(lambda scene: scene.redis.pause(), lambda scene: scene.redis.go_on()),
    "full": Trouble(Scene.full, Scene.room, stale=False),
}


@pytest.fixture
def clock() -> Clock:
    """That of B."""
    return Clock()


@pytest.fixture
async def scene(
    tmp_path: Path, double: PlatformDouble, redis: Server, ring: Mapping[str, object], clock: Clock
) -> AsyncIterator[Scene]:
    """Both know of one failed step."""
    async with cable(redis.port) as line:
        near: Mapping[str, object] = {"state": {"url": redis.url()}, "keys": ring}
        far: Mapping[str, object] = {"state": {"url": f"redis://127.0.0.1:{line.port}/0"}, "keys": ring}
        async with (
            side(tmp_path / "a", double.url, near) as a,
            side(tmp_path / "b", double.url, far, monotonic=clock) as b,
        ):
            after = await a.observed(step(0))
            assert await b.admitted(Memfw_After=after) == {"m2"}
            yield Scene(a, b, redis, line)


def step(number: int) -> dict[str, object]:
    return failed_step(number, operation_id=f"op-{number}")


async def _ready(one: Side) -> bool:
    return (await one.ask("GET", "/readyz"))[0] == 200


async def _refused(one: Side, number: int) -> None:
    """With 503, a time to come back, and a code that says what is the matter."""
    status, headers, body = await one.observe(step(number))
    assert (status, headers["Retry-After"]) == (503, "1"), body
    assert body["error"].startswith("log_")


async def _taken(one: Side, number: int) -> bool:
    return (await one.observe(step(number)))[0] == 200


async def _read(one: Side) -> tuple[Mapping[str, str], Any]:
    async with asyncio.timeout(AT_ONCE):
        return await one.search()


async def _agree(scene: Scene, numbers: set[int]) -> None:
    """Each step is there once, and both sides hold the same, byte for byte."""
    await until(lambda: _same(scene))
    records = await scene.a.inside.house.log.read(ScopeKey(), limit=10_000)
    steps = Counter(record.event.client_id for record in records if isinstance(record.event, Observed))
    assert steps == Counter(f"step-{number}" for number in numbers)


async def _same(scene: Scene) -> bool:
    """What the recorders note behind the answers comes a moment later."""
    states = [one.inside.house.services.projections.state(ScopeKey()) for one in (scene.a, scene.b)]
    return None not in states and len({msgspec.msgpack.encode(state) for state in states}) == 1


@pytest.mark.parametrize("name", TROUBLES)
async def test_trouble(scene: Scene, clock: Clock, name: str) -> None:
    """The whole of it, for each kind of trouble."""
    trouble = TROUBLES[name]
    a, b = scene.a, scene.b
    trouble.begins(scene)
    assert {row["id"] for row in (await _read(b))[1]["results"]} == {"m2"}
    await _refused(b, 1)
    if trouble.for_both:
        await _refused(a, 2)
        assert {row["id"] for row in (await _read(a))[1]["results"]} == {"m2"}
    else:
        assert await _taken(a, 2)
    await until(lambda: _is_not_ready(b))
    if trouble.stale:
        clock.ahead += 5.0
        headers, body = await _read(b)
        assert {row["id"] for row in body["results"]} == {"m2"}
        assert 5.0 <= float(headers["Memfw-Staleness"]) == body["firewall"]["staleness_seconds"]
        clock.ahead += 30.0
        headers, body = await _read(b)
        assert (body["results"], body["firewall"]["degraded"]) == ([], "state_stale")
    else:
        assert "Memfw-Staleness" not in (await _read(b))[0]
    trouble.ends(scene)
    await until(lambda: _taken(b, 1))
    await until(lambda: _taken(a, 2))
    await until(lambda: _is_current(b))
    for one in (a, b):
        await until(partial(_ready, one))
    await _agree(scene, {0, 1, 2})


async def _is_not_ready(one: Side) -> bool:
    return not await _ready(one)


async def _is_current(one: Side) -> bool:
    headers, body = await one.search()
    return "Memfw-Staleness" not in headers and "degraded" not in body["firewall"]


async def test_an_answer_that_was_lost(scene: Scene) -> None:
    """The store took it, but B never heard: 503, and the repeat gets the stored answer; it is there once."""
    scene.line.hold_answers()
    before = scene.line.carried
    await _refused(scene.b, 1)
    assert scene.line.carried > before
    scene.line.heal()
    await until(lambda: _taken(scene.b, 1))
    await _agree(scene, {0, 1})


async def test_a_slow_store(scene: Scene) -> None:
    """Fifty milliseconds each way: reads wait for none of it, writes only take longer, nobody is stale."""
    scene.line.delay = 0.05
    after = await scene.b.observed(step(1))
    headers, body = await _read(scene.b)
    assert "Memfw-Staleness" not in headers
    assert {row["id"] for row in body["results"]} == {"m2"}
    assert await scene.a.admitted(Memfw_After=after) == {"m2"}
    further = await scene.a.observed(step(2))
    assert await scene.b.admitted(Memfw_After=further) == {"m2"}
    scene.line.delay = 0.0
    await _agree(scene, {0, 1, 2})


async def test_a_client_that_retries_through_it_all(scene: Scene) -> None:
    """Twenty steps through a cable that is cut and healed again and again, each repeated until it is taken: each once."""
    numbers = range(1, 21)

    async def insist(number: int) -> None:
        while True:
            with suppress(aiohttp.ClientError):
                if await _taken(scene.b, number):
                    return
            await asyncio.sleep(0.02)  # what Retry-After says, in the time of a test

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(insist(number))
        for _ in range(3):
            scene.line.cut()
            await _refused(scene.b, 99)
            scene.line.heal()
            await until(lambda: _ready(scene.b))
    assert await _taken(scene.b, 99)
    await _agree(scene, {0, 99, *numbers})
