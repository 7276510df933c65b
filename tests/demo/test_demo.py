"""`memfw demo` as a process: the table, the end, the port that is taken, the interruption at any moment."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TABLE = {
    "accepted route": "passed on, unchanged",
    "team preference": "passed on, unchanged",
    "runbook": "passed on, unchanged",
    "new endpoint": "passed on, unchanged",
    "old endpoint": "withheld · superseded by the new endpoint",
    "expired freeze": "withheld · its expiration date has passed",
    "failed route": "withheld · the text says that a route failed, is stale or is contested (failed)",
    "injected note": "blocked · the text gives the agent instructions of its own",
    "another team's row": "not found · read by its id: another owner's row does not exist here",
}


@asynccontextmanager
async def demonstration(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Started in an empty folder, with a home of its own; killed if it is still there at the end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "firewall",
        "demo",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MEM0_DIR": str(folder / "mem0"), "COLUMNS": "120"},
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


@pytest.fixture
def taken() -> Iterator[None]:
    """The usual port is somebody's, whoever it is."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server(("127.0.0.1", 8700)))
        yield


def rows(text: str) -> dict[str, str]:
    """The right column of the table by the memory's name, its lines joined."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        left, bar, right = line.partition(" | ")
        if not bar:
            continue
        started = re.match(r"([a-z' ]+): ", left)
        if started and started[1] in TABLE:
            name = started[1]
            found[name] = right.strip()
        elif name:
            found[name] = f"{found[name]} {right.strip()}".strip()
    return found


async def test_once(tmp_path: Path, taken: None) -> None:
    """The table says of each memory what became of it and why; plain in a pipe, nothing on stderr, exit 0."""
    async with demonstration(tmp_path, "--once") as child:
        out, err = await child.communicate()
        assert child.returncode == 0
    text = out.decode()
    shown = rows(text)
    assert set(shown) == set(TABLE)
    for name, want in TABLE.items():
        assert shown[name].startswith(want), name
    assert "8 memories straight, 4 through memfw." in text
    assert "\033" not in text
    assert err == b""
    assert [path.name for path in tmp_path.iterdir() if path.name != "mem0"] == []


async def test_it_stays_up_until_interrupted(tmp_path: Path, taken: None) -> None:
    """Without `--once` it serves at the URL that it prints, also where the usual port is taken; Ctrl-C is exit 0."""
    async with demonstration(tmp_path) as child:
        assert child.stdout is not None
        url = ""
        async for line in child.stdout:
            stays = re.search(rb"memfw stays up at (\S+)", line)
            if stays:
                url = stays[1].decode()
            if b"/readyz" in line:
                break
        assert url
        assert not url.endswith(":8700")

        def status() -> int:
            with urllib.request.urlopen(f"{url}/readyz") as answer:
                return int(answer.status)

        assert await asyncio.to_thread(status) == 200
        child.send_signal(signal.SIGINT)
        _, err = await child.communicate()
    assert (child.returncode, err) == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_at_work(tmp_path: Path, number: signal.Signals) -> None:
    """Interrupted while it still fills the store: exit 0, no traceback, nothing left behind."""
    async with demonstration(tmp_path) as child:
        assert child.stdout is not None
        assert b"Starting" in await child.stdout.readline()
        child.send_signal(number)
        _, err = await child.communicate()
    assert (child.returncode, err) == (0, b"")
