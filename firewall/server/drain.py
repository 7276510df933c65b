"""Leaving without a failed request: readiness off, keep-alive off, finish what was begun, then stop.

While draining every answer closes its connection, so that clients move on; connections that were accepted but have
not sent anything yet get a grace before they are closed.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Drain:
    def __init__(self) -> None:
        self.draining = False
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def open_requests(self) -> int:
        return self._open

    def enter(self) -> None:
        """A request is open from here; `leave` must follow."""
        self._open += 1
        self._idle.clear()

    def leave(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._idle.set()

    @contextmanager
    def request(self) -> Iterator[None]:
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def begin(self) -> None:
        self.draining = True

    async def finished(self, *, timeout: float) -> bool:  # noqa: ASYNC109  a bound, not a cancel scope
        """True when no request is open any more, within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True
