"""What memfw adds to every request to an upstream: headers that win over the client's, and a certificate of its own."""

import ssl
from pathlib import Path

import pytest

from firewall.errors import UpstreamError
from firewall.ports import Headers, WireRequest
from firewall.proxy.transport_aiohttp import AiohttpTransport
from firewall.proxy.transport_fast import FastTransport
from firewall.proxy.transport_headers import RequestHeaders
from firewall.proxy.transport_target import TransportLimits, parse_target
from firewall.tls import Chain, upstream_context
from tests.certificates import Authority
from tests.proxy.scripted_server import answers, ok, serving

LIMITS = TransportLimits()
EXTRA: Headers = (("CF-Access-Secret", "ours"), ("X-Team", "checkout"))

Kind = type[FastTransport] | type[AiohttpTransport]
KINDS = pytest.mark.parametrize("kind", [FastTransport, AiohttpTransport])


def lines_of(request: bytes) -> list[str]:
    """Header lines with their names in lower case: case and order are each transport's own."""
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return [f"{name.lower()}: {value}" for name, _, value in (line.partition(": ") for line in lines)]


@KINDS
async def test_they_win_over_the_clients(kind: Kind) -> None:
    """Each is there once, whatever the client says under its name, in a whole and in a streamed exchange."""
    request = WireRequest(
        method="POST",
        path="/",
        headers=(
            ("x-team", "theirs"),
            ("X-TEAM", "theirs again"),
            ("Cf-Access-Secret", "guess"),
            ("X-Kept", "1"),
            ("Connection", "x-team, cf-access-secret"),
        ),
        body=b"{}",
    )
    async with serving(answers(ok(b"1"), ok(b"2"))) as server:
        transport = kind(server.url, limits=LIMITS, extra=EXTRA)
        await transport.send(request, deadline=30)
        async with transport.stream(request, deadline=30) as streamed:
            async for _ in streamed.chunks:
                pass
        await transport.close()
    assert len(server.requests) == 2
    for sent in server.requests:
        lines = lines_of(sent)
        assert [line for line in lines if line.startswith(("x-team", "cf-access"))] == [
            "cf-access-secret: ours",
            "x-team: checkout",
        ]
        assert "x-kept: 1" in lines
        assert b"theirs" not in sent


def test_without_them_nothing_changes() -> None:
    """The head of a request is what it was, byte for byte; with them only they are more."""
    request = WireRequest(method="GET", path="/a", headers=(("X-A", "1"),))
    target = parse_target("http://x")
    plain = RequestHeaders(target).head(request, identity=True)
    assert plain == RequestHeaders(target, ()).head(request, identity=True)
    more = RequestHeaders(target, EXTRA).head(request, identity=True)
    added = b"".join(f"{name}: {value}\r\n".encode() for name, value in EXTRA)
    assert more.replace(added, b"") == plain


@KINDS
async def test_a_certificate_of_our_own(kind: Kind, tmp_path: Path) -> None:
    """An upstream that asks for one gets it; without it, it cannot be reached."""
    authority = Authority(tmp_path)
    theirs, ours = authority.issue("theirs"), authority.issue("ours")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca)
    served.verify_mode = ssl.CERT_REQUIRED
    served.load_cert_chain(theirs.cert, theirs.key)
    chain = Chain(cert=ours.cert, key=ours.key)
    async with serving(answers(ok(b"1")), answers(ok(b"2")), tls=served) as server:
        shown = kind(
            server.url,
            limits=LIMITS,
            ssl_context=upstream_context(ca=authority.ca, chain=chain, verify=True),
        )
        assert (await shown.send(WireRequest(method="GET", path="/"), deadline=30)).body == b"1"
        await shown.close()
        unknown = kind(
            server.url, limits=LIMITS, ssl_context=upstream_context(ca=authority.ca, chain=None, verify=True)
        )
        with pytest.raises(UpstreamError) as caught:
            await unknown.send(WireRequest(method="POST", path="/"), deadline=30)
        await unknown.close()
    assert caught.value.status in (502, 503)
    assert len(server.requests) == 1


@KINDS
async def test_whoever_answers_is_believed(kind: Kind, tmp_path: Path) -> None:
    """Without verification a certificate of nobody's, for another host, is taken."""
    issued = Authority(tmp_path).issue(host="10.9.8.7")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(issued.cert, issued.key)
    async with serving(answers(ok(b"1")), tls=served) as server:
        believing = upstream_context(ca=None, chain=None, verify=False)
        transport = kind(server.url, limits=LIMITS, ssl_context=believing)
        assert (await transport.send(WireRequest(method="GET", path="/"), deadline=30)).body == b"1"
        await transport.close()
