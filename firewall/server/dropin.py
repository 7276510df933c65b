"""The mounts: a raw HTTP request becomes a WireRequest, the pipeline's outcome becomes a raw HTTP response.

The path is taken as it came (`raw_path`): decoding it before the dialect has matched it is how a request ends up
somewhere else.
"""

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
        started = self._monotonic()
        route, response = "unread", None
        with self._drain.request():
            try:
                wire = await self._wire(request)
                async with self._slot():
                    route, outcome = await self._pipeline.handle(wire)
                    if isinstance(outcome, Passage):
                        response = await stream(request, outcome, self._pipeline.mount, self._drain)
                    else:
                        response = self._response(outcome)
            except CallerError as error:
                response = self._response(answers.refused(self._pipeline.mount, None, error))
            except UpstreamError as error:
                response = self._response(answers.failed(self._pipeline.mount, None, error))
        name = self._pipeline.mount.name
        self._metrics.observe_request(name, route, response.status, self._monotonic() - started)
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
