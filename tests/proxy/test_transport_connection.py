"""One connection, driven by hand: how the bytes are cut, backpressure, and what closes it."""

import asyncio
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.errors import UpstreamError
from firewall.ports import WireResponse
from firewall.proxy.transport_connection import Connection
from firewall.proxy.transport_headers import ResponseHeaders
from firewall.proxy.transport_plain import PlainAnswers
from firewall.proxy.transport_target import TransportLimits

ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 6\r\n\r\nmemory",
    "chunked": b"HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nme\r\n4;e=1\r\nmory\r\n0\r\nT: 1\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 6\r\n\r\nmemory",
}


class Wire(asyncio.Transport):
    """A transport that keeps what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False
        self.turns: list[str] = []
        self.unsent = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        self.turns.append("paused")

    def resume_reading(self) -> None:
        self.turns.append("resumed")

    def get_write_buffer_size(self) -> int:
        return self.unsent


def connected(**limits: float) -> tuple[Connection, Wire]:
    settings = msgspec.convert(limits, TransportLimits)
    names = ResponseHeaders()
    connection = Connection(
        asyncio.get_running_loop(), settings, names, PlainAnswers(names), lambda _connection: None
    )
    wire = Wire()
    connection.connection_made(wire)
    return connection, wire


async def outcome(pieces: list[bytes], *, ends: bool = False, **limits: float) -> WireResponse | str:
    """What an exchange makes of these pieces: the answer, or the code of the error."""
    connection, _ = connected(**limits)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        exchange = tasks.create_task(_exchange(connection, loop.time() + 60))
        loop.call_soon(_play, connection, pieces, ends)
    return exchange.result()


def _play(connection: Connection, pieces: list[bytes], ends: bool) -> None:
    for piece in pieces:
        connection.data_received(piece)
    if ends:
        connection.eof_received()
        connection.connection_lost(None)


async def _exchange(connection: Connection, until: float) -> WireResponse | str:
    try:
        await connection.exchange(b"GET", b"", bodyless=False, streaming=False, until=until)
        return connection.response()
    except UpstreamError as error:
        return error.code


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 1000), max_size=12))
def test_any_cut_of_an_answer_is_the_same_answer(kind: str, places: list[int]) -> None:
    """Where the network cuts an answer into pieces changes nothing."""
    answer = asyncio.run(outcome(cut(ANSWERS[kind], places)))
    assert answer == WireResponse(status=200, headers=(("X-A", "1"),), body=b"memory")


@given(st.sampled_from(sorted(ANSWERS)), st.integers(0, 1000))
def test_any_end_before_the_end_is_an_error(kind: str, place: int) -> None:
    """An answer that stops anywhere is no answer."""
    whole = ANSWERS[kind]
    part = whole[: place % len(whole)]
    result = asyncio.run(outcome([part] if part else [], ends=True))
    assert result == ("upstream_truncated" if part else "upstream_reset")


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=5), st.booleans())
def test_hostile_bytes_give_an_answer_or_our_error(pieces: list[bytes], behind_a_head: bool) -> None:
    """Whatever comes: an answer or one of our errors, nothing else."""
    start = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] if behind_a_head else []
    result = asyncio.run(outcome(start + pieces, ends=True, max_body=50, max_header_bytes=100))
    assert isinstance(result, WireResponse) or result.startswith("upstream_")


async def test_trailers_are_capped() -> None:
    """A body's trailers are read only so far."""
    trailers = b"T: 12345678\r\n" * 20
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + trailers + b"\r\n"
    assert await outcome([answer], max_header_bytes=200) == "upstream_too_large"


async def test_endless_interim_answers_are_capped() -> None:
    """Interim answers count against the header cap together."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert await outcome([interim] * 10, max_header_bytes=200) == "upstream_too_large"


async def test_stream_makes_the_upstream_wait() -> None:
    """Past the read-ahead reading stops, and goes on when the reader has caught up."""
    connection, wire = connected()
    loop = asyncio.get_running_loop()
    piece = b"x" * 50_000
    loop.call_soon(connection.data_received, b"HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n" + piece)
    until = loop.time() + 60
    await connection.exchange(b"GET", b"", bodyless=False, streaming=True, until=until)
    assert wire.turns == []
    connection.data_received(piece)
    assert wire.turns == ["paused"]
    chunks = connection.chunks(60)
    assert [len(await anext(chunks)) for _ in range(2)] == [50_000, 50_000]
    loop.call_soon(connection.data_received, piece)
    assert len(await anext(chunks)) == 50_000
    assert wire.turns == ["paused", "resumed"]
    assert [chunk async for chunk in chunks] == []
    assert connection.reusable


async def test_connection_left_paused_is_not_used_again() -> None:
    """When the rest came although reading was paused, nobody turns reading on again: a new connection is safer."""
    connection, wire = connected()
    loop = asyncio.get_running_loop()
    piece = b"x" * 70_000
    loop.call_soon(connection.data_received, b"HTTP/1.1 200 OK\r\nContent-Length: 140000\r\n\r\n" + piece)
    await connection.exchange(b"GET", b"", bodyless=False, streaming=True, until=loop.time() + 60)
    connection.data_received(piece)
    assert [len(chunk) async for chunk in connection.chunks(60)] == [70_000, 70_000]
    assert wire.turns == ["paused"]
    assert not connection.reusable


async def test_reset_after_the_first_byte_allows_no_other_try() -> None:
    """Whether one byte of an answer came decides, not how the connection ended."""
    for begun in (b"H", b""):
        connection, _ = connected()
        loop = asyncio.get_running_loop()
        if begun:
            loop.call_soon(connection.data_received, begun)
        loop.call_soon(connection.connection_lost, ConnectionResetError())
        with pytest.raises(UpstreamError) as caught:
            await connection.exchange(b"GET", b"", bodyless=False, streaming=False, until=loop.time() + 60)
        assert caught.value.code == "upstream_reset"
        assert connection.lost_unanswered is not bool(begun)


async def test_unsent_rest_of_a_request_forbids_reuse() -> None:
    """An answer that came before the request was sent leaves a connection that is not used again."""
    connection, wire = connected()
    loop = asyncio.get_running_loop()
    loop.call_soon(connection.data_received, ANSWERS["length"])
    until = loop.time() + 60
    await connection.exchange(b"POST", b"body", bodyless=False, streaming=False, until=until)
    connection.response()
    assert connection.reusable
    wire.unsent = 1
    assert not connection.reusable


async def test_unasked_bytes_close_an_idle_connection() -> None:
    """Nobody asked: the connection is closed before anybody does."""
    connection, wire = connected()
    connection.rest(0.0)
    connection.data_received(ANSWERS["length"])
    assert wire.aborted
    assert not connection.alive


async def test_dead_connection_takes_no_request() -> None:
    """A connection that was lost meanwhile fails at once, in the way that allows another try."""
    connection, wire = connected()
    connection.connection_lost(None)
    with pytest.raises(UpstreamError) as caught:
        await connection.exchange(b"GET", b"", bodyless=False, streaming=False, until=0.0)
    assert caught.value.code == "upstream_reset"
    assert connection.lost_unanswered
    assert wire.written == b""
