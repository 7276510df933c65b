"""The boundary of a mount: one request in, one answer out in the upstream's shape, whatever happens in between.

Which library reads the request and writes the answer is the edge's business. There are two edges, aiohttp's and our own
connection; what counts as open, what is measured and what an error looks like is decided here, once for both.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

from firewall.errors import CallerError, UpstreamError
from firewall.metrics import Metrics
from firewall.ports import Headers, WireRequest, WireResponse, header
from firewall.proxy import answers
from firewall.proxy.pipeline import Passage, Pipeline
from firewall.proxy.transport import Streamed
from firewall.proxy.transport_errors import invalid
from firewall.server.drain import Drain

#: Headers that an edge writes itself: an upstream's are not passed on. A streamed answer keeps its length.
WRITTEN_HERE = frozenset({"transfer-encoding", "connection", "date", "server", "keep-alive"})

_FREE = nullcontext()
_LONGEST_ERROR = 64 * 1024
_log = logging.getLogger("memfw.server")

Slot = Callable[[], AbstractAsyncContextManager[object]]


class ClientGoneError(Exception):
    """Nobody is there any more to take the rest of a streamed answer."""


class Edge(Protocol):
    """How one request is read and answered on the wire: by `send`, or by `begin`, `write` and `end`."""

    async def request(self) -> WireRequest:
        """CallerError for a request that cannot be read."""
        ...

    def send(self, answer: WireResponse) -> None:
        """The whole answer. UpstreamError, and nothing sent, for one that cannot be written as HTTP."""
        ...

    async def begin(self, status: int, headers: Headers) -> None:
        """The head of a streamed answer. UpstreamError as in `send`; a client that has left shows in `write`."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Waits while the client is slow; ClientGoneError when it has left."""
        ...

    async def end(self) -> None: ...

    def abort(self) -> None:
        """Breaks the connection: half an answer must not look like a whole one."""
        ...


class Boundary:
    """One mount's pipeline behind the limit on concurrency, measured, and counted as open while it works."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        slot: Slot,
        drain: Drain,
        metrics: Metrics,
        monotonic: Callable[[], float],
    ) -> None:
        self._pipeline = pipeline
        self._slot = slot
        self._drain = drain
        self._metrics = metrics
        self._monotonic = monotonic

    @property
    def name(self) -> str:
        """The mount's, which is the first part of the path."""
        return self._pipeline.mount.name

    async def answer(self, edge: Edge) -> None:
        """The client gets an answer in the upstream's shape, and nobody learns of a failure inside but the log."""
        started = self._monotonic()
        mount = self._pipeline.mount
        route, waited = "unread", 0.0
        self._drain.enter()
        try:
            try:
                wire = await edge.request()
                with self._pipeline.allowance(wire) or _FREE:
                    async with self._slot():
                        handled = await self._pipeline.handle(wire)
                        route, waited, outcome = handled.route, handled.upstream_seconds, handled.outcome
                        if isinstance(outcome, Passage):
                            status = await self._pass_on(outcome, edge)
                        else:
                            edge.send(outcome)
                            status = outcome.status
            except CallerError as error:
                self._metrics.denied.labels(mount.name, error.code).inc()
                status = _sent(edge, answers.refused(mount, None, error))
            except UpstreamError as error:
                status = _sent(edge, answers.failed(mount, None, error))
            except Exception as error:  # noqa: BLE001  the HTTP boundary: the client gets a 500, the log the type
                _log.error("internal error", extra={"error": type(error).__name__, "route": route})
                internal = mount.dialect.refusal(None, 500, "internal_error", "internal error", {})
                status = _sent(edge, internal)
            seconds = self._monotonic() - started
            self._metrics.observe_request(mount.name, route, status, seconds)
            if waited:
                self._metrics.observe_overhead(mount.name, seconds - waited)
        finally:
            self._drain.leave()

    async def _pass_on(self, passage: Passage, edge: Edge) -> int:
        """The upstream's answer goes through untouched, with backpressure where it can be streamed; its status."""
        mount = self._pipeline.mount
        if mount.streams is None:
            whole = await mount.client.send(passage.request, deadline=mount.deadline)
            _refuse_redirect(whole.status)
            refused = whole.status >= 400 and mount.secrets
            return _sent(edge, answers.upstream_error(mount, None, whole) if refused else whole)
        async with mount.streams.stream(passage.request, deadline=mount.deadline) as streamed:
            _refuse_redirect(streamed.status)
            if streamed.status >= 400 and mount.secrets:
                return _sent(edge, answers.upstream_error(mount, None, await _whole(streamed)))
            await edge.begin(streamed.status, streamed.headers)
            try:
                async for chunk in streamed.chunks:
                    await edge.write(chunk)
                await edge.end()
            except (UpstreamError, ClientGoneError):
                edge.abort()
            except BaseException:
                edge.abort()
                raise
        return streamed.status


async def _whole(streamed: Streamed) -> WireResponse:
    """An error that may have to be told without its text, which is looked at: none where it is packed or long."""
    body = b""
    async for chunk in streamed.chunks:
        body += chunk
        if len(body) > _LONGEST_ERROR:
            break
    readable = len(body) <= _LONGEST_ERROR and header(streamed.headers, "Content-Encoding") is None
    return WireResponse(status=streamed.status, headers=streamed.headers, body=body if readable else b"")


def _sent(edge: Edge, answer: WireResponse) -> int:
    edge.send(answer)
    return answer.status


def _refuse_redirect(status: int) -> None:
    if 300 <= status < 400 and status != 304:
        raise UpstreamError(502, "upstream_redirect", "the upstream answered with a redirect")


def unwritable() -> UpstreamError:
    """For an answer whose headers could be read as more headers, or as another answer."""
    return invalid("a header holds a control character")
