"""The fast upstream transport: pooled HTTP/1.1 connections read with httptools.

A fair line for a bounded number of connections, the most recently used idle one first. A request is sent a second time
only where that is safe (GET, HEAD, or `retry`) and not one byte of an answer came: an idle connection that the
upstream closed in that moment, mostly. The second try always has a new connection. This is the only retry there is.
"""

import asyncio
import functools
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from firewall.errors import UpstreamError
from firewall.ports import Headers, WireRequest, WireResponse
from firewall.proxy.limits import FairSlots
from firewall.proxy.transport import Streamed, TransportKind
from firewall.proxy.transport_connection import Connection
from firewall.proxy.transport_errors import late, unavailable
from firewall.proxy.transport_headers import SAFE_METHODS, RequestHeaders, ResponseHeaders
from firewall.proxy.transport_plain import PlainAnswers
from firewall.proxy.transport_target import TransportLimits, parse_target


class FastTransport:
    """`Transport` for one base URL. Belongs to the loop that runs when it is made."""

    kind: TransportKind = "fast"

    def __init__(
        self,
        base_url: str,
        *,
        limits: TransportLimits,
        ssl_context: ssl.SSLContext | None = None,
        extra: Headers = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = parse_target(base_url)
        self._limits = limits
        self._clock = clock
        self._ssl = (ssl_context or _system_tls()) if self._target.tls else None
        self._loop = asyncio.get_running_loop()
        self._requests = RequestHeaders(self._target, extra)
        self._responses = ResponseHeaders()
        self._plain = PlainAnswers(self._responses)
        self._slots = FairSlots(limits.max_connections)
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._closed = False

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        """The whole answer, decoded. UpstreamError, or CallerError for a request that cannot be sent."""
        head = self._requests.head(request, identity=True)
        until = self._loop.time() + deadline
        if not self._slots.try_take():
            await self._turn(until)
        try:
            connection = await self._exchange(head, request, until, retry=retry, streaming=False)
            try:
                return connection.response()
            finally:
                self._put_back(connection)
        finally:
            self._slots.give_back()

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, deadline: float, retry: bool = False
    ) -> AsyncIterator[Streamed]:
        """The answer under way, its body untouched."""
        head = self._requests.head(request, identity=False)
        until = self._loop.time() + deadline
        if not self._slots.try_take():
            await self._turn(until)
        try:
            connection = await self._exchange(head, request, until, retry=retry, streaming=True)
            try:
                async with aclosing(connection.chunks(deadline)) as chunks:
                    answer = connection.head()
                    yield Streamed(status=answer.status, headers=answer.headers, chunks=chunks)
            finally:
                self._put_back(connection)
        finally:
            self._slots.give_back()

    async def close(self) -> None:
        """Breaks off what is under way and returns when every connection is gone."""
        self._closed = True
        open_now = tuple(self._open)
        for connection in open_now:
            connection.abort()
        for connection in open_now:
            await connection.lost

    async def _turn(self, until: float) -> None:
        try:
            await self._slots.wait(until)
        except TimeoutError:
            raise late() from None

    async def _exchange(
        self, head: bytes, request: WireRequest, until: float, *, retry: bool, streaming: bool
    ) -> Connection:
        bodyless = request.method == "HEAD"
        connection = self._take_idle() or await self._connect(until)
        try:
            await connection.exchange(head, request.body, bodyless=bodyless, streaming=streaming, until=until)
        except UpstreamError:
            if not connection.lost_unanswered or not (retry or request.method in SAFE_METHODS):
                raise
        else:
            return connection
        connection = await self._connect(until)
        await connection.exchange(head, request.body, bodyless=bodyless, streaming=streaming, until=until)
        return connection

    def _take_idle(self) -> Connection | None:
        oldest = self._clock() - self._limits.keepalive
        while self._idle:
            connection = self._idle.pop()
            if connection.alive and connection.idle_since >= oldest:
                return connection
            connection.abort()
        return None

    def _put_back(self, connection: Connection) -> None:
        if connection.reusable and not self._closed:
            connection.rest(self._clock())
            self._idle.append(connection)
        else:
            connection.abort()

    async def _connect(self, until: float) -> Connection:
        self._refuse_when_closed()
        target = self._target
        patience = self._loop.time() + self._limits.connect_timeout
        try:
            async with asyncio.timeout_at(min(until, patience)):
                _, connection = await self._loop.create_connection(
                    self._new_connection,
                    target.host,
                    target.port,
                    ssl=self._ssl,
                    server_hostname=target.host if self._ssl else None,
                )
        except TimeoutError:
            raise (late() if until <= patience else unavailable("connecting takes too long")) from None
        except ssl.SSLError:
            raise unavailable("the TLS handshake failed") from None
        except OSError:
            raise unavailable("no connection") from None
        if not connection.lost.done():
            self._open.add(connection)
        try:
            self._refuse_when_closed()
        except UpstreamError:
            connection.abort()
            raise
        return connection

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise unavailable("this transport is closed")

    def _new_connection(self) -> Connection:
        return Connection(self._loop, self._limits, self._responses, self._plain, self._lost)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


@functools.cache
def _system_tls() -> ssl.SSLContext:
    """What everybody believes here, for all upstreams: the system's authorities are a megabyte and tens of milliseconds,
    and a new host is met in the middle of a request. Never changed: who wants another has a context made."""
    return ssl.create_default_context()
