"""TLS upstreams, with a certificate made for the test."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from firewall.errors import UpstreamError
from firewall.ports import WireRequest
from firewall.proxy.transport_aiohttp import AiohttpTransport
from firewall.proxy.transport_fast import FastTransport
from firewall.proxy.transport_target import TransportLimits
from tests.proxy.scripted_server import Peer, answers, answers_and_closes, ok, serving

GET = WireRequest(method="GET", path="/")
LIMITS = TransportLimits()

Kind = type[FastTransport] | type[AiohttpTransport]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1".split()
        + f"-addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def served(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.mark.parametrize("kind", [FastTransport, AiohttpTransport])
async def test_exchange_over_tls(kind: Kind, certificate: tuple[Path, Path], served: ssl.SSLContext) -> None:
    """With the certificate trusted, exchanges go over one kept TLS connection."""
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    async with serving(answers(ok(b"1"), ok(b"2")), tls=served) as server:
        transport = kind(server.url, limits=LIMITS, ssl_context=trusting)
        assert [(await transport.send(GET, deadline=30)).body for _ in range(2)] == [b"1", b"2"]
        await transport.close()
    assert server.connections == 1


@pytest.mark.parametrize("kind", [FastTransport, AiohttpTransport])
async def test_truncated_over_tls(kind: Kind, certificate: tuple[Path, Path], served: ssl.SSLContext) -> None:
    """A cut body is an error over TLS as well."""
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    async with serving(answers_and_closes(cut), tls=served) as server:
        transport = kind(server.url, limits=LIMITS, ssl_context=trusting)
        with pytest.raises(UpstreamError) as caught:
            await transport.send(GET, deadline=30)
        await transport.close()
    assert caught.value.code in ("upstream_truncated", "upstream_reset")


@pytest.mark.parametrize("kind", [FastTransport, AiohttpTransport])
@pytest.mark.parametrize("speaks_tls", [True, False])
async def test_no_trust_no_exchange(
    kind: Kind, speaks_tls: bool, certificate: tuple[Path, Path], served: ssl.SSLContext
) -> None:
    """An unknown certificate, or no TLS at all, is an upstream that cannot be reached; nothing is sent."""

    async def plain(peer: Peer) -> None:
        await peer.send(ok(status="400 This is no TLS"))
        await peer.gone()

    script, tls = (answers(ok()), served) if speaks_tls else (plain, None)
    async with serving(script, tls=tls) as server:
        url = server.url.replace("http:", "https:")
        transport = kind(url, limits=LIMITS)
        with pytest.raises(UpstreamError) as caught:
            await transport.send(GET, deadline=30)
        await transport.close()
    assert (caught.value.status, caught.value.code) == (503, "upstream_unavailable")
    assert server.requests == []


async def test_the_system_is_asked_once() -> None:
    """Upstreams without TLS settings of their own share one context, and only those over TLS have any."""
    first, second, own, plain = (
        FastTransport(url, limits=LIMITS, ssl_context=context)
        for url, context in (
            ("https://one.example", None),
            ("https://two.example", None),
            ("https://three.example", ssl.create_default_context()),
            ("http://four.example", None),
        )
    )
    assert first._ssl is second._ssl
    assert first._ssl is not None
    assert own._ssl is not first._ssl
    assert plain._ssl is None
    for transport in (first, second, own, plain):
        await transport.close()
