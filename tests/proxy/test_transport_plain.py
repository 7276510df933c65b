"""What is plain is read as the whole parser reads it; of everything else nothing is believed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.ports import WireResponse
from firewall.proxy.transport_headers import ResponseHeaders
from firewall.proxy.transport_plain import PlainAnswers
from tests.proxy.test_transport_connection import connected, outcome

HEAD = b"HTTP/1.1 200 OK\r\nX-A:\t b\r\nContent-Length: 3\r\nContent-Encoding: gzip"
OK = b"HTTP/1.1 200 OK"
LENGTH = b"Content-Length: 3"


def read(head: bytes) -> tuple[int, int] | None:
    found = PlainAnswers(ResponseHeaders()).read(head)
    return None if found is None else (found[0].status, found[1])


def test_a_plain_head() -> None:
    """Status, fields, encoding and length; the length is none of the fields."""
    found = PlainAnswers(ResponseHeaders()).read(HEAD)
    assert found is not None
    answer, length = found
    assert (answer.status, length) == (200, 3)
    assert answer.head.headers == (("X-A", "b"), ("Content-Encoding", "gzip"))
    assert answer.head.encoding == "gzip"


def test_a_head_that_differs_in_its_length_is_known() -> None:
    """What is remembered of one answer is not the next one's length."""
    answers = PlainAnswers(ResponseHeaders())
    lengths = [answers.read(b"\r\n".join([OK, b"Content-Length: %d" % length])) for length in (0, 7, 7, 123)]
    assert [found and found[1] for found in lengths] == [0, 7, 7, 123]


@pytest.mark.parametrize(
    "lines",
    [
        [OK],
        [b"HTTP/1.0 200 OK", LENGTH],
        [b"HTTP/2.0 200 OK", LENGTH],
        [b"HTTP/1.1 20 OK", LENGTH],
        [b"HTTP/1.1 100 Continue", LENGTH],
        [b"HTTP/1.1 101 Switching Protocols", LENGTH],
        [b"HTTP/1.1 204 No Content", LENGTH],
        [b"HTTP/1.1 304 Not Modified", LENGTH],
        [b"HTTP/1.1 200 O\x7fK", LENGTH],
        [OK, LENGTH, LENGTH],
        [OK, LENGTH, b"content-length : 3"],
        [OK, LENGTH, b"CONTENT-LENGTH: 3"],
        [OK, b"Content-Length: 3, 3"],
        [OK, b"Content-Length: 03"],
        [OK, b"Content-Length: +3"],
        [OK, b"Content-Length: 3 "],
        [OK, b"Content-Length: " + b"9" * 13],
        [OK, LENGTH, b"Transfer-Encoding: chunked"],
        [OK, LENGTH, b"Connection: close"],
        [OK, LENGTH, b"Connection: keep-alive, X-A"],
        [OK, LENGTH, b"Upgrade: h2c"],
        [OK, LENGTH, b" folded"],
        [OK, LENGTH, b"X A: b"],
        [OK, LENGTH, b"X-A : b"],
        [OK, LENGTH, b"no colon"],
        [OK, LENGTH, b"X-A:"],
        [OK, LENGTH, b"X-A: b "],
        [OK, LENGTH, b"X-A: a\x00b"],
        [OK, LENGTH, b"X-A: a\nX-B: b"],
        [OK, LENGTH, b"X-A: a\rb"],
        [OK, LENGTH, *[b"X-A: b"] * 200],
    ],
)
def test_heads_that_are_not_plain(lines: list[bytes]) -> None:
    """What two readers could understand in two ways, and what has another framing than a length."""
    assert read(b"\r\n".join(lines)) is None


FIELDS = st.sampled_from(
    b"X-A: b|x-a:b|X-A:  \tb c|X-A: b |X-A: a\tb|X-A: \x7f|X A: b|X-Utf8: \xc3\xa4|X-Latin: \xe4|ETag: x|Date: now|"
    b"Content-Type: application/json|Keep-Alive: timeout=5|Proxy-Authenticate: x|Content-Encoding: identity|Trailer: X-B|"
    b"Connection: keep-alive|Transfer-Encoding: identity|Content-Length: 3|content-length: 4|Server: x".split(
        b"|"
    )
)


@given(
    st.lists(FIELDS, max_size=5),
    st.sampled_from([200, 206, 304, 404, 500]),
    st.binary(min_size=2, max_size=4),
)
async def test_it_reads_what_the_whole_parser_reads(fields: list[bytes], status: int, body: bytes) -> None:
    """In one piece the plain reader may have it, byte by byte it never does: the same answer, or the same error."""
    lines = [b"HTTP/1.1 %d Said" % status, b"Content-Length: 3", *fields]
    answer = b"\r\n".join([*lines, b"", body])
    whole = await outcome([answer], ends=True)
    assert whole == await outcome([answer[place : place + 1] for place in range(len(answer))], ends=True)
    assert isinstance(whole, WireResponse) or whole.startswith("upstream_")


async def test_both_readers_take_turns_on_one_connection() -> None:
    """What one of them reads leaves nothing behind for the other."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo"
    connection, _ = connected()
    loop = asyncio.get_running_loop()
    for answer in (chunked, plain, plain, chunked, plain):
        loop.call_soon(connection.data_received, answer)
        await connection.exchange(b"GET", b"", bodyless=False, streaming=False, until=loop.time() + 60)
        assert connection.response().body == (b"one" if answer is chunked else b"two")
        assert connection.reusable
        connection.rest(loop.time())


async def test_what_stands_behind_a_plain_answer_is_surplus() -> None:
    """The answer counts, and the connection is not used again."""
    connection, _ = connected()
    loop = asyncio.get_running_loop()
    loop.call_soon(
        connection.data_received, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwoHTTP/1.1 200 OK"
    )
    await connection.exchange(b"GET", b"", bodyless=False, streaming=False, until=loop.time() + 60)
    assert connection.response().body == b"two"
    assert not connection.reusable
