"""Servers of other people as processes of their own."""

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE = 60.0


@asynccontextmanager
async def listening_process(
    command: Sequence[str | Path], port: int, *, folder: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """Runs from when it takes connections on `port` until the context ends. What it printed is in the error where it fails."""
    child = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, stdout=PIPE, stderr=STDOUT, env={**os.environ, **(environ or {})}
    )
    assert child.stdout is not None
    printed = bytearray()
    reading = asyncio.ensure_future(_read(child.stdout, printed))
    try:
        async with asyncio.timeout(PATIENCE):
            while not await _takes_connections(port):
                assert child.returncode is None, printed.decode(errors="replace")
        yield
    finally:
        if child.returncode is None:
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), 10)
        except TimeoutError:
            child.kill()
            await child.wait()
        await reading


async def _read(stream: asyncio.StreamReader, printed: bytearray) -> None:
    while data := await stream.read(65536):
        printed += data
        del printed[:-65536]


async def _takes_connections(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.05)  # a foreign process: there is nothing else to wait for
        return False
    writer.close()
    await writer.wait_closed()
    return True
