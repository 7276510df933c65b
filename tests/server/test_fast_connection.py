"""Our own connection: order, bounds, and what happens when the client, the answer or the process goes away."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from firewall.errors import CallerError, UpstreamError
from firewall.ports import WireRequest, WireResponse
from firewall.server.entrance import Entrance
from firewall.server.fast_connection import Connection
from tests.server.one_mount import JSON, OneMount, Wire, behind, get, post, settled, statuses


@pytest.fixture
def one() -> OneMount:
    return OneMount()


@pytest.fixture
async def entrance(one: OneMount) -> AsyncIterator[Entrance]:
    async with one.serving() as running:
        yield running


@pytest.fixture
async def wire(entrance: Entrance) -> Wire:
    """A client that has just connected."""
    return Wire(entrance)


@pytest.fixture(params=["own", "aiohttp"])
async def either(entrance: Entrance, request: pytest.FixtureRequest) -> Wire:
    """The same, and one whose connection is aiohttp's from the start: the boundary is one."""
    return Wire(entrance if request.param == "own" else behind(entrance))


async def test_a_request_split_anywhere(one: OneMount, entrance: Entrance) -> None:
    """Two requests, cut at every place: the same two requests, the same two answers."""
    data = post(b"abc", "/mem0/first?q") + get("/mem0/second")
    wanted = None
    for place in range(len(data) + 1):
        one.seen.clear()
        wire = Wire(entrance)
        await wire.feed(data[:place])
        await wire.feed(data[place:])
        assert [(request.target, request.body) for request in one.seen] == [
            ("/first?q", b"abc"),
            ("/second", b""),
        ]
        wanted = wanted or wire.written
        assert wire.written == wanted
        assert isinstance(wire.owner, Connection)
        await wire.leave()


async def test_one_at_a_time_and_in_order(one: OneMount, wire: Wire) -> None:
    """What is sent ahead is not begun before its turn."""
    one.gate = asyncio.Event()
    await wire.feed(b"".join(get(f"/mem0/{number}") for number in range(5)))
    assert [request.path for request in one.seen] == ["/0"]
    assert wire.written == b""
    one.gate.set()
    await settled()
    await settled()
    assert [request.path for request in one.seen] == [f"/{number}" for number in range(5)]
    assert [wire.written.index(b'"/%d"' % number) for number in range(5)] == sorted(
        wire.written.index(b'"/%d"' % number) for number in range(5)
    )


async def test_what_is_sent_ahead_is_bounded(one: OneMount, wire: Wire) -> None:
    """A client that sends and sends is not read any more, until its first answer is there."""
    one.gate = asyncio.Event()
    await wire.feed(get())
    for _ in range(5):
        await wire.feed(post(b"x" * 4000) * 4)
    assert wire.stopped()
    assert len(one.seen) == 1
    one.gate.set()
    for _ in range(10):
        await settled()
    assert not wire.stopped()
    assert len(one.seen) == 21
    assert statuses(wire.written) == [200] * 21


async def test_a_client_that_leaves_does_not_end_the_work(
    one: OneMount, entrance: Entrance, wire: Wire
) -> None:
    """As with aiohttp: what was asked is done, and its answer goes nowhere. Until then the connection counts."""
    one.gate = asyncio.Event()
    done: list[str] = []

    def outcome(request: WireRequest) -> WireResponse:
        done.append(request.path)
        return WireResponse(status=200)

    one.outcome = outcome
    await wire.feed(get() + get("/mem0/never"))
    await wire.leave()
    assert len(entrance.connections) == 1
    one.gate.set()
    await settled()
    assert done == ["/x"]
    assert (wire.written, one.drain.open_requests, list(entrance.connections)) == (b"", 0, [])


async def test_a_client_that_does_not_take_its_answers_gets_no_more(one: OneMount, wire: Wire) -> None:
    """The next request waits until the last answer has left."""

    def outcome(_request: WireRequest) -> WireResponse:
        wire.owner.pause_writing()
        return WireResponse(status=200)

    one.outcome = outcome
    await wire.feed(get() + get("/mem0/second"))
    assert len(one.seen) == 1
    wire.owner.resume_writing()
    await settled()
    assert len(one.seen) == 2
    await wire.leave()
    assert wire.owner.gone.done()


@pytest.mark.parametrize("asked", [True, False])
async def test_the_last_answer_says_so(one: OneMount, wire: Wire, asked: bool) -> None:
    """While draining, or when the client asks for it: the answer closes, and what came behind it is not begun."""
    if not asked:
        one.drain.begin()
    await wire.feed(get("/mem0/x", *(["Connection: close"] if asked else [])) + get())
    assert b"\r\nConnection: close\r\n" in wire.written
    assert statuses(wire.written) == [200]
    assert wire.closed
    assert not wire.aborted
    assert len(one.seen) == 1


