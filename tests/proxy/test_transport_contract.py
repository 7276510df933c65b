"""What every upstream transport does, shown on both implementations against a server that plays exact bytes."""

import asyncio
import gzip
import zlib

import pytest

from firewall.errors import CallerError
from firewall.ports import WireRequest, header
from tests.proxy.conftest import Open
from tests.proxy.scripted_server import (
    Peer,
    answers,
    answers_and_closes,
    ok,
    serving,
)

GET = WireRequest(method="GET", path="/v1/ping/")
POST = WireRequest(method="POST", path="/v1/memories/", body=b'{"a": 1}')
LONG = 30.0  # far beyond what any test takes: a deadline that must not matter
SOON = 0.05  # for a server that never answers: passes on any machine


async def test_request_is_sent_as_it_came(open_to: Open) -> None:
    """The raw target, the end-to-end headers and the body go out untouched; host and length are the upstream's."""
    async with serving(answers(ok())) as server:
        transport = open_to(server.url + "/base/")
        await transport.send(
            WireRequest(
                method="POST",
                path="/v1//a%2Fb/%7Ex/../y",
                query="q=a%20b&c=%3A",
                headers=(
                    ("HOST", "memfw.local"),
                    ("Authorization", "Token k"),
                    ("Connection", "keep-alive, X-Mine"),
                    ("X-Mine", "1"),
                    ("Keep-Alive", "timeout=5"),
                    ("Proxy-Authorization", "Basic x"),
                    ("TE", "trailers"),
                    ("Upgrade", "h2c"),
                    ("Transfer-Encoding", "chunked"),
                    ("Content-Length", "999"),
                    ("Accept-Encoding", "gzip, br"),
                    ("X-Kept", "grün"),
                ),
                body=b"{}",
            ),
            deadline=LONG,
        )
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    assert line == b"POST /base/v1//a%2Fb/%7Ex/../y?q=a%20b&c=%3A HTTP/1.1"
    assert sorted(fields) == sorted(
        [
            b"Host: " + server.url.removeprefix("http://").encode(),
            b"Authorization: Token k",
            "X-Kept: grün".encode(),
            b"Accept-Encoding: identity",
            b"Content-Length: 2",
        ]
    )
    assert body == b"{}"


async def test_answer_comes_back_as_it_was(open_to: Open) -> None:
    """Status, body and end-to-end headers are the upstream's; hop-by-hop ones and the length are not passed on."""
    async with serving(
        answers(
            ok(
                b'[{"id": 1}]',
                "Content-Type: application/json",
                "Set-Cookie: a=1",
                "Set-Cookie: b=2",
                "Connection: keep-alive, x-hop",
                "X-Hop: 1",
                "Keep-Alive: timeout=5",
                "Proxy-Authenticate: Basic",
                "X-Name: gr\xfcn",
                status="207 Multi",
            )
        )
    ) as server:
        response = await open_to(server.url).send(GET, deadline=LONG)
    assert response.status == 207
    assert response.body == b'[{"id": 1}]'
    assert sorted(response.headers) == [
        ("Content-Type", "application/json"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("X-Name", "grün"),
    ]


@pytest.mark.parametrize(
    "status", ["500 Oops", "502 Bad", "503 Away", "504 Late", "429 Slow", "404 No", "302 Go"]
)
async def test_error_statuses_are_answers(open_to: Open, status: str) -> None:
    """5xx, 429 with Retry-After and redirects pass through as what they are."""
    async with serving(answers(ok(b"{}", "Retry-After: 7", "Location: /x", status=status))) as server:
        response = await open_to(server.url).send(GET, deadline=LONG)
    assert response.status == int(status[:3])
    assert header(response.headers, "retry-after") == "7"
    assert server.connections == 1


async def test_connection_is_used_again(open_to: Open) -> None:
    """Exchanges one after the other share a connection."""
    async with serving(answers(ok(b"1"), ok(b"2"), ok(b"3"))) as server:
        transport = open_to(server.url)
        bodies = [(await transport.send(POST, deadline=LONG)).body for _ in range(3)]
    assert bodies == [b"1", b"2", b"3"]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\n\r\n"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n"),
    ],
)
async def test_answers_without_a_body(open_to: Open, method: str, response: bytes) -> None:
    """To a HEAD, and with 204 and 304, nothing is waited for, and the next exchange is not disturbed."""
    script = answers(response, ok(b"next"))
    async with serving(script, answers(ok(b"next"))) as server:
        transport = open_to(server.url)
        first = await transport.send(WireRequest(method=method, path="/x"), deadline=LONG)
        second = await transport.send(GET, deadline=LONG)
    assert first.body == b""
    assert second.body == b"next"
    if b"Content-Length: 50" in response:
        assert header(first.headers, "content-length") == "50"


