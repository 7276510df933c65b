"""One client's connection: plain requests to a mount are answered here, one at a time and in order.

Everything else is aiohttp's. The first request that is not plain, or that is for no mount, takes the connection with it:
aiohttp's handler gets every byte that was not answered yet, and the connection stays with it for good. So there is
nothing that this protocol refuses, and no second opinion on what a malformed request means.

The protocol half is driven by the loop and never waits; the answering half is one task a request. A client that leaves
does not end the work that it asked for.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import msgspec

from firewall.ports import Headers, WireRequest, WireResponse
from firewall.server.answer_bytes import BODYLESS, AnswerHeads
from firewall.server.boundary import Boundary, ClientGoneError
from firewall.server.drain import Drain
from firewall.server.plain_head import Beginnings, PlainHead, PlainHeads

#: An idle connection is kept as long as aiohttp keeps one: longer than any load balancer in front of us does.
IDLE_SECONDS = 3630.0
#: A request that has begun has this long to be there in full, and a connection to ask for something at all: until then it
#: is anybody's, and whoever could keep many of them would leave no file handle for the rest.
PATIENCE_SECONDS = 60.0
# Requests that come before their turn are read ahead this far.
_READ_AHEAD = 64 * 1024
# A body up to here is sent in one piece with its head.
_ONE_WRITE = 64 * 1024
# uvloop's timers tick in milliseconds and may ring just before their time.
_TICK = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all connections of one server have in common. `fallback` makes the protocol that takes over; `max_head` and
    `max_body` bound what is read here, not what is allowed."""

    loop: asyncio.AbstractEventLoop
    boundaries: Mapping[str, Boundary]
    beginnings: Beginnings
    heads: PlainHeads
    answers: AnswerHeads
    drain: Drain
    fallback: Callable[[], asyncio.Protocol]
    max_head: int
    max_body: int
    open: set["Connection"] = field(default_factory=set)


class _Asked(msgspec.Struct, frozen=True):
    """A request whose head has been read: its path below the mount, and where its body begins and ends among the bytes."""

    head: PlainHead
    boundary: Boundary
    path: str
    query: str
    begins: int
    ends: int


