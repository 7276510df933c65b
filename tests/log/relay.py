"""A wire between memfw and a server that a test can slow down, cut, or put under TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Relay:
    """`delay` holds each chunk back for so many seconds. While `cut`, what is open ends and what comes is ended at once;
    while `deaf`, answers of the server are swallowed."""

    to_port: int
    port: int = 0
    delay: float = 0.0
    deaf: bool = False
    accepted: int = 0
    _cut: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        self._cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, answers=False), self._pump(far_reader, writer, answers=True)
            )
        finally:
            self._open -= {writer, far_writer}
            for one in (writer, far_writer):
                one.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                await asyncio.sleep(self.delay)
                if not (answers and self.deaf):
                    writer.write(chunk)
                    await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def relayed(to_port: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Relay]:
    """A relay to a server of this host; its connections end with it."""
    relay = Relay(to_port)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(relay.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
        if tasks:
            await asyncio.wait(list(tasks))
