"""Over real sockets and over TLS, on the stock loop and on uvloop: what is handed over to aiohttp, and what comes back.

The connection stays one: nothing is lost, nothing is read twice, and the order holds.
"""

import asyncio
import importlib.util
import re
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firewall.ports import WireResponse
from firewall.server.door import Door
from firewall.server.entrance import Entrance
from firewall.server.fast_connection import Connection
from firewall.tls import Chain, ServerTls, upstream_context
from tests.certificates import Authority
from tests.server.one_mount import OneMount, statuses

LOOPS = ["asyncio", "uvloop"] if importlib.util.find_spec("uvloop") else ["asyncio"]
MOUNT = b"GET /mem0/x HTTP/1.1\r\nHost: me\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: me\r\n\r\n"

Scenario = Callable[["Running"], Coroutine[object, object, None]]


class Running:
    """A server that listens, and a client that counts answers by hand."""

    def __init__(
        self, one: OneMount, entrance: Entrance, door: Door, trusting: ssl.SSLContext | None
    ) -> None:
        self.one, self.entrance, self.door, self.trusting = one, entrance, door, trusting
        self.port = int(door.url.rpartition(":")[2])
        self._shut = False

    async def shut(self) -> None:
        """The door, once."""
        if not self._shut:
            self._shut = True
            await self.door.shut()

    def ours(self) -> int:
        """How many of the open connections are not aiohttp's."""
        return sum(isinstance(connection, Connection) for connection in self.entrance.connections)

    @asynccontextmanager
    async def client(self) -> AsyncIterator["Client"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trusting)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, data: bytes) -> tuple[int, bytes]:
        self.writer.write(data)
        return await self.answer()

    async def answer(self) -> tuple[int, bytes]:
        """The next whole answer: its status and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        return statuses(head)[0], body


def _contexts(authority: Authority) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    issued = authority.issue()
    tls = ServerTls(Chain(cert=issued.cert, key=issued.key))
    return tls.context, upstream_context(ca=authority.ca, chain=None, verify=True)


def on_each_loop(scenario: Scenario) -> Callable[[str, str, Path], None]:
    """The scenario on a server of its own, on one loop after the other."""

    async def run(folder: Path | None) -> None:
        one = OneMount(max_body=3 * 1024 * 1024)
        shown, trusting = (None, None) if folder is None else _contexts(Authority(folder))
        async with one.serving() as entrance:
            door = await Door.open(entrance, "127.0.0.1", 0, tls=shown)
            running = Running(one, entrance, door, trusting)
            try:
                await scenario(running)
            finally:
                await running.shut()

    @pytest.mark.parametrize("wire", ["tcp", "tls"])
    @pytest.mark.parametrize("loop", LOOPS)
    def test(loop: str, wire: str, tmp_path: Path) -> None:
        factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
        if loop == "uvloop":
            import uvloop

            factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(run(tmp_path if wire == "tls" else None))

    test.__doc__ = scenario.__doc__
    return test


@on_each_loop
async def test_mount_native_mount_on_one_connection(running: Running) -> None:
    """The first path that is no mount's takes the connection to aiohttp, where mounts are served as well."""
    async with running.client() as client:
        first = await client.ask(MOUNT)
        assert first[0] == 200
        assert running.ours() == 1
        assert await client.ask(HEALTH) == (200, b'{"status": "ok"}')
        assert running.ours() == 0
        assert len(running.entrance.connections) == 1
        assert await client.ask(MOUNT) == first


@on_each_loop
async def test_all_at_once(running: Running) -> None:
    """The same sent in one piece, and more behind it: every answer, in order."""
    async with running.client() as client:
        client.writer.write((MOUNT + HEALTH + MOUNT) * 20)
        got = [await client.answer() for _ in range(60)]
    assert {status for status, _ in got} == {200}
    assert [b"status" in body for _, body in got] == [False, True, False] * 20
    assert len(running.one.seen) == 40


@on_each_loop
async def test_what_a_mount_gets_by_aiohttp(running: Running) -> None:
    """Chunks, `Expect`, a refused upgrade, a large body, HTTP/1.0: the mount is asked the same way."""
    asked = [
        b"POST /mem0/x HTTP/1.1\r\nHost: me\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"POST /mem0/x HTTP/1.1\r\nHost: me\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /mem0/x HTTP/1.1\r\nHost: me\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"POST /mem0/x HTTP/1.1\r\nHost: me\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000,
        b"GET /mem0/x HTTP/1.0\r\nHost: me\r\n\r\n",
    ]
    for data in asked:
        async with running.client() as client:
            assert (await client.ask(MOUNT))[0] == 200
            status, _ = await client.ask(data)
            if status == 100:
                status, _ = await client.answer()
            assert status == 200
            assert running.ours() == 0
    assert [len(request.body) for request in running.one.seen[1::2]] == [3, 3, 0, 2_000_000, 0]


@on_each_loop
async def test_what_is_refused(running: Running) -> None:
    """Too large, packed, no HTTP at all: refused at once, and the next client is served."""
    for data, status in (
        (b"POST /mem0/x HTTP/1.1\r\nHost: me\r\nContent-Length: 4000000\r\n\r\n", 413),
        (b"POST /mem0/x HTTP/1.1\r\nHost: me\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET /mem0/x HTTP/1.1\nHost: me\n\n", 400),
        (b"GET /mem0/x HTTP/9.9\r\n", 400),
        (b"CONNECT /mem0 HTTP/1.1\r\nHost: me\r\n\r\n", 404),
    ):
        async with running.client() as client:
            assert (await client.ask(data))[0] == status, data
    async with running.client() as client:
        assert (await client.ask(MOUNT))[0] == 200
    assert len(running.one.seen) == 1


@on_each_loop
async def test_a_large_answer_to_a_slow_client(running: Running) -> None:
    """More than any buffer holds, read late: whole, and so is the next one."""
    body = b"x" * 8_000_000
    running.one.outcome = lambda _: WireResponse(status=200, body=body)
    async with running.client() as client:
        client.writer.write(MOUNT + MOUNT + HEALTH)
        assert await client.answer() == (200, body)
        assert await client.answer() == (200, body)
        assert (await client.answer())[0] == 200


@on_each_loop
async def test_a_passage_over_the_wire(running: Running) -> None:
    """A streamed answer of any size arrives as it is; one that breaks off is no whole answer."""
    running.one.outcome = running.one.passage
    running.one.upstream.chunks = [b"x" * 50_000] * 40
    running.one.upstream.headers = (("Content-Length", "2000000"),)
    async with running.client() as client:
        assert await client.ask(MOUNT) == (200, b"x" * 2_000_000)
        running.one.upstream.chunks = [b"x" * 50_000, ValueError("bug")]
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.ask(MOUNT)
    assert running.one.upstream.left == 2


@on_each_loop
async def test_leaving(running: Running) -> None:
    """An open request gets its answer, marked as the last; the connection is closed behind it."""
    running.one.gate = asyncio.Event()
    async with running.client() as client:
        client.writer.write(MOUNT)
        await running.one.asked.wait()
        running.one.drain.begin()
        await running.shut()
        ending = asyncio.ensure_future(running.entrance.shutdown(30.0))
        running.one.gate.set()
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"\r\nConnection: close\r\n" in head
        assert (await client.reader.read()).startswith(b'{"method":"GET"')
        await ending
    assert running.door.connections == 0
