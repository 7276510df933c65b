"""`memfw serve`: listen, say so, and leave in order when told to.

SIGTERM and SIGINT: readiness off, keep-alive off, what was begun is finished, the log is flushed, exit 0. SIGHUP reads
the policy, the key ring, the admin token and our certificate again.
"""

import asyncio
import ctypes
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress

from aiohttp import web

from firewall import jsonlog
from firewall.bootstrap import open_house
from firewall.config import Config
from firewall.errors import ConfigError
from firewall.lifeline import Lifeline
from firewall.server.app import make_runner
from firewall.server.door import Door
from firewall.server.house import House
from firewall.server.operations import operations
from firewall.tls import Chain, ServerTls
from firewall.workers import Worker

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


async def serve(config: Config, worker: Worker | None = None) -> int:
    """Until a signal ends it; the process's exit code. A `worker` shares its port, and ends with its supervisor too."""
    journal = jsonlog.configure(config.log.level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    tls = _tls(config)
    async with AsyncExitStack() as stack:
        lifeline: Lifeline | None = None
        if worker is not None:
            config = _placed(config, worker)
            lifeline = Lifeline(worker, stop)
            stack.callback(lifeline.close)
        house = await stack.enter_async_context(open_house(config, journal=journal, announce=_announce))
        loop.add_signal_handler(signal.SIGHUP, _take_again, house, tls)
        told: dict[str, object] = {
            "policy": house.services.policy().label,
            "upstreams": sorted(config.upstreams),
        }
        if worker is not None:
            told["worker"] = worker.number
            house.services.metrics.worker_info.labels(str(worker.number)).set(1)
        if config.listen.metrics_port is not None:
            place = operations(house, config.listen.metrics_host, config.listen.metrics_port)
            told["metrics"] = await stack.enter_async_context(place)
        runner = make_runner(house, shutdown_timeout=DRAIN_SECONDS)
        await runner.setup()
        try:
            door = await Door.open(
                _serving(runner),
                config.listen.host,
                config.listen.port,
                shared=worker is not None,
                tls=None if tls is None else tls.context,
                loopback_only=not config.principals,
            )
            _log.info("ready" if worker is None else "worker ready", extra={"url": door.url, **told})
            if lifeline is not None:
                lifeline.ready(door.url)
            _settle_memory()
            await stop.wait()
            await leave(house, door)
        finally:
            await runner.cleanup()
    return 0


def _placed(config: Config, worker: Worker) -> Config:
    """The config with the ports of this one worker."""
    listen, metrics = config.listen, config.listen.metrics_port
    own = {"port": worker.port, "metrics_port": metrics + worker.number if metrics else metrics}
    return config.model_copy(update={"listen": listen.model_copy(update=own)})


def _announce(token: str) -> None:
    """Not a log line: this is for whoever starts memfw, and must not be kept where logs are."""
    sys.stderr.write(
        "memfw asks nobody for a key, because there are no principals. What only an administrator may do takes this token, "
        f"which is shown once; send it as Memfw-Key: {token}\n"
    )
    sys.stderr.flush()


def _tls(config: Config) -> ServerTls | None:
    tls = config.listen.tls
    if tls is None:
        return None
    chain = Chain(cert=tls.cert, key=tls.key, password=tls.key_password)
    return ServerTls(chain, client_ca=tls.client_ca, min_version=tls.min_version)


def _take_again(house: House, tls: ServerTls | None) -> None:
    """What is on disk now. A certificate that cannot be used changes nothing, and that is said."""
    house.reload()
    if tls is None:
        return
    try:
        tls.renew()
    except ConfigError as error:
        problems = [str(problem) for problem in error.problems]
        _log.error("certificate not read again, the last one stays", extra={"problems": problems})
        return
    _log.info("certificate read")


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
