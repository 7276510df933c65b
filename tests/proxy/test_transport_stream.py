"""Streaming of pass routes, on both transports."""

import asyncio
import gzip

import pytest

from firewall.errors import UpstreamError
from firewall.ports import WireRequest, header
from firewall.proxy.transport import Transport
from tests.proxy.conftest import Open
from tests.proxy.scripted_server import Peer, answers, answers_and_closes, closes_unanswered, ok, serving

GET = WireRequest(method="GET", path="/v1/export")
POST = WireRequest(method="POST", path="/v1/export")
LONG, SOON = 30.0, 0.05


async def body_of(transport: Transport, request: WireRequest = GET, *, deadline: float = LONG) -> bytes:
    async with transport.stream(request, deadline=deadline) as answer:
        return b"".join([chunk async for chunk in answer.chunks])


async def test_body_streams_through_untouched(open_to: Open) -> None:
    """Encoding and length stay, the caller's Accept-Encoding goes out, no cap applies, the connection lives on."""
    packed = gzip.compress(b"memory" * 100)
    async with serving(answers(ok(packed, "Content-Encoding: gzip"), ok(b"next"))) as server:
        transport = open_to(server.url, max_connections=1, max_body=10)
        request = WireRequest(method="GET", path="/x", headers=(("Accept-Encoding", "gzip"),))
        async with transport.stream(request, deadline=LONG) as answer:
            assert answer.status == 200
            assert header(answer.headers, "content-encoding") == "gzip"
            assert header(answer.headers, "content-length") == str(len(packed))
            assert b"".join([chunk async for chunk in answer.chunks]) == packed
        assert b"accept-encoding: gzip\r\n" in server.requests[0].lower()
        assert await body_of(transport) == b"next"
    assert server.connections == 1


async def test_pieces_come_as_they_are_sent(open_to: Open) -> None:
    """A piece is handed on before the next one exists."""
    taken = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await taken.wait()
        await peer.send(b"3\r\ntwo\r\n0\r\n\r\n")
        await peer.gone()

    async with (
        serving(script) as server,
        open_to(server.url, max_connections=1, max_body=10).stream(GET, deadline=LONG) as answer,
    ):
        assert await anext(answer.chunks) == b"one"
        taken.set()
        assert [chunk async for chunk in answer.chunks] == [b"two"]


async def test_large_body_with_a_slow_reader(open_to: Open) -> None:
    """Many times the read-ahead arrives whole, in order."""
    body = bytes(range(256)) * 20_000
    async with serving(answers(ok(body))) as server:
        assert await body_of(open_to(server.url, max_connections=1, max_body=10)) == body


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_answer_without_a_body(open_to: Open, status: str) -> None:
    """An empty stream ends at once."""
    async with serving(answers(f"HTTP/1.1 {status}\r\n\r\n".encode())) as server:
        assert await body_of(open_to(server.url, max_connections=1, max_body=10)) == b""


async def test_leaving_early_closes_the_connection(open_to: Open) -> None:
    """What is left of an abandoned stream is never read as another answer."""
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        await peer.gone()
        left.set()

    async with serving(script, answers(ok(b"next"))) as server:
        transport = open_to(server.url, max_connections=1, max_body=10)
        async with transport.stream(GET, deadline=LONG) as answer:
            assert await anext(answer.chunks) == b"part"
        await left.wait()
        with pytest.raises(StopAsyncIteration):
            await anext(answer.chunks)
        assert await body_of(transport) == b"next"
    assert server.connections == 2


async def test_stream_that_breaks_off(open_to: Open) -> None:
    """What came is handed on, then the error; the slot is free again."""
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"
    async with serving(answers_and_closes(cut), answers(ok(b"next"))) as server:
        transport = open_to(server.url, max_connections=1, max_body=10)
        with pytest.raises(UpstreamError) as caught:
            await body_of(transport)
        assert caught.value.code == "upstream_truncated"
        assert await body_of(transport) == b"next"


async def test_stream_that_stalls(open_to: Open) -> None:
    """The deadline counts again for each piece."""
    async with serving(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")) as server:
        with pytest.raises(UpstreamError) as caught:
            await body_of(open_to(server.url, max_connections=1, max_body=10), deadline=SOON)
    assert caught.value.code == "upstream_timeout"


async def test_safe_stream_is_asked_for_once_more(open_to: Open) -> None:
    """A stale connection costs a read nothing, a write an error."""
    async with serving(closes_unanswered, answers(ok(b"second"))) as server:
        assert await body_of(open_to(server.url, max_connections=1, max_body=10)) == b"second"
    async with serving(closes_unanswered, answers(ok(b"second"))) as server:
        with pytest.raises(UpstreamError) as caught:
            await body_of(open_to(server.url, max_connections=1, max_body=10), POST)
    assert caught.value.code == "upstream_reset"