async def test_answers_without_a_body(one: OneMount, either: Wire) -> None:
    """HEAD has the length of what GET would bring; 204 and 304 have none."""
    await either.feed(get().replace(b"GET", b"HEAD"))
    assert b"Content-Length: 42\r\n" in either.written
    assert either.written.endswith(b"\r\n\r\n")
    for status in (204, 304):
        either.written = b""
        surplus = WireResponse(status=status, body=b"surplus")
        one.outcome = lambda _, surplus=surplus: surplus  # type: ignore[misc]
        await either.feed(get())
        assert either.written.endswith(b"\r\n\r\n")
        assert b"Content-Length" not in either.written
    either.written = b""
    one.outcome = lambda _: WireResponse(status=200, body=b"x" * 100_000)
    await either.feed(get())
    assert either.written.endswith(b"\r\n\r\n" + b"x" * 100_000)


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (CallerError(403, "scope_denied", "no"), 403, b"scope_denied"),
        (UpstreamError(503, "overloaded", "no", retry_after=0.2), 503, b"overloaded"),
        (ValueError("secret"), 500, b"internal_error"),
    ],
)
async def test_whatever_happens_there_is_an_answer(
    one: OneMount, either: Wire, raised: Exception, status: int, code: bytes
) -> None:
    """Every failure leaves in the upstream's shape, without details, and the connection lives on."""
    one.outcome = lambda _: raised
    await either.feed(get())
    assert statuses(either.written) == [status]
    assert code in either.written
    assert b"secret" not in either.written
    assert (b"\r\nRetry-After: 1\r\n" in either.written) == (status == 503)
    one.outcome = lambda _: WireResponse(status=201)
    await either.feed(get())
    assert statuses(either.written) == [status, 201]


@pytest.mark.parametrize("streamed", [True, False])
async def test_an_upstream_header_cannot_write_another_answer(
    one: OneMount, either: Wire, streamed: bool
) -> None:
    """A line break in a header of the upstream makes a 502, and not a byte of it arrives."""
    evil = (("X-A", "b\r\n\r\nHTTP/1.1 200 OK\r\nX-Evil: c"),)
    one.upstream.headers = evil
    one.outcome = one.passage if streamed else lambda _: WireResponse(status=200, headers=evil)
    await either.feed(get())
    assert statuses(either.written) == [502]
    assert b"upstream_invalid" in either.written
    assert b"X-Evil" not in either.written


async def test_a_passage_streams(one: OneMount, either: Wire) -> None:
    """In chunks where the upstream said no length, untouched where it did; HEAD without anything."""
    one.outcome = one.passage
    one.upstream.chunks = [b"one", b"", b"three"]
    await either.feed(get())
    assert either.written.endswith(
        b"\r\nTransfer-Encoding: chunked\r\nDate: " + either.written.partition(b"Date: ")[2]
    )
    assert either.written.endswith(b"\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n")
    either.written = b""
    one.upstream.headers = (*JSON, ("Content-Length", "8"))
    await either.feed(get())
    assert either.written.endswith(b"\r\n\r\nonethree")
    assert b"chunked" not in either.written
    either.written = b""
    one.upstream.chunks = []
    await either.feed(get().replace(b"GET", b"HEAD"))
    assert b"\r\nContent-Length: 8\r\n" in either.written
    assert either.written.endswith(b"\r\n\r\n")
    assert one.upstream.left == 3


async def test_a_redirect_is_no_answer(one: OneMount, either: Wire) -> None:
    """Its Location would lead around memfw."""
    one.outcome = one.passage
    one.upstream.status = 302
    await either.feed(get())
    assert statuses(either.written) == [502]
    assert b"upstream_redirect" in either.written


@pytest.mark.parametrize("failure", [UpstreamError(502, "upstream_truncated", "no"), ValueError("bug")])
async def test_half_an_answer_does_not_look_whole(one: OneMount, either: Wire, failure: Exception) -> None:
    """What breaks off in the middle breaks the connection, and nothing is written behind it."""
    one.outcome = one.passage
    one.upstream.chunks = [b"one", failure]
    await either.feed(get() + get("/mem0/second"))
    assert either.aborted
    assert either.written.endswith(b"3\r\none\r\n")
    assert statuses(either.written) == [200]
    assert len(one.seen) == 1


async def test_a_stream_waits_for_a_slow_client(one: OneMount, wire: Wire) -> None:
    """The upstream is not read on while the client is not; when the client leaves, the upstream is left too."""
    one.outcome = one.passage
    one.upstream.chunks = [b"one", b"two", b"three"]
    wire.owner.pause_writing()
    await wire.feed(get())
    assert b"one" in wire.written
    assert b"two" not in wire.written
    wire.owner.resume_writing()
    wire.owner.pause_writing()
    await settled()
    assert b"two" in wire.written
    assert b"three" not in wire.written
    await wire.leave()
    assert one.upstream.left == 1
    assert one.drain.open_requests == 0


async def test_too_large_a_body_is_refused_by_the_mount(one: OneMount, wire: Wire) -> None:
    """It is aiohttp that reads it as far as is allowed; the refusal has the upstream's shape."""
    await wire.feed(post(b"x" * 5000))
    assert statuses(wire.written) == [413]
    assert b"body_too_large" in wire.written
    assert one.seen == []


async def test_too_large_a_head_is_refused(one: OneMount, wire: Wire) -> None:
    """A head without an end is not collected for ever."""
    await wire.feed(b"GET /mem0/x HTTP/1.1\r\nHost: me\r\n")
    for _ in range(100):
        await wire.feed(b"X-A: " + b"b" * 1000)
    assert statuses(wire.written) == [400]
    assert wire.closed
    assert one.seen == []
