"""An upstream in every kind of trouble: the right error in Mem0's shape, nothing half-parsed, and memfw stays up."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.backends.mem0_double import Answer, Gate, PlatformDouble, Trouble, platform_double
from tests.conformance.clients import KINDS, RealClient, ask, real_client, without_firewall
from tests.sidecar import Sidecar, mem0_at, sidecar

ROW = {"id": "11111111-1111-4111-8111-111111111111", "memory": "Likes green tea", "user_id": "u1"}
WHOLE = {"results": [ROW]}
HTML = b"<html><body>Likes green tea</body></html>"
JSON = ("Content-Type", "application/json")
GZIP = ("Content-Encoding", "gzip")
PATIENT = {"breaker": {"failures": 1000, "reset": 0.1}}


def as_json(value: object, status: int = 200, *headers: tuple[str, str]) -> Trouble:
    return Trouble(answer=Answer(status=status, headers=(JSON, *headers), body=json.dumps(value).encode()))


def as_html(status: int, *headers: tuple[str, str]) -> Trouble:
    return Trouble(answer=Answer(status=status, headers=(("Content-Type", "text/html"), *headers), body=HTML))


def packed(body: bytes) -> Trouble:
    return Trouble(answer=Answer(headers=(JSON, GZIP), body=body))


@dataclass(frozen=True, slots=True)
class Fault:
    """A trouble, and what the real client has to make of memfw's answer. `code` is ours; None where the upstream's goes on."""

    trouble: Trouble
    raises: str
    status: int
    code: str | None
    details: dict[str, Any] = field(default_factory=dict)


FAULTS = {
    "resetting": Fault(Trouble(reset=True), "NetworkError", 502, "upstream_reset"),
    "truncated": Fault(Trouble(cut=20), "NetworkError", 502, "upstream_truncated"),
    "html": Fault(as_html(200), "NetworkError", 502, "upstream_invalid"),
    "no body": Fault(Trouble(answer=Answer()), "NetworkError", 502, "upstream_invalid"),
    "half of the json": Fault(
        Trouble(answer=Answer(body=b'{"results": [{"id": "m1", "memory": "Likes')),
        "NetworkError",
        502,
        "upstream_invalid",
    ),
    "another object": Fault(as_json({"foo": 1}), "NetworkError", 502, "upstream_invalid"),
    "a number": Fault(as_json(7), "NetworkError", 502, "upstream_invalid"),
    "rows that are none": Fault(as_json({"results": [1, 2]}), "NetworkError", 502, "upstream_invalid"),
    "a row without text": Fault(
        as_json({"results": [{"id": "m1"}, ROW]}), "NetworkError", 502, "upstream_invalid"
    ),
    "an object of rows": Fault(as_json({"results": {"m1": ROW}}), "NetworkError", 502, "upstream_invalid"),
    "huge": Fault(
        Trouble(answer=Answer(body=b"[" + b" " * 200_000 + b"]")), "NetworkError", 502, "upstream_too_large"
    ),
    "a bomb": Fault(
        packed(gzip.compress(b"[" + b" " * 200_000 + b"]")), "NetworkError", 502, "upstream_too_large"
    ),
    "gzip that is none": Fault(packed(b"no gzip at all"), "NetworkError", 502, "upstream_invalid"),
    "500 html": Fault(as_html(500), "MemoryError", 500, "upstream_error"),
    "503 html": Fault(as_html(503, ("Retry-After", "3")), "NetworkError", 503, "upstream_error"),
    "500 json": Fault(
        as_json({"detail": "oops", "n": 1}, 500), "MemoryError", 500, None, {"detail": "oops", "n": 1}
    ),
    "400 json": Fault(
        as_json({"error": "bad uuid"}, 400), "ValidationError", 400, None, {"error": "bad uuid"}
    ),
    "401 json": Fault(as_json({"detail": "no"}, 401), "AuthenticationError", 401, None, {"detail": "no"}),
    "404 json": Fault(
        as_json({"error": "Memory not found!"}, 404),
        "MemoryNotFoundError",
        404,
        None,
        {"error": "Memory not found!"},
    ),
    "413 json": Fault(
        as_json({"detail": "quota"}, 413), "MemoryQuotaExceededError", 413, None, {"detail": "quota"}
    ),
    "429": Fault(
        as_json({"detail": "slow down"}, 429, ("Retry-After", "7"), ("X-RateLimit-Limit", "10")),
        "RateLimitError",
        429,
        None,
        {"detail": "slow down"},
    ),
    "redirect": Fault(
        Trouble(answer=Answer(status=302, headers=(("Location", "http://evil.example/"),))),
        "NetworkError",
        502,
        "upstream_redirect",
    ),
    "307": Fault(
        as_json(WHOLE, 307, ("Location", "/v1/elsewhere/")), "NetworkError", 502, "upstream_redirect"
    ),
}

CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "search": (("tea",), {"filters": {"user_id": "u1"}}),
    "get_all": ((), {"filters": {"user_id": "u1"}}),
    "get": ((ROW["id"],), {}),
}


@pytest.fixture
async def double() -> AsyncIterator[PlatformDouble]:
    async with platform_double() as running:
        running.answer("POST", "/v3/memories/search/", WHOLE)
        running.answer("POST", "/v3/memories/", WHOLE)
        running.answer("GET", f"/v1/memories/{ROW['id']}/", ROW)
        yield running


@pytest.fixture
async def memfw(double: PlatformDouble, tmp_path: Path) -> AsyncIterator[Sidecar]:
    config = {"upstreams": mem0_at(double.url, **PATIENT), "limits": {"answer_bytes": 100_000}}
    async with sidecar(tmp_path, config) as running:
        yield running


@pytest.fixture(params=KINDS)
async def client(request: pytest.FixtureRequest, memfw: Sidecar) -> AsyncIterator[RealClient]:
    async with real_client(memfw.mem0, "k", request.param) as one:
        yield one


async def error_of(client: RealClient, name: str, *arguments: Any, **named: Any) -> Any:
    """The exception of the package that a call ends with."""
    from mem0.exceptions import MemoryError as ClientError

    with pytest.raises(ClientError) as raised:
        await client(name, *arguments, **named)
    return raised.value


@pytest.mark.parametrize("name", FAULTS)
async def test_trouble_is_the_right_exception_and_passes(
    client: RealClient, double: PlatformDouble, memfw: Sidecar, name: str
) -> None:
    """search, get_all and get: class, status, code; no text of the broken answer; and the next call works."""
    fault = FAULTS[name]
    for call, (arguments, named) in CALLS.items():
        if name == "another object" and call == "get":
            continue  # tested below: a row, but without an id
        double.trouble(fault.trouble, times=10)
        error = await error_of(client, call, *arguments, **named)
        assert (type(error).__name__, error.error_code) == (fault.raises, f"HTTP_{fault.status}"), call
        if fault.code is None:
            assert error.details == fault.details
        else:
            assert error.details["code"] == fault.code
            assert error.details["detail"]
        assert "green tea" not in str(error.details) + str(error)
        double.calm()
        assert without_firewall(await client(call, *arguments, **named)) == (ROW if call == "get" else WHOLE)
    assert (await ask(memfw.url, "GET", "/readyz")).status == 200


async def test_limits_of_the_upstream_reach_the_client(client: RealClient, double: PlatformDouble) -> None:
    """Retry-After and the rate limit headers are what the client's RateLimitError needs."""
    double.trouble(FAULTS["429"].trouble)
    error = await error_of(client, "search", "tea", filters={"user_id": "u1"})
    assert error.debug_info["retry_after"] == 7
    assert error.debug_info["x_ratelimit_limit"] == "10"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_upstream_that_never_answers(tmp_path: Path, double: PlatformDouble, kind: str) -> None:
    """The deadline of the config ends it: 504, the client's NetworkError; memfw and the client go on."""
    gate = Gate()
    impatient = {**mem0_at(double.url), "slow": mem0_at(double.url, timeouts={"total": 0.2})["mem0"]}
    async with sidecar(tmp_path, {"upstreams": impatient}) as memfw:
        async with real_client(f"{memfw.url}/slow", "k", kind) as client:
            double.trouble(Trouble(gate=gate))
            error = await error_of(client, "search", "tea", filters={"user_id": "u1"})
            assert (type(error).__name__, error.error_code) == ("NetworkError", "HTTP_504")
            assert error.details["code"] == "upstream_timeout"
        gate.opened.set()
        async with real_client(memfw.mem0, "k", kind) as client:
            assert without_firewall(await client("search", "tea", filters={"user_id": "u1"})) == WHOLE


