"""Which transport is opened, for which URLs, and what its small parts decide."""

import asyncio
import gzip
import importlib.machinery
import importlib.util
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.errors import CallerError, ConfigError, UpstreamError
from firewall.ports import WireRequest
from firewall.proxy.transport import open_transport
from firewall.proxy.transport_encoding import decode_body
from firewall.proxy.transport_fast import FastTransport
from firewall.proxy.transport_headers import RequestHeaders, ResponseHeaders, at_edge
from firewall.proxy.transport_target import Target, TransportLimits, parse_target
from tests.proxy.scripted_server import Peer, answers, ok, serving


async def test_fast_where_it_can_be() -> None:
    """httptools there and no proxy asked for: fast."""
    transport = open_transport("http://127.0.0.1:1")
    assert transport.kind == "fast"
    await transport.close()


async def test_aiohttp_where_fast_does_not_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    """For proxies of the environment, and without httptools, aiohttp's client is used."""
    transport = open_transport("http://127.0.0.1:1", trust_env=True)
    assert transport.kind == "aiohttp"
    await transport.close()

    def found(name: str, package: str | None = None) -> importlib.machinery.ModuleSpec | None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", found)
    transport = open_transport("http://127.0.0.1:1")
    assert transport.kind == "aiohttp"
    await transport.close()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (
            "https://api.mem0.ai",
            Target(tls=True, host="api.mem0.ai", port=443, host_header="api.mem0.ai", prefix=""),
        ),
        (
            "HTTP://LocalHost:80/a/",
            Target(tls=False, host="localhost", port=80, host_header="localhost", prefix="/a"),
        ),
        (
            "https://[::1]:8443/x%20y",
            Target(tls=True, host="::1", port=8443, host_header="[::1]:8443", prefix="/x%20y"),
        ),
    ],
)
def test_base_urls(url: str, target: Target) -> None:
    """Scheme, host, port and prefix; the Host header leaves out the usual port."""
    assert parse_target(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.mem0.ai",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://u:secret@x",
        "http://x/?a=b",
        "http://x/#f",
        "http://x/a b",
        "http://x/ü",
        "http://" + "a" * 64 + ".x",
        "http://[::1",
    ],
)
def test_unusable_base_urls(url: str) -> None:
    """Refused when made, without repeating a URL that may hold a credential."""
    with pytest.raises(ConfigError) as caught:
        parse_target(url)
    assert "secret" not in str(caught.value)


def test_length_is_said_where_a_body_may_be() -> None:
    """A POST without a body says 0, a GET says nothing."""
    headers = RequestHeaders(parse_target("http://x"))
    assert b"Content-Length: 0\r\n" in headers.head(WireRequest(method="POST", path="/"), identity=True)
    assert b"Content-Length" not in headers.head(WireRequest(method="GET", path="/"), identity=True)


def test_raw_header_bytes_survive() -> None:
    """What a server decoded with surrogate escapes goes out as the bytes that came in."""
    request = WireRequest(
        method="GET", path="/", headers=(("X-A", b"gr\xfcn".decode("utf-8", "surrogateescape")),)
    )
    assert b"X-A: gr\xfcn\r\n" in RequestHeaders(parse_target("http://x")).head(request, identity=True)


def test_remembered_names_are_bounded() -> None:
    """A caller or an upstream that invents header names does not fill the memory."""
    requests, responses = RequestHeaders(parse_target("http://x")), ResponseHeaders()
    for number in range(2000):
        name = f"X-{number}"
        requests.pairs(((name, "1"),), identity=True)
        assert responses.read([(name.encode(), b"1")], keep_length=False).headers == ((name, "1"),)
    assert len(requests._crosses) <= 512
    assert len(responses._crosses) <= 512


@pytest.mark.parametrize(
    "raw",
    [
        [(b"Content-Length", b"2"), (b"Transfer-Encoding", b"chunked")],
        [(b"Content-Length", b"2"), (b"content-length", b"3")],
        [(b"Content-Length", b"2, 2")],
        [(b"Content-Length", b"+2")],
        [(b"Content-Length", b"9" * 30)],
        [(b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"gzip, chunked")],
    ],
)
def test_ambiguous_framing_is_refused_by_us_too(raw: list[tuple[bytes, bytes]]) -> None:
    """Where a body ends is checked here as well: it does not rest on how strict a parser was built."""
    with pytest.raises(UpstreamError) as caught:
        ResponseHeaders().read(raw, keep_length=False)
    assert caught.value.code == "upstream_invalid"


