"""The cable itself: bytes get through, are held and come later, or the connection ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.replicas.cable import Cable, cable


@pytest.fixture
async def plugged() -> AsyncIterator[Cable]:
    """A cable to somebody who repeats what he hears."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with cable(server.sockets[0].getsockname()[1]) as one:
        yield one
    server.close()
    await server.wait_closed()


async def test_held_and_healed(plugged: Cable) -> None:
    """Nothing is lost while it is held."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plugged.port)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    plugged.hold()
    writer.write(b"two")
    heard = asyncio.ensure_future(reader.readexactly(3))
    await asyncio.wait([heard], timeout=0.05)
    assert not heard.done()
    plugged.heal()
    assert await heard == b"two"
    writer.close()
    await writer.wait_closed()


async def test_answers_that_are_held(plugged: Cable) -> None:
    """What is said gets there, what is answered does not, until it is healed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plugged.port)
    plugged.hold_answers()
    writer.write(b"one")
    heard = asyncio.ensure_future(reader.readexactly(3))
    await asyncio.wait([heard], timeout=0.05)
    assert (heard.done(), plugged.carried) == (False, 3)
    plugged.heal()
    assert await heard == b"one"
    writer.close()
    await writer.wait_closed()


async def test_cut_and_healed(plugged: Cable) -> None:
    """What is open ends, what is new ends too; after it is healed new ones stay."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plugged.port)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    plugged.cut()
    late, other = await asyncio.open_connection("127.0.0.1", plugged.port)
    for ends in (reader, late):
        with suppress(ConnectionError):
            assert await ends.read() == b""
    plugged.heal()
    again, further = await asyncio.open_connection("127.0.0.1", plugged.port)
    further.write(b"new")
    assert await again.readexactly(3) == b"new"
    for one in (writer, other, further):
        one.transport.abort()
