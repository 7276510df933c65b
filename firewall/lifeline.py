"""A worker's end of the line to its supervisor: it says that it is ready, and hears when the supervisor is gone.

A supervisor that was killed can tell nobody, but the kernel ends its lines: its workers then leave in order, instead of
staying behind on a port that nobody watches.
"""

import asyncio
import socket

from firewall.workers import Worker


class Lifeline:
    """`stop` is set when the other end is gone. Belongs to the running loop."""

    def __init__(self, worker: Worker, stop: asyncio.Event) -> None:
        self._stop = stop
        self._line = socket.socket(fileno=worker.line)
        self._line.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._line.fileno(), self._heard)

    def ready(self, url: str) -> None:
        """Clients are served at this URL."""
        try:
            self._line.send(url.encode())
        except OSError:
            self._stop.set()  # nobody is there to hear it

    def close(self) -> None:
        """May be called twice."""
        if self._line.fileno() >= 0:
            self._loop.remove_reader(self._line.fileno())
            self._line.close()

    def _heard(self) -> None:
        """Nothing is ever said to a worker: this is the end of the line."""
        self._loop.remove_reader(self._line.fileno())
        self._stop.set()
