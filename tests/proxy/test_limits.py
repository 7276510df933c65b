"""The limiter: bounded, fair, and no slot is ever lost, whoever gives up when."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firewall.errors import UpstreamError
from firewall.proxy.limits import Limiter, LimiterSettings

CONCURRENCY, QUEUE, PATIENCE = 2, 3, 10.0


async def test_free_slot_is_taken_at_once() -> None:
    """Below the bound nobody waits, and that is observed as zero seconds."""
    waits: list[float] = []
    limiter = Limiter(LimiterSettings(concurrency=1), clock=lambda: 0.0, observe=waits.append)
    async with limiter.slot() as slot:
        assert limiter.running == 1
        assert slot.queued_for == 0
    assert limiter.running == 0
    assert waits == [0.0]


async def test_full_queue_is_refused_at_once() -> None:
    """What does not fit into the queue is a 503 that says when to come back."""
    limiter = Limiter(LimiterSettings(concurrency=1, queue=0, retry_after=2), clock=lambda: 0.0)
    async with limiter.slot():
        with pytest.raises(UpstreamError) as caught:
            await limiter.enter()
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "overloaded", 2)


async def test_waiting_has_an_end_and_is_measured() -> None:
    """A waiter gives up after the queue's timeout; the time it waited is observed."""
    waits: list[float] = []
    times = iter([5.0, 5.5])
    limiter = Limiter(
        LimiterSettings(concurrency=1, queue_timeout=0.001), clock=lambda: next(times), observe=waits.append
    )
    async with limiter.slot():
        with pytest.raises(UpstreamError):
            await limiter.enter()
    assert waits == [0.0, 0.5]
    assert (limiter.running, limiter.queued) == (0, 0)


async def test_slot_comes_back_from_a_failing_body() -> None:
    """An exception inside gives the slot back."""
    limiter = Limiter(LimiterSettings(concurrency=1), clock=lambda: 0.0)
    with pytest.raises(LookupError):
        async with limiter.slot():
            raise LookupError
    assert limiter.running == 0


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still until it is told."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def settle(self) -> None:
        """Runs until everything that can run now has run."""
        for _ in range(6):
            self.run_until_complete(asyncio.sleep(0))


class LimiterMachine(RuleBasedStateMachine):
    """Callers come, leave, are cancelled and time out, in any order and in the same turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = SteppedLoop()
        self.limiter = Limiter(
            LimiterSettings(concurrency=CONCURRENCY, queue=QUEUE, queue_timeout=PATIENCE),
            clock=self.loop.time,
        )
        self.tasks: list[asyncio.Task[None]] = []
        self.leaving: dict[int, asyncio.Event] = {}
        self.entered: list[int] = []
        self.left: set[int] = set()
        self.refused: set[int] = set()
        self.came = 0

    async def visit(self, number: int) -> None:
        leave = self.leaving[number]
        try:
            async with self.limiter.slot():
                self.entered.append(number)
                try:
                    await leave.wait()
                finally:
                    self.left.add(number)
        except UpstreamError:
            self.refused.add(number)

    @property
    def inside(self) -> list[int]:
        return [number for number in self.entered if number not in self.left]

    @rule(count=st.integers(1, 4))
    def come(self, count: int) -> None:
        for _ in range(count):
            self.leaving[self.came] = asyncio.Event()
            self.tasks.append(self.loop.create_task(self.visit(self.came)))
            self.came += 1
        self.loop.settle()

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), meanwhile=st.booleans())
    def leave(self, data: st.DataObject, meanwhile: bool) -> None:
        """Somebody leaves; `meanwhile` another task is cancelled in the same turn, perhaps just as it is let in."""
        self.leaving[data.draw(st.sampled_from(self.inside))].set()
        if meanwhile:
            self.loop.run_until_complete(asyncio.sleep(0))
            self.tasks[data.draw(st.integers(0, self.came - 1))].cancel()
        self.loop.settle()

    @precondition(lambda self: self.came)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.tasks[data.draw(st.integers(0, self.came - 1))].cancel()
        self.loop.settle()

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leave_as_time_runs_out(self, data: st.DataObject) -> None:
        """A slot becomes free in the very turn in which the waiters' patience ends."""
        self.leaving[data.draw(st.sampled_from(self.inside))].set()
        self.loop.now += PATIENCE
        self.loop.settle()

    @rule(seconds=st.floats(0.1, PATIENCE))
    def time_passes(self, seconds: float) -> None:
        self.loop.now += seconds
        self.loop.settle()

    @invariant()
    def counts_agree(self) -> None:
        """As many slots are out as callers are inside; nobody waits while one is free; the line is bounded."""
        assert self.limiter.running == len(self.inside) <= CONCURRENCY
        assert self.limiter.queued <= QUEUE
        assert not (self.limiter.queued and self.limiter.running < CONCURRENCY)

    @invariant()
    def order_is_kept(self) -> None:
        """Who came first is let in first."""
        assert self.entered == sorted(self.entered)

    def teardown(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.loop.settle()
        assert all(task.done() for task in self.tasks)
        assert (self.limiter.running, self.limiter.queued) == (0, 0)
        self.loop.close()


TestLimiter: Callable[..., object] = LimiterMachine.TestCase
LimiterMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
