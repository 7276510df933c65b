"""A TCP server on loopback that plays exact bytes: one script a connection, the last one for all further ones.

It knows just enough HTTP to read one request. What a script raises fails the test, except that the client left.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's side of one connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: list[bytes]
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._requests = requests

    async def head(self) -> bytes:
        """The head of the next request; its body stays unread."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> bytes:
        """The next request, whole."""
        head = await self.head()
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        whole = head + await self.reader.readexactly(length)
        self._requests.append(whole)
        return whole

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Returns when the client has closed its side."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass

    async def reset(self) -> None:
        """Breaks the connection with an RST."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class ScriptedServer:
    """`requests` are those read so far, `connections` how many were opened."""

    def __init__(self, scripts: tuple[Script, ...]) -> None:
        self._scripts = scripts
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        try:
            await script(Peer(reader, writer, self.requests))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except BaseException as error:  # noqa: BLE001 - it fails the test in `serving`
            self._failures.append(error)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def finish(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        if self._failures:
            raise self._failures[0]


@asynccontextmanager
async def serving(*scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    """A server that plays the scripts, at `url`."""
    scripted = ScriptedServer(scripts)
    server = await asyncio.start_server(scripted.play, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    scripted.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield scripted
    finally:
        server.close()
        await scripted.finish()


def answers(*responses: bytes) -> Script:
    """Reads a request and sends a response, for each of them; then leaves when the client does."""

    async def script(peer: Peer) -> None:
        for response in responses:
            await peer.request()
            await peer.send(response)
        await peer.gone()

    return script


def answers_and_closes(*responses: bytes) -> Script:
    """As `answers`, but closes after the last response."""

    async def script(peer: Peer) -> None:
        for response in responses:
            await peer.request()
            await peer.send(response)

    return script


async def closes_unanswered(peer: Peer) -> None:
    """Reads a request and closes."""
    await peer.request()


async def resets_unanswered(peer: Peer) -> None:
    """Reads a request and breaks the connection."""
    await peer.request()
    await peer.reset()


async def never_answers(peer: Peer) -> None:
    """Reads a request and waits for the client to give up."""
    await peer.request()
    await peer.gone()


def ok(body: bytes = b"ok", *headers: str, status: str = "200 OK") -> bytes:
    """A plain response with its length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
