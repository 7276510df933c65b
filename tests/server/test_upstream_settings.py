"""What the config says of the way to an upstream, over real HTTP: whom to believe, what to show, what to add."""

import logging
import ssl
from pathlib import Path

import aiohttp
import msgspec
import pytest

from firewall.errors import ConfigError
from tests.backends.mem0_double import platform_double
from tests.certificates import Authority
from tests.proxy.scripted_server import Script, answers, ok, serving
from tests.sidecar import mem0_at, sidecar

SECRET = "hush-4711"
ROWS = {"results": [{"id": "m1", "memory": "a fact", "user_id": "u"}]}
SEARCH = {"query": "q", "filters": {"user_id": "u"}}


def script() -> Script:
    """A ping that passes, then a search that is governed."""
    json = "Content-Type: application/json"
    return answers(ok(b'{"status":"ok"}', json), ok(msgspec.json.encode(ROWS), json))


async def test_a_verified_upstream_with_headers_of_ours(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Its authority is believed, our certificate shown, our headers added, in passing and in governed traffic; what shows
    the upstream shows that it is verified, and neither where it is nor a header."""
    authority = Authority(tmp_path)
    theirs, ours = authority.issue("theirs"), authority.issue("ours", password=SECRET)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca)
    served.verify_mode = ssl.CERT_REQUIRED
    served.load_cert_chain(theirs.cert, theirs.key)
    tls = {
        "ca": str(authority.ca),
        "client_cert": str(ours.cert),
        "client_key": "env:CLIENT_KEY",
        "client_key_password": "env:SECRET",
    }
    environ = {"CLIENT_KEY": ours.key.read_text(), "SECRET": SECRET}
    async with serving(script(), tls=served) as server:
        config = {
            "upstreams": mem0_at(server.url, tls=tls, headers={"X-Gate-Secret": "env:SECRET", "X-Team": "a"})
        }
        async with sidecar(tmp_path, config, environ=environ) as running:
            mine = {"Authorization": "Token m0-mine", "X-Team": "b", "x-gate-secret": "guess"}
            async with http.get(f"{running.mem0}/v1/ping/", headers=mine) as got:
                assert got.status == 200
                await got.read()
            async with http.post(f"{running.mem0}/v3/memories/search/", json=SEARCH, headers=mine) as got:
                assert [row["id"] for row in (await got.json())["results"]] == ["m1"]
            async with http.get(f"{running.url}/v1/upstreams") as got:
                text = await got.text()
                (upstream,) = (await got.json())["upstreams"]
            assert upstream["tls"] == "verified"
            assert SECRET not in text
            assert server.url.removeprefix("https://") not in text
    assert len(server.requests) == 2
    for sent in server.requests:
        assert sent.count(SECRET.encode()) == 1
        assert b"guess" not in sent
        assert b"X-Team: a\r\n" in sent
        assert b"X-Team: b\r\n" not in sent
        assert b"Authorization: Token m0-mine\r\n" in sent


async def test_an_upstream_that_is_not_verified_is_said(
    http: aiohttp.ClientSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, by name, and to whoever asks for the upstreams."""
    issued = Authority(tmp_path).issue(host="10.9.8.7")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(issued.cert, issued.key)
    async with serving(script(), tls=served) as server:
        config = {
            "upstreams": {
                **mem0_at(server.url, tls={"verify": False}),
                "plain": {"dialect": "mem0", "url": "http://127.0.0.1:1"},
            }
        }
        with caplog.at_level(logging.WARNING, "memfw"):
            async with sidecar(tmp_path, config, environ={}) as running:
                async with http.get(f"{running.mem0}/v1/ping/") as got:
                    assert got.status == 200
                    await got.read()
                async with http.get(f"{running.url}/v1/upstreams") as got:
                    shown = {entry["name"]: entry["tls"] for entry in (await got.json())["upstreams"]}
    assert shown == {"mem0": "unverified", "plain": "none"}
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.getMessage() == "who answers as this upstream is not verified"
    assert vars(warning)["upstream"] == "mem0"


async def test_an_upstream_that_is_not_believed(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Without its authority it cannot be reached; nothing is sent there."""
    issued = Authority(tmp_path).issue()
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(issued.cert, issued.key)
    async with (
        serving(script(), tls=served) as server,
        sidecar(tmp_path, {"upstreams": mem0_at(server.url)}, environ={}) as running,
    ):
        for path in ("/v1/ping/", "/v1/memories/m1/"):
            async with http.get(running.mem0 + path, headers={"Authorization": f"Token {SECRET}"}) as got:
                assert got.status == 503
                assert SECRET not in await got.text()
    assert server.requests == []


async def test_files_of_an_upstream_that_cannot_be_used(tmp_path: Path) -> None:
    """The start names the file."""
    config = {"upstreams": mem0_at("https://127.0.0.1:1", tls={"ca": str(tmp_path / "gone.pem")})}
    with pytest.raises(ConfigError, match=r"gone\.pem: No such file"):
        async with sidecar(tmp_path, config, environ={}):
            pass


async def test_links_that_we_write_are_https_where_we_are(tmp_path: Path) -> None:
    """Clients come back to us over TLS, unless the config says how they reach us."""
    tls = {"cert": "a.pem", "key": "b.pem"}
    for listen, base in (
        ({"port": 1, "tls": tls}, "https://127.0.0.1:1/mem0"),
        (
            {"port": 1, "tls": tls, "public_url": "http://memory.example.com"},
            "http://memory.example.com/mem0",
        ),
        ({"port": 1}, "http://127.0.0.1:1/mem0"),
    ):
        config = {"upstreams": mem0_at("http://127.0.0.1:1"), "listen": listen}
        async with sidecar(tmp_path, config, environ={}) as running:
            assert [pipeline.mount.public_base for pipeline in running.house.pipelines] == [base]


@pytest.mark.parametrize("path", ["/v1/ping/", "/v1/memories/m1/"])
async def test_an_error_that_repeats_what_memfw_holds(
    http: aiohttp.ClientSession, tmp_path: Path, path: str
) -> None:
    """Where memfw holds the key, an upstream's error that says it reaches the client without its text, passed on or
    governed; so does one too long to be looked at. Any other error is told as it came."""
    held = "m0-a-key-that-memfw-holds"
    async with platform_double() as double:
        config = {"upstreams": mem0_at(double.url, auth={"inject": "env:HELD"})}
        async with sidecar(tmp_path, config, environ={"HELD": held}) as running:
            for said, told in (
                ({"detail": "no such plan"}, True),
                ({"detail": f"{held} is no good"}, False),
                ({"detail": "x" * 100_000}, path != "/v1/ping/"),
            ):
                double.answer("GET", path, said, status=401)
                async with http.get(running.mem0 + path) as got:
                    assert got.status == 401
                    text = await got.text()
                assert (said["detail"] in text) is told
                assert held not in text
