"""Bounded concurrency: a fair line for a fixed number of slots, and the limiter that bounds the line as well.

First come, first served; a cancelled or late waiter leaves no hole, and a slot granted to it in that same moment goes
to the next one. Nothing here knows what the slots are for.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from firewall.errors import UpstreamError


class FairSlots:
    """`size` slots, handed out in the order of asking. Never more out than `size`, never one lost."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        return self._free

    @property
    def waiting(self) -> int:
        return len(self._line)

    def try_take(self) -> bool:
        """A slot at once, or False. A slot is only free while nobody waits, so this never jumps the line."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self, until: float) -> None:
        """A slot in turn. TimeoutError when the loop's clock reaches `until` first."""
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        granted = False
        try:
            async with asyncio.timeout_at(until):
                await turn
            granted = True
        finally:
            if not granted:
                self._leave(turn)

    def give_back(self) -> None:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _leave(self, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self.give_back()
        elif turn in self._line:
            self._line.remove(turn)


class LimiterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`concurrency` at work, `queue` waiting for at most `queue_timeout` seconds, the rest refused."""

    concurrency: int = 256
    queue: int = 1024
    queue_timeout: float = 1.0
    retry_after: float = 1.0


class Limiter:
    """`async with limiter.slot(): ...` runs at most `concurrency` bodies at a time; what is too much is a 503.

    `observe` hears the seconds that each admitted or timed-out caller waited.
    """

    def __init__(
        self,
        settings: LimiterSettings,
        *,
        clock: Callable[[], float],
        observe: Callable[[float], None] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._observe = observe
        self._slots = FairSlots(settings.concurrency)

    @property
    def running(self) -> int:
        return self._settings.concurrency - self._slots.free

    @property
    def queued(self) -> int:
        return self._slots.waiting

    def slot(self) -> "Slot":
        return Slot(self)

    async def enter(self) -> float:
        """Takes a slot and says how long that took. UpstreamError 503 `overloaded`."""
        if self._slots.try_take():
            return self._waited(0.0)
        if self._slots.waiting >= self._settings.queue:
            raise self._overloaded()
        began = self._clock()
        try:
            await self._slots.wait(asyncio.get_running_loop().time() + self._settings.queue_timeout)
        except TimeoutError:
            self._waited(self._clock() - began)
            raise self._overloaded() from None
        return self._waited(self._clock() - began)

    def leave(self) -> None:
        self._slots.give_back()

    def _waited(self, seconds: float) -> float:
        if self._observe is not None:
            self._observe(seconds)
        return seconds

    def _overloaded(self) -> UpstreamError:
        return UpstreamError(
            503, "overloaded", "too many requests at once", retry_after=self._settings.retry_after
        )


class Slot:
    """One pass through the limiter; `queued_for` is known once inside."""

    __slots__ = ("_limiter", "queued_for")

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self.queued_for = 0.0

    async def __aenter__(self) -> Self:
        self.queued_for = await self._limiter.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limiter.leave()
