"""One HTTP/1.1 connection to an upstream: at most one exchange at a time, never pipelined.

The protocol half is driven by the loop and only notes what came; the exchange half waits and judges. A plain answer is
read as it stands, every other one by httptools. A connection is
`reusable` only after a whole answer with nothing behind it; in every other case, cancellation included, it is closed.
Bytes that nobody asked for close it too.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import cast

import httptools

from firewall.errors import UpstreamError
from firewall.ports import WireResponse
from firewall.proxy.transport_encoding import decode_body
from firewall.proxy.transport_errors import invalid, late, reset, too_large, truncated
from firewall.proxy.transport_headers import AnswerHead, ResponseHeaders
from firewall.proxy.transport_plain import PlainAnswers
from firewall.proxy.transport_target import TransportLimits

# A streamed body is read ahead this far, then the upstream has to wait for the caller.
_READ_AHEAD = 64 * 1024
# A body up to here is sent in one piece with its head.
_ONE_WRITE = 64 * 1024
# uvloop's timers tick in milliseconds and may ring just before their time.
_TICK = 0.002


class Connection(asyncio.Protocol):
    """Made by the loop's `create_connection`; `on_lost` hears once when it is gone."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: TransportLimits,
        names: ResponseHeaders,
        plain: PlainAnswers,
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._names = names
        self._plain = plain
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self.idle_since = 0.0
        self.lost = loop.create_future()
        self._gone = False
        self._busy = False
        self.lost_unanswered = False
        self._forget()

    def _forget(self) -> None:
        """Everything that belongs to one exchange."""
        self._waiter: asyncio.Future[None] | None = None
        self._until = 0.0
        self._failure: UpstreamError | None = None
        self._streaming = False
        self._headless_body = False
        self._raw: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._head: AnswerHead | None = None
        self._status = 0
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._body_bytes = 0
        self._due = 0
        self._paused = False
        self._parsed = False
        self._complete = False
        self._keep_alive = False
        self._surplus = False
        self._answered = False

    # ---- the exchange ------------------------------------------------------------------------------------------

    @property
    def reusable(self) -> bool:
        """Whether another exchange may go over it now."""
        transport = self._transport
        return (
            not self._gone
            and self._complete
            and self._parsed
            and self._keep_alive
            and not self._surplus
            and self._failure is None
            and not self._paused
            and transport is not None
            # An answer that came before the request was sent: the rest of it must not precede the next one.
            and not transport.get_write_buffer_size()
        )

    @property
    def alive(self) -> bool:
        return not self._gone and self._transport is not None and not self._transport.is_closing()

    async def exchange(
        self, head: bytes, body: bytes, *, bodyless: bool, streaming: bool, until: float
    ) -> None:
        """Sends a request and waits: for the whole answer, or for its head when `streaming`."""
        self._forget()
        self._headless_body = bodyless
        self._streaming = streaming
        self._busy = True
        # It tells the one failure after which another try is safe: gone before any byte of an answer.
        self.lost_unanswered = False
        transport = self._transport
        if transport is None or self._gone:
            self.lost_unanswered = True
            raise reset()
        if len(body) <= _ONE_WRITE:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        try:
            while not (self._complete or self._failure or (streaming and self._head is not None)):
                await self._news(until)
        except BaseException:
            self.abort()
            raise
        if self._failure is not None:
            self.abort()
            raise self._failure

    def response(self) -> WireResponse:
        """The whole answer. Without Content-Length unless no body follows: the body's own length is the truth."""
        head = self._head
        assert head is not None
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        headers = head.headers
        if head.encoding and body:
            body = decode_body(body, head.encoding, self._limits.max_body)
            headers = head.decoded_headers()
        return WireResponse(status=self._status, headers=headers, body=body)

    def head(self) -> WireResponse:
        """Status and headers of a streamed answer, untouched but for hop-by-hop headers."""
        assert self._head is not None
        return WireResponse(status=self._status, headers=self._head.headers)

    async def chunks(self, pause: float) -> AsyncGenerator[bytes]:
        """The body as it comes; `pause` is the longest wait for the next piece."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._held -= len(chunk)
                yield chunk
            if self._complete:
                return
            self._resume()
            if self._failure is None:
                await self._news(self._loop.time() + pause)
            if self._failure is not None:
                raise self._failure

    def _news(self, until: float) -> asyncio.Future[None]:
        """Done when the loop has brought something, or something went wrong."""
        self._until = until
        if self._timer is None or until < self._rings_at:
            self._arm(until)
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def rest(self, now: float) -> None:
        """The exchange is over and the connection waits for another one."""
        self._busy = False
        self.idle_since = now

    def abort(self) -> None:
        """Closes at once; what was not sent is not sent."""
        self._gone = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    # ---- the deadline ------------------------------------------------------------------------------------------

    # One timer lives as long as the connection and is set again only when it rings: most exchanges set none.

    def _arm(self, until: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = until
        self._timer = self._loop.call_at(until, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._until - self._loop.time() > _TICK:
            self._arm(self._until)
        else:
            self._fail(late())

    # ---- the protocol ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            self.abort()
            return
        if self._complete or self._failure is not None:
            self._surplus = True
            return
        if self._due:
            self._collect(data)
            return
        if not self._answered:
            self._answered = True
            if self._is_plain(data):
                return
        if self._head is None:
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._misread()
        self._judge()

    def _is_plain(self, data: bytes) -> bool:
        """Whether these bytes begin a plain answer, of which there is nothing left to read but so many bytes."""
        if self._streaming or self._headless_body:
            return False
        end = data.find(b"\r\n\r\n")
        found = self._plain.read(data[:end]) if 0 < end <= self._limits.max_header_bytes else None
        if found is None or found[1] > self._limits.max_body:
            return False
        answer, self._due = found
        self._status, self._head, self._keep_alive = answer.status, answer.head, True
        self._collect(data[end + 4 :])
        return True

    def _collect(self, chunk: bytes) -> None:
        surplus = len(chunk) - self._due
        self._surplus = surplus > 0
        self._chunks.append(chunk[: self._due] if surplus > 0 else chunk)
        self._due = max(0, -surplus)
        if surplus >= 0:
            self._parsed = self._complete = True
            self._wake()

    def _misread(self) -> None:
        # Behind a whole answer it is surplus; before its end nothing of it can be believed.
        self._surplus = True
        if not self._complete and self._failure is None:
            self._failure = invalid("it is not HTTP/1.1")

    def _judge(self) -> None:
        if self._failure is not None:
            self._fail(self._failure)
        elif self._head is None and self._header_bytes > self._limits.max_header_bytes:
            self._fail(too_large("header"))
        elif self._complete or self._streaming:
            self._wake()
            if self._held > _READ_AHEAD and not self._complete:
                self._pause()

    def eof_received(self) -> None:
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc)
        if not self.lost.done():
            self.lost.set_result(None)
            self._on_lost(self)

    def _ended(self, exc: Exception | None) -> None:
        self._gone = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._busy or self._complete or self._failure is not None:
            return
        head = self._head
        if exc is None and head is not None and head.length is None and not (head.chunked or self._due):
            # The end of the connection is the end of this body.
            self._complete = True
            self._wake()
        elif self._answered and exc is None:
            self._fail(truncated())
        else:
            self.lost_unanswered = not self._answered
            self._fail(reset())

    def _fail(self, failure: UpstreamError) -> None:
        self._failure = failure
        self.abort()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._gone:
            self._paused = False
            self._transport.resume_reading()

    # ---- the parser's callbacks: they note, and never raise ------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            self._surplus = True
        self._raw = []

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers come here too; they are dropped, but only so many of them are read.
        if self._head is None:
            self._raw.append((name, value))
        else:
            self._header_bytes += len(name) + len(value) + 4
            if self._header_bytes > self._limits.max_header_bytes:
                self._failure = too_large("trailer")

    def on_headers_complete(self) -> None:
        if self._complete or self._failure is not None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            if status == 101:
                self._failure = invalid("it switches protocols unasked")
            return
        # All that has come may include some of the body; only then is it worth counting.
        if self._header_bytes > self._limits.max_header_bytes:
            size = sum(len(name) + len(value) + 4 for name, value in self._raw)
            if size > self._limits.max_header_bytes:
                self._failure = too_large("header")
                return
        self._header_bytes = 0
        bodyless = self._headless_body or status in (204, 304)
        try:
            head = self._names.read(self._raw, keep_length=bodyless or self._streaming)
        except UpstreamError as error:
            self._failure = error
            return
        if not (self._streaming or bodyless) and (head.length or 0) > self._limits.max_body:
            self._failure = too_large("body")
            return
        self._status = status
        self._head = head
        self._keep_alive = self._parser.should_keep_alive()
        # To a HEAD the parser would wait for a body that never comes. What it still reads is surplus.
        self._complete = self._headless_body

    def on_body(self, chunk: bytes) -> None:
        if self._complete:
            self._surplus = True
            return
        if self._failure is not None:
            return
        self._body_bytes += len(chunk)
        if self._streaming:
            self._held += len(chunk)
        elif self._body_bytes > self._limits.max_body:
            self._failure = too_large("body")
            return
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        if self._head is not None:
            self._parsed = True
            self._complete = True
