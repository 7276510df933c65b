"""A server with one mount and nothing behind it, and a client's end of a connection without any network.

The pipeline answers by itself and remembers what it was asked, so that a test sees exactly which requests were read from
which bytes.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from aiohttp import web

from firewall.errors import CallerError, UpstreamError
from firewall.metrics import Metrics
from firewall.ports import Headers, WireRequest, WireResponse
from firewall.proxy.limits import Limiter, LimiterSettings
from firewall.proxy.pipeline import Handled, Passage
from firewall.proxy.transport import Streamed
from firewall.server.app import make_runner
from firewall.server.drain import Drain
from firewall.server.entrance import Entrance
from firewall.server.house import House

NOW = 1_800_000_000.0
JSON: Headers = (("Content-Type", "application/json"),)

Outcome = WireResponse | Passage | Exception


def echo(request: WireRequest) -> WireResponse:
    """What was asked, as JSON."""
    asked = {"method": request.method, "target": request.target, "length": len(request.body)}
    return WireResponse(status=200, headers=JSON, body=msgspec.json.encode(asked))


class _Dialect:
    def refusal(self, _match: None, status: int, code: str, _message: str, _extra: object) -> WireResponse:
        return WireResponse(status=status, headers=JSON, body=msgspec.json.encode({"code": code}))


class Upstream:
    """What a passage is answered with: a head, then pieces, each after its turn."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: Headers = JSON
        self.chunks: list[bytes | Exception] = []
        self.left = 0

    @asynccontextmanager
    async def stream(self, _request: WireRequest, *, deadline: float) -> AsyncIterator[Streamed]:
        try:
            yield Streamed(status=self.status, headers=self.headers, chunks=self._chunks())
        finally:
            self.left += 1

    async def _chunks(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


class OneMount:
    """A house with the mount `mem0`. `seen` is what its pipeline was asked; `outcome` says what it does."""

    def __init__(self, *, max_body: int = 4096, max_header: int = 2048) -> None:
        self.seen: list[WireRequest] = []
        self.outcome: Callable[[WireRequest], Outcome] = echo
        self.gate: asyncio.Event | None = None
        self.asked = asyncio.Event()
        self.upstream = Upstream()
        self.drain = Drain()
        self.metrics = Metrics()
        limiter = Limiter(LimiterSettings(), clock=time.monotonic)
        self.mount = SimpleNamespace(
            name="mem0", dialect=_Dialect(), streams=self.upstream, client=None, deadline=1.0, secrets=()
        )
        services = SimpleNamespace(now=lambda: NOW, monotonic=time.monotonic, metrics=self.metrics)
        house = SimpleNamespace(
            services=services,
            pipelines=[self],
            slot=limiter.slot,
            drain=self.drain,
            max_body=max_body,
            max_header=max_header,
            log=None,
            health=None,
        )
        self.house = cast("House", house)

    def allowance(self, _request: WireRequest) -> None:
        """The pipeline's part: nobody is limited."""

    async def handle(self, request: WireRequest) -> Handled:
        """The pipeline's part."""
        self.seen.append(request)
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        outcome = self.outcome(request)
        if isinstance(outcome, CallerError | UpstreamError | ValueError):
            raise outcome
        assert isinstance(outcome, WireResponse | Passage)
        return Handled("route", outcome, 0.0)

    def passage(self, request: WireRequest) -> Passage:
        """An outcome: the request is passed on to `upstream`."""
        return Passage(request)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Entrance]:
        """Its entrance, without a socket."""
        runner = make_runner(self.house, shutdown_timeout=1.0)
        await runner.setup()
        try:
            yield cast("Entrance", cast("object", runner.server))
        finally:
            await runner.cleanup()


class Wire(asyncio.Transport):
    """A transport that writes into memory; its owner changes with `set_protocol`."""

    def __init__(self, factory: Callable[[], Any]) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.aborted = False
        self.paused = False
        self.owner = factory()
        self.owner.connection_made(self)

    async def feed(self, data: bytes) -> None:
        """Bytes from the client, where somebody still reads; then everything that can happen happens."""
        if not self.closed:
            self.owner.data_received(data)
        await settled()

    def stopped(self) -> bool:
        """Nobody reads from the client now."""
        return self.paused

    async def leave(self) -> None:
        """The client goes away."""
        if not self.closed:
            self.closed = True
            self.owner.connection_lost(None)
        await settled()

    # ---- what a protocol asks of it

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.owner = protocol

    def write(self, data: Any) -> None:
        if not self.closed:
            self.written += bytes(data)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.owner.connection_lost, None)

    def abort(self) -> None:
        self.aborted = self.aborted or not self.closed
        self.close()

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_write_buffer_size(self) -> int:
        return 0


async def settled() -> None:
    """Enough turns of the loop for every task that waits for nothing to come to its end."""
    for _ in range(12):
        await asyncio.sleep(0)


def get(path: str = "/mem0/x", *lines: str) -> bytes:
    """A request, as bytes."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: me", *lines, "", ""]).encode()


def post(body: bytes, path: str = "/mem0/x") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: me\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def undated(written: bytes) -> bytes:
    """What was written without what tells the time."""
    return re.sub(rb"\r\nDate: [^\r]*", b"", written)


def statuses(written: bytes) -> list[int]:
    """Of the answers in what was written."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n", written)]


def behind(entrance: Entrance) -> web.Server:
    """aiohttp's own server, for comparison."""
    return entrance._behind
