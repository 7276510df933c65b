"""A whole memfw for as long as the quickstart runs: the real composition root, its state in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from firewall.bootstrap import open_house
from firewall.config import load_config
from firewall.server.app import make_runner


@asynccontextmanager
async def running_memfw() -> AsyncIterator[str]:
    """Its URL. The environment's settings are another memfw's, so none of them is read."""
    config = load_config(None, {"MEMFW_STATE__URL": "sqlite:///:memory:"})
    async with open_house(config) as house:
        runner = make_runner(house, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
