"""The fallback upstream transport, over aiohttp's client: proxies from the environment, no httptools needed.

The contract is that of `transport_fast`; headers, encodings, caps and errors go through the same code. What differs:
"no byte of an answer came" is known only up to its head, and the second try may take a pooled connection again.
"""

import asyncio
import io
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from multidict import CIMultiDict
from yarl import URL

from firewall.errors import MemfwError
from firewall.ports import Headers, WireRequest, WireResponse
from firewall.proxy.transport import Streamed, TransportKind
from firewall.proxy.transport_encoding import decode_body
from firewall.proxy.transport_errors import (
    invalid,
    late,
    reset,
    too_large,
    truncated,
    unavailable,
    unsendable,
)
from firewall.proxy.transport_headers import (
    SAFE_METHODS,
    AnswerHead,
    RequestHeaders,
    ResponseHeaders,
)
from firewall.proxy.transport_target import TransportLimits, parse_target

_IN_PIECES = 1024 * 1024


class _LostUnansweredError(MemfwError):
    """The connection went away before the head of an answer. Never leaves this module."""


class AiohttpTransport:
    """`Transport` for one base URL. Belongs to the loop that runs when it is made."""

    kind: TransportKind = "aiohttp"

    def __init__(
        self,
        base_url: str,
        *,
        limits: TransportLimits,
        ssl_context: ssl.SSLContext | None = None,
        extra: Headers = (),
        trust_env: bool = False,
    ) -> None:
        self._target = parse_target(base_url)
        self._limits = limits
        self._requests = RequestHeaders(self._target, extra)
        self._responses = ResponseHeaders()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=limits.max_connections,
                keepalive_timeout=limits.keepalive,
                ssl=ssl_context if ssl_context is not None else True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_timeout),
            auto_decompress=False,
            trust_env=trust_env,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=limits.max_header_bytes,
            max_field_size=limits.max_header_bytes,
            max_headers=max(128, limits.max_header_bytes // 16),
            middlewares=(_send_once,),
        )

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        """The whole answer, decoded. UpstreamError, or CallerError for a request that cannot be sent."""
        with _one_vocabulary():
            async with asyncio.timeout(deadline):
                answer = await self._answer(request, identity=True, retry=retry)
                with _released(answer):
                    bodyless = request.method == "HEAD" or answer.status in (204, 304)
                    head = self._head(answer, keep_length=bodyless)
                    body = b"" if bodyless else await self._body(answer, head)
        if head.encoding and body:
            plain = decode_body(body, head.encoding, self._limits.max_body)
            return WireResponse(status=answer.status, headers=head.decoded_headers(), body=plain)
        return WireResponse(status=answer.status, headers=head.headers, body=body)

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, deadline: float, retry: bool = False
    ) -> AsyncIterator[Streamed]:
        """The answer under way, its body untouched."""
        with _one_vocabulary():
            async with asyncio.timeout(deadline):
                answer = await self._answer(request, identity=False, retry=retry)
        with _released(answer):
            head = self._head(answer, keep_length=True)
            async with aclosing(_chunks(answer, deadline)) as chunks:
                yield Streamed(status=answer.status, headers=head.headers, chunks=chunks)

    async def close(self) -> None:
        """Breaks off what is under way."""
        await self._session.close()

    async def _answer(self, request: WireRequest, *, identity: bool, retry: bool) -> aiohttp.ClientResponse:
        if self._session.closed:
            raise unavailable("this transport is closed")
        # The head as the fast transport would send it: the same requests are refused.
        text = self._requests.head(request, identity=identity)
        headers = CIMultiDict(self._requests.pairs(request.headers, identity=identity))
        url = URL(self._target.origin + self._requests.target(request), encoded=True)
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in str(headers)):
            raise unsendable("a header value is not UTF-8, which this transport cannot send")
        again = retry or request.method in SAFE_METHODS
        while True:
            try:
                return await self._session.request(
                    request.method, url, headers=headers, data=_payload(request.body), allow_redirects=False
                )
            except _LostUnansweredError:
                if not again:
                    raise reset() from None
                again = False

    def _head(self, answer: aiohttp.ClientResponse, *, keep_length: bool) -> AnswerHead:
        if 100 <= answer.status < 200:
            raise invalid("it switches protocols unasked")
        if sum(len(name) + len(value) + 4 for name, value in answer.raw_headers) > (
            self._limits.max_header_bytes
        ):
            raise too_large("header")
        return self._responses.read(answer.raw_headers, keep_length=keep_length)

    async def _body(self, answer: aiohttp.ClientResponse, head: AnswerHead) -> bytes:
        if (head.length or 0) > self._limits.max_body:
            raise too_large("body")
        parts: list[bytes] = []
        size = 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > self._limits.max_body:
                raise too_large("body")
            parts.append(part)
        return b"".join(parts)


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending again by its own rules, which would repeat a PUT or DELETE unasked."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError as error:
        reason = "the TLS handshake failed" if isinstance(error, aiohttp.ClientSSLError) else "no connection"
        raise unavailable(reason) from None
    except aiohttp.ServerTimeoutError:
        raise unavailable("connecting takes too long") from None
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise _LostUnansweredError from None


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    # aiohttp wants large bodies as a file, so that it can write them in pieces.
    return io.BytesIO(body) if len(body) > _IN_PIECES else body or None


@contextmanager
def _one_vocabulary() -> Iterator[None]:
    """aiohttp's exceptions as ours, in one place."""
    try:
        yield
    except TimeoutError:
        raise late() from None
    except aiohttp.ClientPayloadError:
        raise truncated() from None
    except aiohttp.ClientResponseError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, LineTooLong):
            cause = cause.__cause__
        raise (invalid("it is not HTTP/1.1") if cause is None else too_large("header")) from None
    except aiohttp.ClientError:
        raise reset() from None


@contextmanager
def _released(answer: aiohttp.ClientResponse) -> Iterator[None]:
    """A broken or abandoned answer closes its connection, a whole one gives it back."""
    try:
        yield
    except BaseException:
        answer.close()
        raise
    if not answer.content.at_eof():
        answer.close()


async def _chunks(answer: aiohttp.ClientResponse, pause: float) -> AsyncGenerator[bytes]:
    while True:
        with _one_vocabulary():
            async with asyncio.timeout(pause):
                chunk = await answer.content.readany()
        if not chunk:
            return
        yield chunk
