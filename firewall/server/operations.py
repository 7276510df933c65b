"""The operators' port: health and metrics of this one process, apart from the port that several may share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from firewall.server import health
from firewall.server.door import Door
from firewall.server.house import House


@asynccontextmanager
async def operations(house: House, host: str, port: int) -> AsyncIterator[str]:
    """Where it is. Open until the context ends, so that a process that drains can still be looked at.
    ConfigError where nobody can listen there."""
    app = web.Application()
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.ready(house))
    app.router.add_get("/metrics", health.metrics(house))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        if runner.server is None:
            raise RuntimeError("the runner was not set up")
        door = await Door.open(runner.server, host, port)
        try:
            yield door.url
        finally:
            await door.shut()
    finally:
        await runner.cleanup()
