"""Answers on the wire: what is said of the body, what is ours, and what must never be written."""

import pytest

from firewall.errors import UpstreamError
from firewall.server.answer_bytes import AnswerHeads
from tests.server.one_mount import JSON, NOW


@pytest.fixture
def heads() -> AnswerHeads:
    return AnswerHeads(lambda: NOW)


def lines(head: bytes) -> list[bytes]:
    assert head.endswith(b"\r\n\r\n")
    return [line for line in head[:-4].split(b"\r\n") if not line.startswith(b"Server: ")]


DATE = b"Date: Fri, 15 Jan 2027 08:00:00 GMT"


def test_a_whole_answer(heads: AnswerHeads) -> None:
    """Status line, the given headers in their order, then ours; an upstream's framing does not come through."""
    given = (
        *JSON,
        ("X-A", "\u00e4"),
        ("content-length", "7"),
        ("Connection", "x"),
        ("DATE", "x"),
        ("Server", "x"),
    )
    assert lines(heads.whole(404, given, 2, closes=True)) == [
        b"HTTP/1.1 404 Not Found",
        b"Content-Type: application/json",
        b"X-A: \xc3\xa4",
        b"Content-Length: 2",
        DATE,
        b"Connection: close",
    ]


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_says_no_length(heads: AnswerHeads, status: int) -> None:
    """Neither its own nor an upstream's: readers differ in what they make of it."""
    for head in (
        heads.whole(status, (), 0, closes=False),
        heads.streamed(status, (("Content-Length", "5"),), chunked=False, closes=False),
    ):
        assert lines(head)[1:] == [DATE]


def test_an_unknown_status_and_an_untyped_body(heads: AnswerHeads) -> None:
    """A status without a name has an empty one; a body without a type is bytes."""
    assert lines(heads.whole(799, (), 1, closes=False)) == [
        b"HTTP/1.1 799 ",
        b"Content-Length: 1",
        b"Content-Type: application/octet-stream",
        DATE,
    ]


def test_a_streamed_answer(heads: AnswerHeads) -> None:
    """Its own length stays; without one it comes in chunks."""
    assert lines(heads.streamed(200, (("Content-Length", "5"),), chunked=False, closes=False))[1:] == [
        b"Content-Length: 5",
        DATE,
    ]
    assert lines(heads.streamed(200, JSON, chunked=True, closes=True))[1:] == [
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
        DATE,
        b"Connection: close",
    ]


@pytest.mark.parametrize(
    "text", ["a\r\nX-Evil: b", "a\nb", "a\rb", "a\r\n\r\nHTTP/1.1 200 OK", "\0", "\x7f", "\ud800"]
)
def test_a_header_that_would_split_the_answer(heads: AnswerHeads, text: str) -> None:
    """It is the upstream's fault and says so; nothing of it is written."""
    for pair in (("X-A", text), (text, "a")):
        with pytest.raises(UpstreamError) as caught:
            heads.whole(200, (pair,), 0, closes=False)
        assert (caught.value.status, caught.value.code) == (502, "upstream_invalid")
        with pytest.raises(UpstreamError):
            heads.streamed(200, (pair,), chunked=False, closes=True)


def test_the_date_goes_on() -> None:
    """It is made once a second, and is never older than that."""
    clock = [NOW]
    heads = AnswerHeads(lambda: clock[0])
    first = heads.whole(200, (), 0, closes=False)
    clock[0] += 0.9
    assert heads.whole(200, (), 0, closes=False) == first
    clock[0] += 0.2
    assert b"08:00:01 GMT" in heads.whole(200, (), 0, closes=False)
