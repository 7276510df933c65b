"""An upstream of several hosts: one transport for each base URL, made when it is first asked for.

A vendor that gives each index a host of its own is still one upstream. Which bases may be asked at all is the dialect's
to check: this only keeps their number bounded. One that was not asked for the longest time is closed when it is idle.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from firewall.errors import UpstreamError
from firewall.ports import WireRequest, WireResponse
from firewall.proxy.transport import Streamed, Transport, TransportKind

MOST_HOSTS = 64


class HostTransports:
    """A `Transport` over many. `open_one` makes that of a base URL."""

    def __init__(self, own: Transport, open_one: Callable[[str], Transport]) -> None:
        self._own = own
        self._open_one = open_one
        self._others: OrderedDict[str, Transport] = OrderedDict()
        self._busy: dict[str, int] = {}

    @property
    def kind(self) -> TransportKind:
        return self._own.kind

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        """One exchange with the host that the request names."""
        if not request.base:  # nearly every request: it is not worth a context
            return await self._own.send(request, deadline=deadline, retry=retry)
        async with self._of(request) as transport:
            return await transport.send(request, deadline=deadline, retry=retry)

    def stream(
        self, request: WireRequest, *, deadline: float, retry: bool = False
    ) -> AbstractAsyncContextManager[Streamed]:
        return self._streamed(request, deadline=deadline, retry=retry)

    async def close(self) -> None:
        await self._own.close()
        while self._others:
            _, transport = self._others.popitem()
            await transport.close()

    @asynccontextmanager
    async def _streamed(
        self, request: WireRequest, *, deadline: float, retry: bool
    ) -> AsyncIterator[Streamed]:
        async with (
            self._of(request) as transport,
            transport.stream(request, deadline=deadline, retry=retry) as streamed,
        ):
            yield streamed

    @asynccontextmanager
    async def _of(self, request: WireRequest) -> AsyncIterator[Transport]:
        base = request.base
        if not base:
            yield self._own
            return
        transport = self._others.get(base)
        if transport is None:
            await self._make_room()
            transport = self._others[base] = self._open_one(base)
        self._others.move_to_end(base)
        self._busy[base] = self._busy.get(base, 0) + 1
        try:
            yield transport
        finally:
            self._busy[base] -= 1
            if not self._busy[base]:
                del self._busy[base]

    async def _make_room(self) -> None:
        if len(self._others) < MOST_HOSTS:
            return
        idle = next((base for base in self._others if base not in self._busy), None)
        if idle is None:
            raise UpstreamError(503, "too_many_hosts", "too many hosts of this upstream are in use at once")
        await self._others.pop(idle).close()
