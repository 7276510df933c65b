"""What every upstream transport does when the upstream fails: one error, nothing half there, nothing sent twice."""

import asyncio
import gzip
from collections.abc import Callable

import pytest

from firewall.errors import UpstreamError
from firewall.ports import WireRequest
from firewall.proxy.transport import Transport
from tests.proxy.conftest import Open
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


async def refusal_of(
    transport: Transport, request: WireRequest = GET, *, deadline: float = LONG
) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await transport.send(request, deadline=deadline)
    return caught.value


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
        async with transport.stream(GET, deadline=LONG) as answer:
            assert await anext(answer.chunks) == b"half"
            began.set()
            with pytest.raises(UpstreamError) as caught:
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
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n"
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
        await peer.request()
        await peer.send(ok(b"first"))
        try:
            await never_answers(peer)
        finally:
            left.set()

    async with serving(script) as server:
        transport = open_to(server.url)
        await transport.send(GET, deadline=LONG)
        error = await refusal_of(transport, deadline=SOON)
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