async def test_chunked_body_with_trailers(open_to: Open) -> None:
    """Chunks are joined, extensions and trailers dropped, and the connection lives on."""
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        b"3;note=1\r\n[1,\r\n2\r\n2]\r\n0\r\nX-Sum: 1\r\n\r\n"
    )
    async with serving(answers(chunked, ok())) as server:
        transport = open_to(server.url)
        response = await transport.send(GET, deadline=LONG)
        assert (response.body, response.headers) == (b"[1,2]", ())
        assert (await transport.send(GET, deadline=LONG)).body == b"ok"
    assert server.connections == 1


async def test_body_until_the_end_of_the_connection(open_to: Open) -> None:
    """Without a length the body ends with the connection, which is not used again."""
    async with serving(answers_and_closes(b"HTTP/1.1 200 OK\r\n\r\nall of it"), answers(ok())) as server:
        transport = open_to(server.url)
        assert (await transport.send(GET, deadline=LONG)).body == b"all of it"
        assert (await transport.send(POST, deadline=LONG)).body == b"ok"


async def test_interim_answers_are_skipped(open_to: Open) -> None:
    """100 and 103 come before the answer and are not the answer."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with serving(answers(interim + ok(b"real", "X-A: 1"))) as server:
        response = await open_to(server.url).send(GET, deadline=LONG)
    assert (response.status, response.body, response.headers) == (200, b"real", (("X-A", "1"),))


async def test_answer_byte_by_byte(open_to: Open) -> None:
    """It does not matter how the bytes arrive."""

    async def script(peer: Peer) -> None:
        await peer.request()
        for byte in ok(b"slow", "X-Long: value"):
            await peer.send(bytes([byte]))
        await peer.gone()

    async with serving(script) as server:
        response = await open_to(server.url).send(GET, deadline=LONG)
    assert (response.body, response.headers) == (b"slow", (("X-Long", "value"),))


async def test_body_of_exactly_the_cap(open_to: Open) -> None:
    """The cap itself is allowed, plain and decoded."""
    packed = ok(gzip.compress(b"x" * 2000), "Content-Encoding: gzip")
    async with serving(answers(ok(b"x" * 2000), packed)) as server:
        transport = open_to(server.url, max_body=2000)
        assert len((await transport.send(GET, deadline=LONG)).body) == 2000
        assert len((await transport.send(GET, deadline=LONG)).body) == 2000


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"memory")),
        ("X-GZIP", gzip.compress(b"mem") + gzip.compress(b"ory")),
        ("deflate", zlib.compress(b"memory")),
        ("deflate", zlib.compress(b"memory")[2:-4]),
        ("identity", b"memory"),
    ],
)
async def test_encoded_bodies_are_decoded(open_to: Open, encoding: str, packed: bytes) -> None:
    """Asked for identity or not, a gzip or deflate body arrives decoded, without headers that describe the encoding."""
    async with serving(answers(ok(packed, f"Content-Encoding: {encoding}", 'ETag: "x"', "X-A: 1"))) as server:
        response = await open_to(server.url).send(GET, deadline=LONG)
    assert response.body == b"memory"
    if encoding != "identity":
        assert response.headers == (("X-A", "1"),)


async def test_bytes_behind_an_answer_close_the_connection(open_to: Open) -> None:
    """A second answer that nobody asked for is never taken for the next one's."""
    async with serving(answers(ok(b"first") + ok(b"planted")), answers(ok(b"second"))) as server:
        transport = open_to(server.url)
        assert (await transport.send(GET, deadline=LONG)).body == b"first"
        assert (await transport.send(GET, deadline=LONG)).body == b"second"


