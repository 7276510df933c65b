"""Shutting the door: who has connected is served, who comes later is refused."""

import asyncio
import socket

import pytest
from aiohttp import web

from firewall.errors import ConfigError
from firewall.server.door import Door


async def _answer(_request: web.BaseRequest) -> web.Response:
    return web.Response(text="served")


@pytest.fixture
async def server() -> web.Server:
    """Answers everything in one word."""
    return web.Server(_answer)


async def test_the_backlog_is_served(server: web.Server) -> None:
    """Clients that the kernel let in, but that nobody has looked at yet, get their answers after the door is shut."""
    door = await Door.open(server, "127.0.0.1", 0)
    port = int(door.url.rpartition(":")[2])
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for client in waiting:
        client.sendall(b"GET / HTTP/1.1\r\nHost: me\r\n\r\n")
    # The loop has had no turn since: all twenty are in the backlog now.
    assert door.connections == 0
    await door.shut()
    for client in waiting:
        client.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=client)
        assert (await reader.readuntil(b"served")).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await server.shutdown(1.0)


async def test_the_url_has_the_port_that_it_got(server: web.Server) -> None:
    """Port 0 takes a free one, and the URL says which."""
    door = await Door.open(server, "127.0.0.1", 0)
    assert door.url.startswith("http://127.0.0.1:")
    assert not door.url.endswith(":0")
    await door.shut()


async def test_where_nobody_can_listen(server: web.Server) -> None:
    """An address that is not this machine's is a problem of the config that names the place."""
    with pytest.raises(ConfigError) as caught:
        await Door.open(server, "192.0.2.1", 8700)
    (problem,) = caught.value.problems
    assert (problem.file, problem.path) == ("listen", "port")
    assert problem.message == "cannot listen on 192.0.2.1:8700: Cannot assign requested address"
