"""The yardstick: a plain aiohttp pass-through, server and one pooled client, buffered, on uvloop.

python -m tests.benchmarks.yardstick PORT UPSTREAM_PORT
"""

import asyncio
import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, web
from yarl import URL

HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "host",
    "content-length",
}


async def serve(port: int, upstream: int) -> None:
    async with ClientSession(timeout=ClientTimeout(total=30), auto_decompress=False) as session:

        async def forward(request: web.Request) -> web.Response:
            body = await request.read()
            headers = {
                name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP
            }
            url = URL(f"http://127.0.0.1:{upstream}{request.raw_path}", encoded=True)
            async with session.request(request.method, url, data=body, headers=headers) as response:
                answer = await response.read()
                kept = {
                    name: value for name, value in response.headers.items() if name.lower() not in HOP_BY_HOP
                }
                return web.Response(status=response.status, body=answer, headers=kept)

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
