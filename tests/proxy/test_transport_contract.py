"""What every upstream transport does, shown on both implementations against a server that plays exact bytes."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import pytest

from firewall.errors import CallerError, UpstreamError
from firewall.ports import WireRequest, header
from firewall.proxy.transport import Transport
from firewall.proxy.transport_aiohttp import AiohttpTransport
from firewall.proxy.transport_fast import FastTransport
from firewall.proxy.transport_target import TransportLimits
from tests.proxy.scripted_server import (
    Peer,
    answers,
    answers_and_closes,
    closes_unanswered,
    never_answers,
    ok,
    resets_unanswered,
    serving,
)

GET = WireRequest(method="GET", path="/v1/ping/")
POST = WireRequest(method="POST", path="/v1/memories/", body=b'{"a": 1}')
LONG = 30.0  # far beyond what any test takes: a deadline that must not matter
SOON = 0.05  # for a server that never answers: passes on any machine

Open = Callable[..., Transport]


@pytest.fixture(params=["fast", "aiohttp"])
async def open_to(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """Opens a transport of each kind; closes it after the test."""
    opened: list[Transport] = []

    def open_one(url: str, **limits: float) -> Transport:
        settings = TransportLimits(**limits)  # type: ignore[arg-type]
        kind = FastTransport if request.param == "fast" else AiohttpTransport
        opened.append(kind(url, limits=settings))
        return opened[-1]

    yield open_one
    for transport in opened:
        await transport.close()


async def refusal_of(
    transport: Transport, request: WireRequest = GET, *, deadline: float = LONG
) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await transport.send(request, deadline=deadline)
    return caught.value


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


@pytest.mark.parametrize(
    "partial",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    ],
)
async def test_truncated_body(open_to: Open, partial: bytes) -> None:
    """A body that ends early is an error, never half an answer, and is not asked for again."""
    async with serving(answers_and_closes(partial)) as server:
        error = await refusal_of(open_to(server.url))
    assert (error.status, error.code) == (502, "upstream_truncated")
    assert server.connections == 1


async def test_reset_inside_the_body(open_to: Open) -> None:
    """A connection that breaks inside the body is an error, and the request is not sent again."""
    began = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await began.wait()
        await peer.reset()

    async with serving(script) as server:
        transport = open_to(server.url)
        with pytest.raises(UpstreamError) as caught:
            async with transport.stream(GET, deadline=LONG) as answer:
                assert await anext(answer.chunks) == b"half"
                began.set()
                await anext(answer.chunks)
    assert caught.value.code in ("upstream_reset", "upstream_truncated")
    assert caught.value.status == 502
    assert server.connections == 1


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>not http</html>\r\n\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw",
    ],
)
async def test_what_is_not_an_acceptable_answer(open_to: Open, garbage: bytes) -> None:
    """Not HTTP, two lengths, an unknown transfer encoding, an unasked upgrade: refused, connection closed."""
    async with serving(answers(garbage)) as server:
        error = await refusal_of(open_to(server.url))
    assert (error.status, error.code) == (502, "upstream_invalid")


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nX-Huge: " + b"x" * 5000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1234567890\r\n" * 250 + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"400\r\n"
        + b"x" * 1024
        + b"\r\n3f0\r\n"
        + b"x" * 1008,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2001,
        ok(gzip.compress(b"x" * 2001), "Content-Encoding: gzip"),
    ],
)
async def test_caps_on_size(open_to: Open, response: bytes) -> None:
    """Headers and bodies over their caps are refused, whatever way the size is told."""
    async with serving(answers(response)) as server:
        error = await refusal_of(open_to(server.url, max_body=2000, max_header_bytes=4096))
    assert (error.status, error.code) == (502, "upstream_too_large")


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


async def test_refused_connection(open_to: Open) -> None:
    """Nobody listens there: unavailable."""
    async with serving(never_answers) as server:
        url = server.url
    error = await refusal_of(open_to(url))
    assert (error.status, error.code) == (503, "upstream_unavailable")


async def test_deadline_over_an_answer_that_never_comes(open_to: Open) -> None:
    """Late is 504; the connection is closed and the request, even a safe one, is not sent again."""
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await never_answers(peer)
        left.set()

    async with serving(script) as server:
        error = await refusal_of(open_to(server.url), deadline=SOON)
        await left.wait()
    assert (error.status, error.code) == (504, "upstream_timeout")
    assert server.connections == 1


async def test_deadline_over_an_answer_that_stops(open_to: Open) -> None:
    """The deadline covers the whole body."""
    async with serving(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")) as server:
        error = await refusal_of(open_to(server.url), deadline=SOON)
    assert error.code == "upstream_timeout"


async def test_deadline_counts_waiting_for_a_connection(open_to: Open) -> None:
    """With every connection taken, the deadline passes in the line too, and the slot is not lost."""
    holding, release = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        holding.set()
        await release.wait()
        await peer.send(ok(b"first"))
        await answers(ok(b"third"))(peer)

    async with serving(script) as server, asyncio.TaskGroup() as tasks:
        transport = open_to(server.url, max_connections=1)
        first = tasks.create_task(transport.send(POST, deadline=LONG))
        await holding.wait()
        error = await refusal_of(transport, POST, deadline=SOON)
        assert error.code == "upstream_timeout"
        release.set()
        assert (await first).body == b"first"
        assert (await transport.send(POST, deadline=LONG)).body == b"third"
    assert server.connections == 1


async def test_cancelled_exchange_closes_its_connection(open_to: Open) -> None:
    """The late answer to a cancelled request can never become the answer to the next one."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await peer.gone()
        left.set()

    async with serving(script, answers(ok(b"mine"))) as server:
        transport = open_to(server.url, max_connections=1)
        async with asyncio.TaskGroup() as tasks:
            cancelled = tasks.create_task(transport.send(POST, deadline=LONG))
            await asked.wait()
            cancelled.cancel()
        await left.wait()
        assert (await transport.send(POST, deadline=LONG)).body == b"mine"
    assert server.connections == 2


