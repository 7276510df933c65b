"""The door over TLS, on both loops: who is let in last, who never agrees, and a certificate that changes meanwhile."""

import asyncio
import importlib.util
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from aiohttp import web

from firewall.server.door import Door
from firewall.tls import Chain, ServerTls, upstream_context
from tests.certificates import Authority

LOOPS = ["asyncio", "uvloop"] if importlib.util.find_spec("uvloop") else ["asyncio"]
ASK = b"GET / HTTP/1.1\r\nHost: me\r\n\r\n"


async def _answer(_request: web.BaseRequest) -> web.Response:
    return web.Response(text="served")


class Place:
    """A server behind a TLS door, and clients that believe its authority."""

    def __init__(self, authority: Authority) -> None:
        issued = authority.issue()
        self.authority = authority
        self.tls = ServerTls(Chain(cert=issued.cert, key=issued.key))
        self.trusting = upstream_context(ca=authority.ca, chain=None, verify=True)
        self.server = web.Server(_answer)

    async def open(self) -> Door:
        return await Door.open(self.server, "127.0.0.1", 0, tls=self.tls.context)


Scenario = Callable[[Place], Coroutine[object, object, None]]


def on_each_loop(scenario: Scenario) -> Callable[[str, Path], None]:
    """The scenario at a place of its own, on one loop after the other."""

    async def run(folder: Path) -> None:
        place = Place(Authority(folder))
        await scenario(place)
        await place.server.shutdown(1.0)

    @pytest.mark.parametrize("loop", LOOPS)
    def test(loop: str, tmp_path: Path) -> None:
        factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
        if loop == "uvloop":
            import uvloop

            factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(run(tmp_path))

    test.__doc__ = scenario.__doc__
    return test


def port_of(door: Door) -> int:
    assert door.url.startswith("https://127.0.0.1:")
    return int(door.url.rpartition(":")[2])


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(ASK)
    return await reader.readuntil(b"served")


async def goodbye(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


@on_each_loop
async def test_the_backlog_is_served(place: Place) -> None:
    """Who was let in by the kernel agrees on TLS and is served after the door is shut; who never says anything is let
    go, and holds up nobody."""
    door = await place.open()
    port = port_of(door)
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    # The loop has had no turn since: all are in the backlog now.
    for client in waiting:
        client.setblocking(False)
    shutting = asyncio.ensure_future(door.shut())
    for client in waiting:
        reader, writer = await asyncio.open_connection(
            sock=client, ssl=place.trusting, server_hostname="127.0.0.1"
        )
        assert b" 200 " in await ask(reader, writer)
        await goodbye(writer)
    await shutting
    for client in silent:
        client.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@on_each_loop
async def test_without_tls_nobody_is_answered(place: Place) -> None:
    """A plain request is not read; the next client is served."""
    door = await place.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(door))
    writer.write(ASK)
    assert b"HTTP" not in await reader.read()
    await goodbye(writer)
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(door), ssl=place.trusting)
    assert b" 200 " in await ask(reader, writer)
    await goodbye(writer)
    await door.shut()


@on_each_loop
async def test_a_new_certificate(place: Place) -> None:
    """Who comes later sees it; connections that are open go on."""

    def serial(writer: asyncio.StreamWriter) -> object:
        tls = writer.get_extra_info("ssl_object")
        assert isinstance(tls, ssl.SSLObject)
        shown = tls.getpeercert()
        assert shown
        return shown["serialNumber"]

    door = await place.open()
    old = await asyncio.open_connection("127.0.0.1", port_of(door), ssl=place.trusting)
    assert b" 200 " in await ask(*old)
    place.authority.issue()
    place.tls.renew()
    new = await asyncio.open_connection("127.0.0.1", port_of(door), ssl=place.trusting)
    assert b" 200 " in await ask(*new)
    assert b" 200 " in await ask(*old)
    assert serial(old[1]) != serial(new[1])
    for _, writer in (old, new):
        await goodbye(writer)
    await door.shut()
