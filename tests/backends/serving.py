"""Puts an `Upstream` on a random loopback port, and reaches one over HTTP: the two ends of a wire for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import yarl
from aiohttp import web

from firewall.errors import UpstreamError
from firewall.ports import Upstream, WireRequest, WireResponse

HOP_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "host", "content-encoding"})


@asynccontextmanager
async def served(upstream: Upstream, *, deadline: float = 30.0) -> AsyncIterator[str]:
    """The base URL under which `upstream` answers any method and path. Closes it at the end."""

    async def answer(request: web.Request) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        wire = WireRequest(
            method=request.method,
            path=path,
            query=query,
            headers=tuple(request.headers.items()),
            body=await request.read(),
        )
        try:
            response = await upstream.send(wire, deadline=deadline)
        except UpstreamError as error:
            return web.json_response({"detail": error.message, "code": error.code}, status=error.status)
        return web.Response(status=response.status, headers=dict(response.headers), body=response.body)

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{anything:.*}", answer)
    try:
        async with listening(app) as url:
            yield url
    finally:
        await upstream.close()


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """The base URL of an application on a random loopback port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


class HttpUpstream:
    """A plain `Upstream` over aiohttp's client, for tests that need a real wire and no policy about it."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        """One try, whatever `retry` says."""
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=True)
        headers = [(name, value) for name, value in request.headers if name.lower() not in HOP_HEADERS]
        try:
            async with self._session.request(
                request.method,
                yarl.URL(self._base + request.target, encoded=True),
                headers=headers,
                data=request.body or None,
                timeout=aiohttp.ClientTimeout(total=deadline),
                allow_redirects=False,
            ) as response:
                body = await response.read()
                kept = tuple(
                    (name, value)
                    for name, value in response.headers.items()
                    if name.lower() not in HOP_HEADERS
                )
                return WireResponse(status=response.status, headers=kept, body=body)
        except TimeoutError as error:
            raise UpstreamError(504, "upstream_timeout", "the upstream took too long") from error
        except aiohttp.ClientError as error:
            raise UpstreamError(502, "upstream_failed", type(error).__name__) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
