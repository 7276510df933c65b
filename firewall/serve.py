"""`memfw serve`: listen, say so, and leave in order when told to.

SIGTERM and SIGINT: readiness off, keep-alive off, what was begun is finished, the log is flushed, exit 0. SIGHUP reloads
the policy.
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Coroutine

from aiohttp import web

from firewall import jsonlog
from firewall.bootstrap import open_house
from firewall.config import Config
from firewall.errors import ConfigError, Problem
from firewall.server.app import make_app
from firewall.server.house import House

#: How long open requests may take to finish, and accepted connections to say something, in seconds.
DRAIN_SECONDS = 30.0
GRACE_SECONDS = 0.5

_log = logging.getLogger("memfw")


def run(main: Coroutine[object, object, int]) -> int:
    """On uvloop where the platform has it."""
    if sys.platform == "win32":
        return asyncio.run(main)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


async def serve(config: Config) -> int:
    """Until a signal ends it; the process's exit code."""
    jsonlog.configure(config.log.level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with open_house(config) as house:
        loop.add_signal_handler(signal.SIGHUP, house.reload_policy)
        runner = web.AppRunner(
            make_app(house),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=DRAIN_SECONDS,
            max_line_size=house.max_header,
            max_field_size=house.max_header,
        )
        await runner.setup()
        try:
            site = await _listen(runner, config)
            _log.info("ready", extra={"url": site.name, "policy": house.services.policy().label})
            _settle_memory()
            await stop.wait()
            await leave(house, runner, site)
        finally:
            await runner.cleanup()
    return 0


async def _listen(runner: web.AppRunner, config: Config) -> web.TCPSite:
    site = web.TCPSite(runner, config.listen.host, config.listen.port, backlog=1024)
    try:
        await site.start()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        place = f"{config.listen.host}:{config.listen.port}"
        raise ConfigError([Problem("listen", 0, 0, "port", f"cannot listen on {place}: {reason}")]) from error
    return site


async def leave(house: House, runner: web.AppRunner, site: web.TCPSite) -> None:
    """Every answer from here on closes its connection; new connections are taken until the old ones are done."""
    _log.info("draining", extra={"cause": "signal"})
    house.drain.begin()
    server = runner.server
    loop = asyncio.get_running_loop()
    end = loop.time() + GRACE_SECONDS
    while loop.time() < end and server is not None and server.connections:
        await asyncio.sleep(0.01)
    await site.stop()
    await house.drain.finished(timeout=DRAIN_SECONDS)


def _settle_memory() -> None:
    """What start-up made stays for good: keep the collector off it, and let it look rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
