"""Several workers behind one port: reaching a certain one of them, and finding their processes."""

import asyncio
import os
import re
import signal
from contextlib import suppress
from pathlib import Path

from tests.process.running import Line, Process

_WORKER = re.compile(rb'^memfw_worker_info\{worker="(\d+)"\} 1\.0$', re.MULTILINE)


async def worker_of(line: Line) -> int:
    """Which worker is at the other end."""
    found = _WORKER.search((await line.ask("GET", "/metrics")).body)
    assert found is not None
    return int(found[1])


async def line_to(process: Process, worker: int) -> Line:
    """A connection to that worker: the kernel deals them out, so we take new ones until it is its."""
    while True:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            line = await Line.open(process.address)
            if await worker_of(line) == worker:
                return line
            await line.close()


def workers_of(process: Process) -> dict[int, int]:
    """The process id of each worker that lives."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with suppress(OSError):
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if int(parent) == process.child.pid and b"--worker" in words:
                found[int(words[words.index(b"--worker") + 1].split(b":")[0])] = int(entry.name)
    return found


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def gone(pid: int) -> None:
    """Until no such process is left; the test's timeout is the bound."""
    while _lives(pid):  # noqa: ASYNC110  not our child: there is no event
        await asyncio.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
