"""Our own connection reads what aiohttp reads: the same bytes give the same requests and the same answers.

The reference is aiohttp alone, given one byte at a time: in one piece it forgets the requests before a malformed one.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firewall.ports import WireRequest
from tests.server.one_mount import OneMount, Wire, behind, undated

METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"get", b"PROPFIND", b"TRACE"]
TARGETS = [
    b"/mem0/v1/x/",
    b"/mem0",
    b"/mem0?q=1",
    b"/mem0/a?b=c&d=%20",
    b"/mem0/%2e%2e/v1",
    b"/mem0/../healthz",
    b"/mem0/a;b='\"<>\\^`{|}",
    b"/mem0//x?y?z",
    b"/mem0x",
    b"/mem0%2fx",
    b"//mem0/x",
    b"/healthz",
    b"http://me/mem0/x",
    b"mem0/x",
    b"*",
    b"/mem0/a#b",
    b"/mem0/\xc3\xa4",
    b"/mem0/\xff",
    b"/mem0/a\tb",
    b"",
]
VERSIONS = [b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 ", b""]
LINES = [
    b"Accept: */*",
    b"X-A:b",
    b"X-A: \t b\t ",
    b"x-a: second",
    b"X-Empty:",
    b"Authorization: Token k",
    b"Cookie: a=b",
    b"Cookie: c=d",
    b"Connection: keep-alive",
    b"Connection: Close",
    b"Connection: keep-alive, X-A",
    b"Content-Type: application/json",
    b"X-\xc3\xa4: b",
    b"X-Utf8: \xc3\xa4",
    b"X-Latin: \xe4",
]
NASTY = [
    b"Content-Length: 3",
    b"Content-Length: 0",
    b"Content-Length: 03",
    b"Content-Length: +3",
    b"Content-Length: 3, 3",
    b"Content-Length: 0x3",
    b"Content-Length: \xd9\xa3",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Content-Length : 3",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: x, chunked",
    b"Transfer-encoding:\tchunked",
    b" folded: yes",
    b"\tfolded",
    b"no colon",
    b": no name",
    b"X A: b",
    b"X-Nul: a\x00b",
    b"X-Cr: a\rb",
    b"X-Lf: a\nX-Evil: b",
    b"X-Bell: a\x07b",
    b"X-Del: a\x7fb",
    b"Host: other",
    b"User-Agent: a",
    b"User-Agent: b",
    b"Expect: 100-continue",
    b"Upgrade: websocket",
    b"Connection: upgrade",
    b"Content-Encoding: gzip",
    b"Proxy-Connection: close",
    b"Connection: close\r\nConnection: keep-alive",
]
FAULT = b"<a fault>"
ENDS = [b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\n\r"]
BODIES = [
    b"",
    b"abc",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"0\r\n\r\n",
    b"GET /mem0/smuggled HTTP/1.1\r\nHost: me\r\n\r\n",
]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, mostly well-formed, now and then not."""
    line = b" ".join(
        (draw(st.sampled_from(METHODS)), draw(st.sampled_from(TARGETS)), draw(st.sampled_from(VERSIONS)))
    )
    lines = draw(st.lists(st.sampled_from(LINES), max_size=5))
    if draw(st.booleans()):
        lines += draw(st.lists(st.sampled_from(NASTY), max_size=2))
    body = draw(st.sampled_from(BODIES))
    if body and draw(st.booleans()):
        lines.append(b"Content-Length: %d" % len(body))
    if draw(st.integers(0, 9)):
        lines.insert(0, b"Host: me")
    return b"".join(part + draw(st.sampled_from(ENDS)) for part in (line, *lines, b"")) + body


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[int]]:
    """Up to three requests behind each other, a byte of them changed now and then, and where they are split."""
    data = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    if not draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(data) - 1))
        data = data[:place] + draw(st.binary(max_size=2)) + data[place + draw(st.integers(0, 2)) :]
    return data, sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    ends = [*places, len(data)]
    return [data[start:end] for start, end in zip([0, *places], ends, strict=True) if start < end]


@dataclass(frozen=True)
class Reading:
    """What became of the bytes of one connection."""

    seen: list[WireRequest]
    written: bytes
    closed: bool


async def read(factory: Callable[[], Any], one: OneMount, parts: list[bytes]) -> Reading:
    one.seen.clear()
    wire = Wire(factory)
    for part in parts:
        await wire.feed(part)
    # aiohttp's own 400 ends a connection and shows some of the bytes that it had at that moment.
    written = re.sub(
        rb"(?s)HTTP/1\.0 400 Bad Request\r\nContent-Type: text/plain.*", FAULT, undated(wire.written)
    )
    reading = Reading(list(one.seen), written, wire.closed)
    await wire.leave()
    return reading


async def compare(data: bytes, places: list[int]) -> None:
    one = OneMount()
    parts = pieces(data, places)
    async with one.serving() as entrance:
        got = await read(entrance, one, parts)
        bytewise = await read(behind(entrance), one, [data[at : at + 1] for at in range(len(data))])
        if got in (bytewise, await read(behind(entrance), one, parts)):
            return
    # Only behind a fault: it is found when its head has ended, or aiohttp forgets what it read together with it.
    assert FAULT in (bytewise.written[-len(FAULT) :], got.written[-len(FAULT) :])
    assert bytewise.written.removesuffix(FAULT).startswith(got.written.removesuffix(FAULT))
    assert got.seen == bytewise.seen[: len(got.seen)]
    assert got.closed == got.written.endswith(FAULT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(max_examples=300, deadline=None)
@given(streams())
@example((b"GET /mem0/a HTTP/1.1\r\nHost: me\r\n\r\n\x00garbage", []))
@example(
    (
        b"POST /mem0/a HTTP/1.1\r\nHost: me\r\nContent-Length: 3\r\n\r\nabcGET /healthz HTTP/1.1\r\nHost: me\r\n\r\n",
        [70],
    )
)
@example((b"GET /mem0/a HTTP/1.1\r\nHost: me\r\n\r\nGET /mem0/v1/x/ HTTP/1.0\r\n\r\nabc", []))
def test_the_same_bytes_are_the_same_requests(stream: tuple[bytes, list[int]]) -> None:
    """Whatever comes, however it is split: the pipeline is asked the same, and the client is told the same."""
    asyncio.run(compare(*stream))


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("body", BODIES)
def test_a_request_with_two_readings(nasty: bytes, body: bytes) -> None:
    """Each dubious line alone, before each body, with a request behind it that must not be believed by one alone."""
    head = b"POST /mem0/a HTTP/1.1\r\nHost: me\r\n" + nasty + b"\r\n"
    behind_it = b"GET /mem0/behind HTTP/1.1\r\nHost: me\r\n\r\n"
    for stream in (head + b"\r\n" + body, head + b"Content-Length: %d\r\n\r\n" % len(body) + body):
        asyncio.run(compare(stream + behind_it, []))
