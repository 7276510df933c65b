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
        self._left: asyncio.Event | None = None

    @property
    def open_requests(self) -> int:
        return self._open

    def enter(self) -> None:
        """A request is open from here; `leave` must follow."""
        self._open += 1

    def leave(self) -> None:
        self._open -= 1
        if self._left is not None and self._open == 0:
            self._left.set()

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
        if self._open == 0:
            return True
        self._left = asyncio.Event()
        try:
            async with asyncio.timeout(timeout):
                await self._left.wait()
        except TimeoutError:
            return False
        return True
