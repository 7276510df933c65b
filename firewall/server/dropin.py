"""The mounts: a raw HTTP request becomes a WireRequest, the pipeline's outcome becomes a raw HTTP response.

The path is taken as it came (`raw_path`): decoding it before the dialect has matched it is how a request ends up
somewhere else.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from aiohttp import web
from multidict import CIMultiDict

from firewall.errors import CallerError, UpstreamError
from firewall.metrics import Metrics
from firewall.ports import WireRequest, WireResponse
from firewall.proxy import answers
from firewall.proxy.pipeline import Passage, Pipeline
from firewall.server.bodies import read_body
from firewall.server.drain import Drain
from firewall.server.streaming import stream

_OURS = frozenset({"content-length", "transfer-encoding", "connection", "date", "server", "keep-alive"})

_log = logging.getLogger("memfw.server")

Slot = Callable[[], AbstractAsyncContextManager[object]]


class DropIn:
    """The aiohttp handler of one mount."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        slot: Slot,
        drain: Drain,
        metrics: Metrics,
        monotonic: Callable[[], float],
        max_body: int,
    ) -> None:
        self._pipeline = pipeline
        self._prefix = f"/{pipeline.mount.name}"
        self._slot = slot
        self._drain = drain
        self._metrics = metrics
        self._monotonic = monotonic
        self._max_body = max_body

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The boundary of a mount: whatever happens, the client gets an answer in the upstream's shape."""
        started = self._monotonic()
        self._drain.enter()
        try:
            return await self._answered(request, started)
        finally:
            self._drain.leave()

    async def _answered(self, request: web.Request, started: float) -> web.StreamResponse:
        mount = self._pipeline.mount
        route, waited = "unread", 0.0
        try:
            wire = await self._wire(request)
            async with self._slot():
                handled = await self._pipeline.handle(wire)
                route, waited = handled.route, handled.upstream_seconds
                if isinstance(handled.outcome, Passage):
                    response = await stream(request, handled.outcome, mount, self._drain)
                else:
                    response = self._response(handled.outcome)
        except CallerError as error:
            response = self._response(answers.refused(mount, None, error))
        except UpstreamError as error:
            response = self._response(answers.failed(mount, None, error))
        except Exception as error:  # noqa: BLE001  the HTTP boundary: the client gets a 500, the log the type
            _log.error("internal error", extra={"error": type(error).__name__, "route": route})
            internal = mount.dialect.refusal(None, 500, "internal_error", "internal error", {})
            response = self._response(internal)
        seconds = self._monotonic() - started
        self._metrics.observe_request(mount.name, route, response.status, seconds)
        if waited:
            self._metrics.observe_overhead(mount.name, seconds - waited)
        return response

    async def _wire(self, request: web.Request) -> WireRequest:
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

    def _response(self, outcome: WireResponse) -> web.Response:
        headers = CIMultiDict([(name, value) for name, value in outcome.headers if name.lower() not in _OURS])
        response = web.Response(status=outcome.status, body=outcome.body, headers=headers)
        if self._drain.draining:
            response.force_close()
        return response
