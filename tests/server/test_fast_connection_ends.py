"""When our own connections end: by the clock, and with the process."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firewall.server.entrance import Entrance
from firewall.server.fast_connection import IDLE_SECONDS, PATIENCE_SECONDS, Connection, Shared
from tests.server.one_mount import OneMount, Wire, get, post, settled, statuses


@pytest.fixture
def one() -> OneMount:
    return OneMount()


@pytest.fixture
async def entrance(one: OneMount) -> AsyncIterator[Entrance]:
    async with one.serving() as running:
        yield running


class Clock:
    """The part of a loop that tells the time, held in the hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Any]] = []
        loop = asyncio.get_running_loop()
        self.create_task, self.create_future = loop.create_task, loop.create_future

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any) -> SimpleNamespace:
        timer = (when, callback)
        self.timers.append(timer)
        return SimpleNamespace(cancel=lambda: self.timers.remove(timer))

    async def until(self, when: float) -> None:
        """Every timer that rings until then has rung."""
        while self.timers and min(timer[0] for timer in self.timers) <= when:
            timer = min(self.timers, key=lambda timer: timer[0])
            self.timers.remove(timer)
            self.now = timer[0]
            timer[1]()
            await settled()
        self.now = when


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def timed(entrance: Entrance, clock: Clock) -> Wire:
    """A connection on that clock."""
    shared: Shared = dataclasses.replace(entrance._shared, loop=cast("asyncio.AbstractEventLoop", clock))
    return Wire(lambda: Connection(shared))


async def test_a_client_that_says_nothing(timed: Wire, clock: Clock) -> None:
    """One that never asked is let go as soon as one that does not finish: anybody can hold such connections."""
    await clock.until(1000 + PATIENCE_SECONDS - 1)
    assert not timed.closed
    assert len(clock.timers) == 1
    await clock.until(1000 + PATIENCE_SECONDS)
    assert (timed.is_closing(), clock.timers) == (True, [])


@pytest.mark.parametrize("begun", [get()[:-1], post(b"abc")[:-1]])
async def test_a_request_that_does_not_end(one: OneMount, timed: Wire, clock: Clock, begun: bytes) -> None:
    """A byte now and then does not hold a connection: the whole request has to come in time."""
    await timed.feed(begun[:10])
    for step in range(1, int(PATIENCE_SECONDS)):
        await clock.until(1000.0 + step)
        await timed.feed(begun[9 + step : 10 + step])
        assert not timed.closed
    await clock.until(1000 + PATIENCE_SECONDS)
    assert timed.closed
    assert one.seen == []


async def test_each_request_has_its_own_time(one: OneMount, timed: Wire, clock: Clock) -> None:
    """The end of one begins the idle time; work of ours is never too late; there is one timer at most."""
    data = get()
    for start in (1000.0, 1050.0, 1100.0):
        await clock.until(start)
        await timed.feed(data[:5])
        await clock.until(start + 40)
        await timed.feed(data[5:])
        assert len(clock.timers) == 1
    assert statuses(timed.written) == [200] * 3
    one.gate = asyncio.Event()
    await timed.feed(data)
    await clock.until(1140 + 2 * IDLE_SECONDS)
    assert not timed.closed
    one.gate.set()
    await settled()
    assert statuses(timed.written) == [200] * 4
    await clock.until(1140 + 3 * IDLE_SECONDS - 1)
    assert not timed.closed
    await clock.until(1140 + 3 * IDLE_SECONDS)
    assert timed.closed


async def test_closing_leaves_nobody_without_an_answer(one: OneMount, entrance: Entrance) -> None:
    """Idle connections and half requests are closed at once, a request at work gets its answer first."""
    one.gate = asyncio.Event()
    idle, half, working = Wire(entrance), Wire(entrance), Wire(entrance)
    await half.feed(get()[:-3])
    await working.feed(get())
    assert len(entrance.connections) == 3
    entrance.pre_shutdown()
    await settled()
    assert (idle.closed, half.closed, working.closed) == (True, True, False)
    ending = asyncio.ensure_future(entrance.shutdown(30.0))
    await settled()
    assert not ending.done()
    one.gate.set()
    await ending
    assert statuses(working.written) == [200]
    assert b"Connection: close" in working.written
    assert working.closed
    assert list(entrance.connections) == []


async def test_what_does_not_end_in_time_is_broken_off(one: OneMount, entrance: Entrance) -> None:
    """No task outlives the server."""
    one.gate = asyncio.Event()
    wire = Wire(entrance)
    await wire.feed(get())
    entrance.pre_shutdown()
    await entrance.shutdown(0.0)
    assert wire.aborted
    assert (wire.written, one.drain.open_requests, list(entrance.connections)) == (b"", 0, [])
