"""The mounts as aiohttp serves them: what our own connection does not speak, and the platforms on which it is not used.

The path is taken as it came (`raw_path`): decoding it before the dialect has matched it is how a request ends up
somewhere else.
"""

import re

from aiohttp import web
from multidict import CIMultiDict

from firewall.errors import CallerError
from firewall.ports import Headers, WireRequest, WireResponse
from firewall.server.bodies import read_body
from firewall.server.boundary import WRITTEN_HERE, Boundary, ClientGoneError, unwritable
from firewall.server.drain import Drain

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class DropIn:
    """The aiohttp handler of one mount."""

    def __init__(self, boundary: Boundary, *, drain: Drain, max_body: int) -> None:
        self._boundary = boundary
        self._drain = drain
        self._max_body = max_body

    async def handle(self, request: web.Request) -> web.StreamResponse:
        edge = _AiohttpEdge(request, f"/{self._boundary.name}", self._drain, self._max_body)
        await self._boundary.answer(edge)
        return edge.response


class _AiohttpEdge:
    """One request of aiohttp's. `response` is what its handler returns."""

    def __init__(self, request: web.Request, prefix: str, drain: Drain, max_body: int) -> None:
        self._request = request
        self._prefix = prefix
        self._drain = drain
        self._max_body = max_body
        self.response = web.StreamResponse()

    async def request(self) -> WireRequest:
        request = self._request
        target = request.raw_path
        if not target.startswith(self._prefix):
            raise CallerError(400, "invalid_target", "the request target is not a path of this mount")
        path, _, query = target[len(self._prefix) :].partition("?")
        body = await read_body(request, self._max_body)
        return WireRequest(
            method=request.method,
            path=path or "/",
            query=query,
            headers=tuple(request.headers.items()),
            body=body,
        )

    def send(self, answer: WireResponse) -> None:
        if self.response.prepared:
            return  # a stream that broke off, and its connection with it
        kept = [pair for pair in _writable(answer.headers) if pair[0].lower() != "content-length"]
        self._respond(web.Response(status=answer.status, body=answer.body, headers=CIMultiDict(kept)))

    async def begin(self, status: int, headers: Headers) -> None:
        self._respond(web.StreamResponse(status=status, headers=CIMultiDict(_writable(headers))))
        try:
            await self.response.prepare(self._request)
        except ConnectionError:
            self.abort()

    async def write(self, chunk: bytes) -> None:
        try:
            await self.response.write(chunk)
        except ConnectionError:
            raise ClientGoneError from None

    async def end(self) -> None:
        try:
            await self.response.write_eof()
        except ConnectionError:
            raise ClientGoneError from None

    def abort(self) -> None:
        self.response.force_close()
        if self._request.transport is not None:
            self._request.transport.abort()

    def _respond(self, response: web.StreamResponse) -> None:
        if self._drain.draining:
            response.force_close()
        self.response = response


def _writable(headers: Headers) -> list[tuple[str, str]]:
    """What aiohttp is to write. It refuses control characters too, but only when it is too late for an answer."""
    kept = [pair for pair in headers if pair[0].lower() not in WRITTEN_HERE]
    if any(_CONTROL.search(name) or _CONTROL.search(value) for name, value in kept):
        raise unwritable()
    return kept
