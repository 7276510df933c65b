"""Pass routes: the upstream's answer streams through untouched, with backpressure.

An upstream that breaks off in the middle breaks our connection too: half an answer must not look like a whole one.
"""

from aiohttp import web
from multidict import CIMultiDict

from firewall.errors import UpstreamError
from firewall.proxy.pipeline import Passage
from firewall.proxy.services import Mount
from firewall.server.drain import Drain

_OURS = frozenset({"connection", "date", "server", "keep-alive", "transfer-encoding"})


async def stream(request: web.Request, passage: Passage, mount: Mount, drain: Drain) -> web.StreamResponse:
    """UpstreamError while nothing was sent yet; afterwards the connection is closed."""
    if mount.streams is None:
        answer = await mount.client.send(passage.request, deadline=mount.deadline)
        _refuse_redirect(answer.status)
        kept = [pair for pair in answer.headers if pair[0].lower() not in _OURS | {"content-length"}]
        whole = web.Response(status=answer.status, body=answer.body, headers=CIMultiDict(kept))
        if drain.draining:
            whole.force_close()
        return whole
    async with mount.streams.stream(passage.request, deadline=mount.deadline) as streamed:
        _refuse_redirect(streamed.status)
        kept = [pair for pair in streamed.headers if pair[0].lower() not in _OURS]
        response = web.StreamResponse(status=streamed.status, headers=CIMultiDict(kept))
        if drain.draining:
            response.force_close()
        await response.prepare(request)
        try:
            async for chunk in streamed.chunks:
                await response.write(chunk)
        except UpstreamError:
            response.force_close()
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response


def _refuse_redirect(status: int) -> None:
    if 300 <= status < 400 and status != 304:
        raise UpstreamError(502, "upstream_redirect", "the upstream answered with a redirect")
