"""The line between a worker and its supervisor."""

import asyncio
import socket

from firewall.lifeline import Lifeline
from firewall.workers import Worker


def connected() -> tuple[socket.socket, Worker]:
    """The supervisor's end, and the worker that has the other."""
    ours, theirs = socket.socketpair()
    return ours, Worker(number=0, port=1, line=theirs.detach())


async def test_a_worker_says_its_url() -> None:
    """Once it serves, and no more than that."""
    ours, worker = connected()
    stop = asyncio.Event()
    line = Lifeline(worker, stop)
    line.ready("http://127.0.0.1:1")
    line.close()
    line.close()
    with ours:
        assert ours.recv(100) == b"http://127.0.0.1:1"
        assert ours.recv(100) == b""
    assert not stop.is_set()


async def test_a_worker_hears_that_nobody_is_there() -> None:
    """The end of the line is the order to leave, whether it was ready before or not."""
    ours, worker = connected()
    stop = asyncio.Event()
    line = Lifeline(worker, stop)
    ours.close()
    await stop.wait()
    line.ready("http://127.0.0.1:1")
    line.close()
