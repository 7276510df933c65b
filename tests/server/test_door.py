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


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="no IPv6 here")


@pytest.mark.parametrize("host", ["0.0.0.0", pytest.param("::", marks=needs_ipv6)])
async def test_open_to_others(server: web.Server, host: str) -> None:
    """What counts is the address that was bound: with `loopback_only` a name that leads elsewhere opens nothing."""
    with pytest.raises(ConfigError) as caught:
        await Door.open(server, host, 0, loopback_only=True)
    (problem,) = caught.value.problems
    assert (problem.file, problem.path) == ("listen", "host")
    door = await Door.open(server, host, 0)
    await door.shut()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", pytest.param("[::1]", marks=needs_ipv6)])
async def test_open_to_this_machine(server: web.Server, host: str) -> None:
    """Loopback by number and by name, an IPv6 address with its brackets or without."""
    door = await Door.open(server, host, 0, loopback_only=True)
    port = int(door.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection(host.strip("[]"), port)
    writer.close()
    await writer.wait_closed()
    await door.shut()


async def test_a_name_that_leads_elsewhere(server: web.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hosts file may call any address localhost."""
    loop = asyncio.get_running_loop()

    async def misled(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("0.0.0.0", port))]

    monkeypatch.setattr(loop, "getaddrinfo", misled)
    with pytest.raises(ConfigError, match="localhost is an address that other machines can reach"):
        await Door.open(server, "localhost", 0, loopback_only=True)