@pytest.mark.parametrize(
    "response",
    [ok(b"first", "Connection: close"), b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nfirst"],
)
async def test_connection_that_the_upstream_ends(open_to: Open, response: bytes) -> None:
    """`Connection: close` and HTTP/1.0 are obeyed."""
    async with serving(answers(response), answers(ok(b"second"))) as server:
        transport = open_to(server.url)
        assert (await transport.send(POST, deadline=LONG)).body == b"first"
        assert (await transport.send(POST, deadline=LONG)).body == b"second"
    assert server.connections == 2


async def test_answer_before_the_request_is_sent(open_to: Open) -> None:
    """An early refusal is the answer; the rest of that request never precedes the next one."""

    async def refuses(peer: Peer) -> None:
        await peer.head()
        await peer.send(ok(b"too much", status="413 Content Too Large"))
        await peer.gone()

    async with serving(refuses, answers(ok(b"second"))) as server:
        transport = open_to(server.url)
        big = WireRequest(method="POST", path="/x", body=b"x" * 32_000_000)
        assert (await transport.send(big, deadline=LONG)).status == 413
        assert (await transport.send(POST, deadline=LONG)).body == b"second"


async def test_line_for_connections_is_fair_and_never_pipelined(open_to: Open) -> None:
    """With one connection, requests go one at a time, in the order in which they were asked."""
    count = 5
    waiting, release = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        for _ in range(count):
            await peer.request()
            waiting.set()
            await release.wait()
            await peer.send(ok())
        await peer.gone()

    async with serving(script) as server:
        transport = open_to(server.url, max_connections=1)
        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                request = WireRequest(method="POST", path=f"/{number}")
                tasks.create_task(transport.send(request, deadline=LONG))
                await waiting.wait()
            assert len(server.requests) == 1
            release.set()
    assert [request.split(b" ")[1] for request in server.requests] == [b"/%d" % n for n in range(count)]
    assert server.connections == 1


@pytest.mark.parametrize(
    "request_",
    [
        WireRequest(method="GET", path="/", headers=(("X-A", "1\r\nX-B: 2"),)),
        WireRequest(method="GET", path="/", headers=(("X-A", "1\nX-B: 2"),)),
        WireRequest(method="GET", path="/", headers=(("X-A", "1\r"),)),
        WireRequest(method="GET", path="/", headers=(("X-A", "1\0"),)),
        WireRequest(method="GET", path="/", headers=(("X-A: 1\r\nX-B", "2"),)),
        WireRequest(method="GET", path="/", headers=(("", "2"),)),
        WireRequest(method="GET", path="/", headers=(("X-A", "\ud800"),)),
        WireRequest(method="GET", path="/ HTTP/1.1\r\nX-A: 1\r\n\r\n"),
        WireRequest(method="GET", path="/a b"),
        WireRequest(method="GET", path="/a", query="b#c"),
        WireRequest(method="GET", path="http://elsewhere/"),
        WireRequest(method="GET / HTTP/1.1\r\nX:", path="/"),
        WireRequest(method="get", path="/"),
        WireRequest(method="CONNECT", path="/"),
    ],
)
async def test_request_that_would_split_is_refused(open_to: Open, request_: WireRequest) -> None:
    """Line breaks, NULs and spaces where they would change the message are the caller's error; nothing is sent."""
    async with serving(answers(ok())) as server:
        with pytest.raises(CallerError) as caught:
            await open_to(server.url).send(request_, deadline=LONG)
    assert caught.value.status == 400
    assert server.connections == 0
