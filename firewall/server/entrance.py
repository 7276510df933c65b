"""Where connections come in: each begins as our own, and becomes aiohttp's where it asks for more than a mount does.

To aiohttp's runner and to the door this is a server like aiohttp's.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web

from firewall.server.answer_bytes import AnswerHeads
from firewall.server.boundary import Boundary
from firewall.server.fast_connection import Connection, Shared
from firewall.server.house import House
from firewall.server.plain_head import Beginnings, PlainHeads

#: A larger body is not collected here: aiohttp reads it, or refuses it.
_MAX_BODY = 1024 * 1024


class Entrance:
    """The protocol factory of the listening sockets. `behind` is aiohttp's."""

    def __init__(self, house: House, boundaries: Sequence[Boundary], behind: web.Server) -> None:
        self._behind = behind
        self._shared = Shared(
            loop=asyncio.get_running_loop(),
            boundaries={boundary.name: boundary for boundary in boundaries},
            beginnings=Beginnings([boundary.name for boundary in boundaries]),
            heads=PlainHeads(),
            answers=AnswerHeads(house.services.now),
            drain=house.drain,
            fallback=behind,
            max_head=house.max_header,
            max_body=min(house.max_body, _MAX_BODY),
        )

    def __call__(self) -> asyncio.Protocol:
        return Connection(self._shared) if self._shared.boundaries else self._behind()

    @property
    def connections(self) -> Sequence[object]:
        """All that are open, whosever they are."""
        return [*self._shared.open, *self._behind.connections]

    def pre_shutdown(self) -> None:
        """Idle connections are closed, the others after their answer."""
        for connection in tuple(self._shared.open):
            connection.close()
        self._behind.pre_shutdown()

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  aiohttp's own signature
        """Open requests have so many seconds; then they are broken off."""
        await asyncio.gather(self._behind.shutdown(timeout), self._finished(timeout))

    async def _finished(self, timeout: float | None) -> None:  # noqa: ASYNC109  a bound, not a cancel scope
        working = tuple(self._shared.open)
        if not working:
            return
        await asyncio.wait([connection.gone for connection in working], timeout=timeout)
        for connection in working:
            connection.cancel()
        await asyncio.wait([connection.gone for connection in working])


class Runner(web.AppRunner):
    """aiohttp's runner with our entrance before its server."""

    __slots__ = ("_boundaries", "_house")

    def __init__(
        self, app: web.Application, house: House, boundaries: Sequence[Boundary], **settings: Any
    ) -> None:
        super().__init__(app, **settings)
        self._house = house
        self._boundaries = boundaries

    async def _make_server(self) -> web.Server:
        behind = await super()._make_server()
        return cast("web.Server", Entrance(self._house, self._boundaries, behind))
