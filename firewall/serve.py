"""`memfw serve`: listen, say so, and leave in order when told to.

SIGTERM and SIGINT: readiness off, keep-alive off, what was begun is finished, the log is flushed, exit 0. SIGHUP reloads
the policy.
"""

import asyncio
import ctypes
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress

from aiohttp import web

from firewall import jsonlog
from firewall.bootstrap import open_house
from firewall.config import Config
from firewall.server.app import make_runner
from firewall.server.door import Door
from firewall.server.house import House

#: How long open requests may take to finish: less than the 30 seconds after which Kubernetes kills.
DRAIN_SECONDS = 25.0
#: How long connections that owe us a request may take to send it, before and after the door is shut.
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
    journal = jsonlog.configure(config.log.level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with open_house(config, journal=journal) as house:
        loop.add_signal_handler(signal.SIGHUP, house.reload_policy)
        runner = make_runner(house, shutdown_timeout=DRAIN_SECONDS)
        await runner.setup()
        try:
            door = await Door.open(_serving(runner), config.listen.host, config.listen.port)
            _log.info(
                "ready",
                extra={
                    "url": door.url,
                    "policy": house.services.policy().label,
                    "upstreams": sorted(config.upstreams),
                },
            )
            _settle_memory()
            await stop.wait()
            await leave(house, door)
        finally:
            await runner.cleanup()
    return 0


def _serving(runner: web.AppRunner) -> web.Server:
    if runner.server is None:
        raise RuntimeError("the runner was not set up")
    return runner.server


async def leave(house: House, door: Door) -> None:
    """Every answer from here on closes its connection. The door stays open until the old connections are done, or
    for the grace; then those that were let in last get the same. What is still being answered is waited for after."""
    _log.info("draining", extra={"cause": "signal"})
    house.drain.begin()
    await _within(GRACE_SECONDS, lambda: door.connections == 0)
    await door.shut()
    await _within(GRACE_SECONDS, lambda: door.connections == 0)
    await house.drain.finished(timeout=DRAIN_SECONDS)


async def _within(seconds: float, condition: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition() and loop.time() < end:  # noqa: ASYNC110  connections come and go without an event
        await asyncio.sleep(0.01)


def _settle_memory() -> None:
    """What start-up made stays for good: keep the collector off it, and let it look rarely.

    What start-up only used (compiling detectors and models takes megabytes) goes back to the system, where the
    platform's allocator can be told to.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library than glibc has no such call
            ctypes.CDLL("libc.so.6").malloc_trim(0)
