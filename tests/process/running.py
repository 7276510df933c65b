"""memfw as a process of its own, and clients that count exactly what became of what they sent."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).parents[2]


class Process:
    """A running `memfw serve`. What it logs is kept as parsed lines."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.url = ""
        self.lines: list[dict[str, Any]] = []
        self._ready = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.child.stderr is not None
        async for line in self.child.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"message": line.decode().rstrip()})
            if self.lines[-1]["message"] == "ready":
                self.url = self.lines[-1]["url"]
                self._ready.set()
        self._ready.set()

    async def ready(self) -> None:
        """Until it says so, or ends."""
        await self._ready.wait()
        assert self.url, self.lines

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    def tell(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    async def ended(self) -> int:
        """Its exit code; all its lines are read then."""
        code = await self.child.wait()
        await self._reading
        return code

    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines]


async def start(
    folder: Path, config: Mapping[str, object], *, environ: Mapping[str, str] | None = None
) -> Process:
    """`python -m firewall serve` in `folder`, with that config, on a free port unless the config names one."""
    whole = {"listen": {"port": 0}, "state": {"url": f"sqlite:///{folder}/memfw.db"}, **config}
    (folder / "memfw.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "firewall",
        "serve",
        "--config",
        "memfw.yaml",
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
    )
    return Process(child)


@asynccontextmanager
async def serving(
    folder: Path, config: Mapping[str, object], *, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """A process that is ready; killed at the end if it is still there."""
    process = await start(folder, config, environ=environ)
    try:
        await process.ready()
        yield process
    finally:
        if process.child.returncode is None:
            process.child.kill()
        await process.ended()


class Answered:
    """One whole answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """One keep-alive connection, by hand: no client library retries behind our back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, address: tuple[str, int]) -> "Line":
        return cls(*await asyncio.open_connection(*address))

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answered:
        """Sends, and reads the whole answer. IncompleteReadError or ConnectionError where there is none."""
        self.send(method, path, body, **headers)
        return await self.answer()

    def send(self, method: str, path: str, body: object = None, **headers: str) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        fields = {
            "Host": "memfw",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **headers,
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self._writer.write("\r\n".join(lines).encode() + content)

    async def answer(self) -> Answered:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await self._reader.readexactly(int(headers["content-length"]))
        return Answered(int(head[0].split()[1]), headers, body)

    async def closed(self) -> bool:
        """True when the other side has closed, with nothing more said."""
        return await self._reader.read() == b""

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):  # the other side was quicker
            await self._writer.wait_closed()


class Load:
    """Closed-loop clients on keep-alive connections, that reconnect when an answer closes theirs."""

    def __init__(self, address: tuple[str, int], method: str, path: str, body: object) -> None:
        self._address = address
        self._request = (method, path, body)
        self.statuses: list[int] = []
        self.labels: list[str] = []
        self.lost: list[str] = []
        self.refused = 0
        self.stopped = False
        self._progress = asyncio.Condition()

    async def run(self, clients: int) -> None:
        """Until the port refuses, or `stopped`."""
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client())

    async def reached(self, count: int) -> None:
        """Until so many answers have come."""
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.statuses) >= count)

    async def _client(self) -> None:
        line: Line | None = None
        while not self.stopped:
            if line is None:
                try:
                    line = await Line.open(self._address)
                except ConnectionRefusedError:
                    self.refused += 1
                    return
                except ConnectionError as error:
                    self.lost.append(f"connecting: {type(error).__name__}")
                    return
            try:
                answer = await line.ask(*self._request)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                self.lost.append(f"{type(error).__name__}: {error}")
                return
            async with self._progress:
                self.statuses.append(answer.status)
                self.labels.append(answer.headers.get("memfw-policy", ""))
                self._progress.notify_all()
            if answer.headers.get("connection") == "close":
                await line.close()
                line = None
        if line is not None:
            await line.close()
