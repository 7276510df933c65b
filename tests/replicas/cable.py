"""A TCP cable between one sidecar and its store, that a test can cut, hold and slow down without either end's doing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Cable:
    """Carries bytes to `port` of this host. `cut`: connections end and new ones are refused a moment after they were made.
    `hold`: everything stays connected and nothing gets through, as when a machine stops in the middle. `carried` counts the
    bytes that reached the store."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.delay = 0.0
        self.carried = 0
        self._to = port
        self._server: asyncio.Server | None = None
        self._there, self._back = asyncio.Event(), asyncio.Event()
        self._there.set()
        self._back.set()
        self._is_cut = False
        self._lines: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._plugged, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        self._is_cut = True
        for writer in self._lines:
            writer.transport.abort()

    def hold(self) -> None:
        self._there.clear()
        self._back.clear()

    def hold_answers(self) -> None:
        """The store gets everything, and nothing comes back."""
        self._back.clear()

    def heal(self) -> None:
        """As it was; what was held gets through."""
        self._is_cut = False
        self._there.set()
        self._back.set()

    async def close(self) -> None:
        self.cut()
        self.heal()
        if self._server is not None:
            self._server.close()
        # Every end is gone, so they end by themselves.
        await asyncio.gather(*self._carrying)

    async def _plugged(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            if self._is_cut:
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
            self._lines |= {writer, back}
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._carry(reader, back, self._there))
                    both.create_task(self._carry(there, writer, self._back))
            finally:
                self._lines -= {writer, back}
                back.transport.abort()
        except OSError:
            pass  # the store is away: so is this connection
        finally:
            writer.transport.abort()
            self._carrying.discard(task)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, free: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await free.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
                self.carried += len(data) if free is self._there else 0
        writer.transport.abort()


@asynccontextmanager
async def cable(port: int) -> AsyncIterator[Cable]:
    """Plugged in until the context ends."""
    one = Cable(port)
    await one.open()
    try:
        yield one
    finally:
        await one.close()
