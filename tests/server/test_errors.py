"""The one error shape: what no route knows, and what goes wrong inside."""

import logging

import aiohttp
import msgspec
import pytest

from firewall.errors import UpstreamError
from tests.server.asking import GOVERN, WORKED, refusal
from tests.server.conftest import Reopened
from tests.sidecar import Sidecar

ROUTES = {"/healthz": "GET", "/readyz": "GET", "/metrics": "GET", "/v1/policy": "GET", GOVERN: "POST"}


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v2/memory/govern", "/v1/memory/govern/", "/mem0/x", "/%00"]
)
async def test_an_unknown_path(http: aiohttp.ClientSession, keyless: Sidecar, path: str) -> None:
    """What is not there is a 404 in JSON."""
    async with http.get(keyless.url + path) as response:
        await refusal(response, 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ROUTES)
async def test_a_wrong_method(http: aiohttp.ClientSession, keyless: Sidecar, path: str, method: str) -> None:
    """A known path asked in a wrong way is a 405 in JSON that names the right ones."""
    async with http.request(method, keyless.url + path) as response:
        await refusal(response, 405, "method_not_allowed")
        assert ROUTES[path] in response.headers["Allow"].split(",")


@pytest.mark.parametrize("path", [path for path, method in ROUTES.items() if method == "GET"])
async def test_head(http: aiohttp.ClientSession, keyless: Sidecar, path: str) -> None:
    """HEAD says what GET would, without the body."""
    async with http.get(keyless.url + path) as whole, http.head(keyless.url + path) as head:
        assert head.status == whole.status == 200
        assert head.headers["Content-Type"] == whole.headers["Content-Type"]
        assert await head.read() == b""


async def test_an_internal_error_tells_nothing(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug is a 500 without details; the log has its type, and neither has its message."""

    def raising() -> object:
        raise ValueError("secret detail /etc/passwd")

    services = msgspec.structs.replace(keyless.house.services, policy=raising)
    async with reopened(keyless.house, services=services) as url:
        with caplog.at_level(logging.ERROR):
            async with http.post(url + GOVERN, json=WORKED) as response:
                body = await refusal(response, 500, "internal_error")
    assert "secret" not in str(body)
    assert [record.__dict__["error"] for record in caplog.records] == ["ValueError"]
    assert "secret detail" not in caplog.text


async def test_an_overload_says_when_to_come_back(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened
) -> None:
    """A failure that passes carries Retry-After in whole seconds, at least one."""

    def full() -> object:
        raise UpstreamError(503, "overloaded", "too much at one time", retry_after=0.2)

    async with reopened(keyless.house, slot=full) as url, http.post(url + GOVERN, json=WORKED) as response:
        await refusal(response, 503, "overloaded")
        assert response.headers["Retry-After"] == "1"


async def test_a_request_that_is_no_http(keyless: Sidecar) -> None:
    """Garbage on the socket gets a 400 and the end of the connection; memfw goes on."""
    import asyncio
    from urllib.parse import urlsplit

    port = urlsplit(keyless.url).port
    for garbage in (
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        answer = await reader.read()
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
        assert b"Traceback" not in answer
        writer.close()
        await writer.wait_closed()
    async with aiohttp.ClientSession() as session, session.get(keyless.url + "/healthz") as response:
        assert response.status == 200