class Connection(asyncio.Protocol):
    """Made by the server's protocol factory. `gone` is done when it is lost, or handed over, and nobody works for it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.gone: asyncio.Future[None] = shared.loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = self._due = 0.0
        # What came and has not been looked at, or is not yet the whole of what it begins.
        self._pieces: list[bytes] = []
        self._size = self._needed = 0
        self._asked: _Asked | None = None
        self._begun = False
        self._reading_paused = False
        self._task: asyncio.Task[None] | None = None
        self._request = WireRequest(method="", path="")
        self._closes = False
        self._bodyless = self._chunked = False
        self._writing_paused = False
        self._writable: asyncio.Future[None] | None = None

    # ---- the protocol ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._shared.open.add(self)
        self._expect(PATIENCE_SECONDS)

    def data_received(self, data: bytes) -> None:
        if self._closes:
            return
        if self._task is None and not self._pieces:
            self._look(data)
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._task is not None:
            if self._size > _READ_AHEAD and not self._reading_paused and self._transport is not None:
                self._reading_paused = True
                self._transport.pause_reading()
        elif self._size >= self._needed:
            self._look(self._taken())

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._wake()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._wake()
        if self._task is None:
            self._settle()

    def close(self) -> None:
        """No further request is begun; one that is being answered still gets its answer."""
        self._closes = True
        if self._task is None and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Breaks off at once: what was not sent is not sent."""
        if self._transport is not None:
            self._transport.abort()

    def cancel(self) -> None:
        """As `abort`, and the work as well."""
        self.abort()
        if self._task is not None:
            self._task.cancel()

    # ---- one request after the other -----------------------------------------------------------------------------

    def _look(self, data: bytes) -> None:
        """A whole plain request is answered, the beginning of one waits for the rest, everything else is aiohttp's."""
        asked = self._asked
        if asked is None:
            end = data.find(b"\r\n\r\n")
            if end < 0 and len(data) <= self._shared.max_head and self._shared.beginnings.allow(data):
                self._wait(data, len(data) + 1)
                return
            asked = self._read(data, end)
            if asked is None:
                self._hand_over(data)
                return
        if len(data) < asked.ends:
            self._asked = asked
            self._wait(data, asked.ends)
            return
        if len(data) > asked.ends:
            self._pieces.append(data[asked.ends :])
            self._size = len(data) - asked.ends
        self._asked = None
        self._begun = False
        head = asked.head
        self._request = WireRequest(
            method=head.method,
            path=asked.path,
            query=asked.query,
            headers=head.headers,
            body=data[asked.begins : asked.ends],
        )
        self._closes = not head.keep_alive
        self._task = self._shared.loop.create_task(self._serve(asked.boundary))

    def _read(self, data: bytes, end: int) -> _Asked | None:
        shared = self._shared
        if not 0 <= end <= shared.max_head:
            return None
        head = shared.heads.read(data[:end])
        if head is None or head.length > shared.max_body:
            return None
        path, _, query = head.target.partition("?")
        mount, slash, rest = path[1:].partition("/")
        boundary = shared.boundaries.get(mount)
        if boundary is None:
            return None
        return _Asked(head, boundary, slash + rest or "/", query, end + 4, end + 4 + head.length)

    def _wait(self, data: bytes, needed: int) -> None:
        self._pieces.append(data)
        self._size = len(data)
        self._needed = needed
        if not self._begun:
            self._begun = True
            self._expect(PATIENCE_SECONDS)

    def _taken(self) -> bytes:
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self._size = 0
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()
        return data

    def _hand_over(self, data: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        self._transport = None
        self._settle()
        heir = self._shared.fallback()
        transport.set_protocol(heir)
        heir.connection_made(transport)
        heir.data_received(data)

    async def _serve(self, boundary: Boundary) -> None:
        try:
            await boundary.answer(self)
            # A client that does not take its answers gets no more of them.
            while self._writing_paused and not self._closes and self._transport is not None:
                await self._until_writable()
        except BaseException:
            self._closes = True
            self.abort()
            raise
        finally:
            self._task = None
            self._next()

    def _next(self) -> None:
        transport = self._transport
        if transport is None:
            self._settle()
        elif self._closes:
            transport.close()
        elif not transport.is_closing():
            self._due = self._shared.loop.time() + IDLE_SECONDS
            if self._pieces:
                self._look(self._taken())

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._shared.open.discard(self)
        if not self.gone.done():
            self.gone.set_result(None)

    # ---- the edge: how the boundary reads and answers ------------------------------------------------------------

    async def request(self) -> WireRequest:
        return self._request

    def send(self, answer: WireResponse) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        closes = self._closes or self._shared.drain.draining
        body = b"" if answer.status in BODYLESS else answer.body
        head = self._shared.answers.whole(answer.status, answer.headers, len(body), closes=closes)
        self._closes = closes
        if self._request.method == "HEAD":
            transport.write(head)
        elif len(body) <= _ONE_WRITE:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    async def begin(self, status: int, headers: Headers) -> None:
        bodyless = status in BODYLESS or self._request.method == "HEAD"
        chunked = not (bodyless or any(name.lower() == "content-length" for name, _ in headers))
        closes = self._closes or self._shared.drain.draining
        head = self._shared.answers.streamed(status, headers, chunked=chunked, closes=closes)
        self._closes = closes
        self._bodyless, self._chunked = bodyless, chunked
        if self._transport is not None:
            self._transport.write(head)

    async def write(self, chunk: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ClientGoneError
        if chunk and not self._bodyless:
            transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk)
        if self._writing_paused:
            await self._until_writable()

    async def end(self) -> None:
        if self._chunked and self._transport is not None:
            self._transport.write(b"0\r\n\r\n")

    async def _until_writable(self) -> None:
        self._writable = self._shared.loop.create_future()
        await self._writable

    def _wake(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # ---- the clock -----------------------------------------------------------------------------------------------

    # One timer lives as long as the connection and is set again only when it rings: most requests set none.

    def _expect(self, seconds: float) -> None:
        self._due = self._shared.loop.time() + seconds
        if self._timer is None or self._due < self._rings_at:
            self._arm(self._due)

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        self._timer = self._shared.loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._shared.loop.time()
        if self._task is not None:
            self._arm(now + PATIENCE_SECONDS)
        elif self._due - now > _TICK:
            self._arm(self._due)
        else:
            self.abort()  # not closed in order: what was written may never be taken