@pytest.mark.parametrize("dies", [closes_unanswered, resets_unanswered])
@pytest.mark.parametrize(("request_", "retry"), [(GET, False), (POST, True)])
async def test_safe_request_is_sent_once_more(
    open_to: Open, dies: Callable[[Peer], "asyncio.Future[None]"], request_: WireRequest, retry: bool
) -> None:
    """A kept connection that dies without a byte of an answer: a safe request gets one more try."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(ok(b"first"))
        await dies(peer)

    async with serving(script, answers(ok(b"second"))) as server:
        transport = open_to(server.url)
        assert (await transport.send(GET, deadline=LONG)).body == b"first"
        assert (await transport.send(request_, deadline=LONG, retry=retry)).body == b"second"
    assert server.connections == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_unsafe_request_is_never_sent_twice(open_to: Open, method: str) -> None:
    """What may have been done already is not done again."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(ok(b"first"))
        await closes_unanswered(peer)

    async with serving(script, answers(ok(b"second"))) as server:
        transport = open_to(server.url)
        await transport.send(GET, deadline=LONG)
        error = await refusal_of(transport, WireRequest(method=method, path="/x"))
    assert (error.status, error.code) == (502, "upstream_reset")
    assert len(server.requests) == 2


async def test_only_one_more_try(open_to: Open) -> None:
    """A read that fails twice fails."""
    async with serving(closes_unanswered) as server:
        error = await refusal_of(open_to(server.url))
    assert error.code == "upstream_reset"
    assert len(server.requests) == 2


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


async def test_closed_transport_sends_nothing(open_to: Open) -> None:
    """After `close` every request is refused, and one under way has failed."""
    asked = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await peer.gone()

    async with serving(script) as server:
        transport = open_to(server.url)
        async with asyncio.TaskGroup() as tasks:
            under_way = tasks.create_task(refusal_of(transport, POST))
            await asked.wait()
            await transport.close()
        assert under_way.result().status == 502
        assert (await refusal_of(transport)).code == "upstream_unavailable"
    assert server.connections == 1
