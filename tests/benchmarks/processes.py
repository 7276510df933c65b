"""Processes of a benchmark: start, wait until they listen, read their CPU time."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(arguments: Sequence[str], port: int) -> Iterator[int]:
    """Start `python ARGUMENTS`, wait for the port, yield the pid; ended on the way out."""
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while True:
            if child.poll() is not None:
                message = f"{arguments} ended with {child.returncode}"
                raise RuntimeError(message)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            if time.monotonic() > end:
                message = f"{arguments} does not listen"
                raise RuntimeError(message)
            time.sleep(0.02)  # polling a foreign process; nothing to await
        yield child.pid
    finally:
        child.terminate()
        child.wait(timeout=20)


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of the process: the first field of each schedstat is nanoseconds on a CPU."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