async def test_a_write_is_never_sent_twice(client: RealClient, double: PlatformDouble) -> None:
    """A connection that breaks under a write is an error at once; a read is tried once more, and no more."""
    await client("search", "tea", filters={"user_id": "u1"})
    double.received.clear()
    double.trouble(Trouble(reset=True))
    error = await error_of(client, "add", "I like tea", user_id="u1")
    assert error.error_code == "HTTP_502"
    assert len(double.received) == 1
    double.calm()
    double.received.clear()
    double.trouble(Trouble(reset=True), times=10)
    await error_of(client, "search", "tea", filters={"user_id": "u1"})
    assert len(double.received) <= 2


async def test_a_write_that_is_answered_badly(client: RealClient, double: PlatformDouble) -> None:
    """What came of the write is not known: an error, not an invented success."""
    for name in ("html", "truncated", "a number", "500 html"):
        double.trouble(FAULTS[name].trouble)
        error = await error_of(client, "add", "I like tea", user_id="u1")
        assert type(error).__name__ in {"NetworkError", "MemoryError"}, name
        assert error.details["code"].startswith("upstream_"), name


async def test_an_answer_that_is_packed_is_unpacked(client: RealClient, double: PlatformDouble) -> None:
    """gzip and deflate are not asked for, but read, governed and given on plainly."""
    double.trouble(packed(gzip.compress(json.dumps(WHOLE).encode())))
    assert without_firewall(await client("search", "tea", filters={"user_id": "u1"})) == WHOLE


