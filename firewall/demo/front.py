"""A plain front for the demonstration: the platform's protocol over the embedded Mem0, without any governing.

It stands for the hosted Mem0 that a team already has. Whatever it is asked it answers.
"""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from firewall.ports import Upstream, WireRequest

DEADLINE = 30.0


@contextlib.asynccontextmanager
async def plain_front(upstream: Upstream) -> AsyncIterator[str]:
    """Serve `upstream` on a free port of the loopback; yields the base URL."""

    async def forward(request: web.Request) -> web.Response:
        path, _, query = request.raw_path.partition("?")
        answer = await upstream.send(
            WireRequest(
                method=request.method,
                path=path,
                query=query,
                headers=tuple(request.headers.items()),
                body=await request.read(),
            ),
            deadline=DEADLINE,
        )
        return web.Response(status=answer.status, body=answer.body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