def test_edge_strips_what_connection_names() -> None:
    """Hop-by-hop headers end at the edge, so that they cannot name away what memfw adds later."""
    headers = (("Connection", "close, X-Pin"), ("X-Pin", "1"), ("TE", "x"), ("Host", "h"), ("X-B", "2"))
    assert at_edge(headers)[1] == (("Host", "h"), ("X-B", "2"))


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_header_ever_adds_a_line(name: str, value: str) -> None:
    """Any name and value: refused, or exactly one line more."""
    headers = RequestHeaders(parse_target("http://x"))
    bare = headers.head(WireRequest(method="GET", path="/"), identity=True)
    try:
        head = headers.head(WireRequest(method="GET", path="/", headers=((name, value),)), identity=True)
    except CallerError:
        return
    assert head.count(b"\n") <= bare.count(b"\n") + 1
    assert head.count(b"\r\n\r\n") == 1


@given(st.binary(max_size=3000), st.integers(0, 3000))
def test_decoding_is_exact_or_refused(body: bytes, limit: int) -> None:
    """What fits comes back exactly, what does not is refused."""
    for encoding, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body))):
        if len(body) <= limit:
            assert decode_body(packed, encoding, limit) == body
        else:
            with pytest.raises(UpstreamError) as caught:
                decode_body(packed, encoding, limit)
            assert caught.value.code == "upstream_too_large"


@pytest.mark.parametrize(
    ("packed", "encoding", "code"),
    [
        (gzip.compress(b"memory")[:-4], "gzip", "upstream_truncated"),
        (b"plain text", "gzip", "upstream_invalid"),
        (gzip.compress(b"memory") + b"tail", "gzip", "upstream_invalid"),
        (zlib.compress(b"memory") + b"tail", "deflate", "upstream_invalid"),
        (gzip.compress(b"") * 65, "gzip", "upstream_invalid"),
        (gzip.compress(b"\0" * 50_000_000), "gzip", "upstream_too_large"),
        (b"x", "br", "upstream_invalid"),
        (b"x", "zstd", "upstream_invalid"),
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip", "upstream_invalid"),
    ],
)
def test_bodies_that_cannot_be_decoded(packed: bytes, encoding: str, code: str) -> None:
    """Broken, cut, bombed, many-membered, or in an encoding that we do not read."""
    with pytest.raises(UpstreamError) as caught:
        decode_body(packed, encoding, 1000)
    assert (caught.value.status, caught.value.code) == (502, code)


async def test_old_idle_connections_are_not_trusted() -> None:
    """A connection that rested longer than `keepalive` is replaced before it is used."""
    now = [0.0]
    async with serving(answers(ok(b"1"), ok(b"not used")), answers(ok(b"2"))) as server:
        transport = FastTransport(server.url, limits=TransportLimits(keepalive=15), clock=lambda: now[0])
        request = WireRequest(method="POST", path="/")
        assert (await transport.send(request, deadline=30)).body == b"1"
        now[0] = 15.1
        assert (await transport.send(request, deadline=30)).body == b"2"
        await transport.close()


async def test_partly_sent_head_is_not_asked_for_again() -> None:
    """One byte of an answer came: no second try, even of a read."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"H")

    async with serving(script) as server:
        transport = FastTransport(server.url, limits=TransportLimits())
        with pytest.raises(UpstreamError) as caught:
            await transport.send(WireRequest(method="GET", path="/"), deadline=30)
        await transport.close()
    assert caught.value.code == "upstream_truncated"
    assert server.connections == 1


async def test_slow_connect_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting has its own, shorter patience; the request's deadline is still the outer one."""
    transport = FastTransport("http://127.0.0.1:1", limits=TransportLimits(connect_timeout=0.01))
    monkeypatch.setattr(transport, "_loop", _Hanging(asyncio.get_running_loop()))
    for deadline, code in ((30.0, "upstream_unavailable"), (0.001, "upstream_timeout")):
        with pytest.raises(UpstreamError) as caught:
            await transport.send(WireRequest(method="GET", path="/"), deadline=deadline)
        assert caught.value.code == code


class _Hanging:
    """A loop whose connections never come about."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.time = loop.time

    async def create_connection(self, *_args: object, **_options: object) -> None:
        await asyncio.Event().wait()