async def test_nobody_is_there(tmp_path: Path, double: PlatformDouble) -> None:
    """A client that is up when its upstream goes: 503, NetworkError; a new one fails as it would without us."""
    from mem0 import MemoryClient

    down = "http://127.0.0.1:1"
    async with sidecar(
        tmp_path, {"upstreams": {**mem0_at(double.url), "gone": mem0_at(down)["mem0"]}}
    ) as memfw:
        reply = await ask(
            f"{memfw.url}/gone", "POST", "/v3/memories/", key="k", body={"filters": {"user_id": "u1"}}
        )
        assert (reply.status, reply.json["code"]) == (503, "upstream_unavailable")
        with httpx.Client() as wire, pytest.raises(ValueError, match="cannot be reached"):
            await asyncio.to_thread(MemoryClient, api_key="k", host=f"{memfw.url}/gone", client=wire)
        async with real_client(memfw.mem0, "k") as client:
            assert without_firewall(await client("get_all", filters={"user_id": "u1"})) == WHOLE


async def test_an_upstream_that_keeps_failing_is_left_alone(tmp_path: Path, double: PlatformDouble) -> None:
    """The breaker opens: 503 with Retry-After, no request upstream, one gauge; the other upstream goes on."""
    failing = {"breaker": {"failures": 3, "reset": 600.0}}
    upstreams = {**mem0_at(double.url, **failing), "other": mem0_at(double.url)["mem0"]}
    body = {"filters": {"user_id": "u1"}}
    async with sidecar(tmp_path, {"upstreams": upstreams}) as memfw:
        double.trouble(FAULTS["503 html"].trouble, times=3)
        for _ in range(3):
            assert (await ask(memfw.mem0, "POST", "/v3/memories/", key="k", body=body)).status == 503
        double.received.clear()
        reply = await ask(memfw.mem0, "POST", "/v3/memories/", key="k", body=body)
        assert (reply.status, reply.json["code"]) == (503, "upstream_open")
        assert int(reply.headers["retry-after"]) >= 1
        assert double.received == []
        metrics = (await ask(memfw.url, "GET", "/metrics")).body.decode()
        assert 'memfw_breaker_open{upstream="mem0"} 1.0' in metrics
        assert 'memfw_breaker_open{upstream="other"} 0.0' in metrics
        assert (await ask(f"{memfw.url}/other", "POST", "/v3/memories/", key="k", body=body)).status == 200
