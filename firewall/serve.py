"""`memfw serve`: listen, say so, and leave in order when told to.

SIGTERM and SIGINT: readiness off, keep-alive off, what was begun is finished, the log is flushed, exit 0. SIGHUP reloads
the policy.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine

from aiohttp import web

from firewall import jsonlog
from firewall.bootstrap import open_house
from firewall.config import Config
from firewall.errors import ConfigError, Problem
from firewall.server.app import make_app
from firewall.server.house import House

#: How long open requests may take to finish: less than the 30 seconds after which Kubernetes kills.
DRAIN_SECONDS = 25.0
#: How long connections that owe us a request may take to send it, before and after the door is shut.
GRACE_SECONDS = 0.5

_BACKLOG = 1024
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
            door = await Door.open(_serving(runner), config.listen.host, config.listen.port)
            _log.info("ready", extra={"url": door.url, "policy": house.services.policy().label})
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


class Door:
    """The listening sockets. Shutting it loses nobody who was already let in by the kernel.

    `loop.create_server` alone would: what waits in a socket's backlog when it is closed gets a reset, although its
    client has connected and asked. So we keep a second handle on each socket, and empty the backlog before the last
    handle goes.
    """

    def __init__(self, server: web.Server, listening: asyncio.Server) -> None:
        self._server = server
        self._listening = listening
        self._sockets = [socket.socket(fileno=os.dup(sock.fileno())) for sock in listening.sockets]

    @classmethod
    async def open(cls, server: web.Server, host: str, port: int) -> "Door":
        """ConfigError where nobody can listen there."""
        loop = asyncio.get_running_loop()
        try:
            listening = await loop.create_server(server, host, port, backlog=_BACKLOG)
        except OSError as error:
            # asyncio words the reason itself, uvloop leaves it to the number.
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else type(error).__name__
            message = f"cannot listen on {host}:{port}: {reason}"
            raise ConfigError([Problem("listen", 0, 0, "port", message)]) from error
        return cls(server, listening)

    @property
    def url(self) -> str:
        """Where it is, with the port that it really got."""
        host, port = self._sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def connections(self) -> int:
        return len(self._server.connections)

    async def shut(self) -> None:
        """Nobody is let in any more; who is in the backlog still is."""
        self._listening.close()
        let_in: list[socket.socket] = []
        # No await between the last look at a backlog and its close: this is the gap in which a client can fall.
        for listener in self._sockets:
            let_in += _backlog(listener)
            listener.close()
        loop = asyncio.get_running_loop()
        for connection in let_in:
            await loop.connect_accepted_socket(self._server, connection)


def _backlog(listener: socket.socket) -> list[socket.socket]:
    listener.setblocking(False)
    waiting: list[socket.socket] = []
    while True:
        try:
            connection, _ = listener.accept()
        except ConnectionAbortedError:
            continue
        except OSError:  # empty, or not a socket that we could go on with
            return waiting
        waiting.append(connection)


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
    """What start-up made stays for good: keep the collector off it, and let it look rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
