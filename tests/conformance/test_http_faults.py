"""A described API in every kind of trouble: the right error, nothing half-parsed, and memfw stays up."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.backends.mem0_double import Answer, Gate, PlatformDouble, Trouble, platform_double
from tests.conformance.clients import Reply, ask
from tests.sidecar import Sidecar, sidecar

GOOD = {"id": "1", "text": "Likes green tea"}
WHOLE = {"hits": [GOOD], "took": 1}
JSON = ("Content-Type", "application/json")
PATIENT = {"breaker": {"failures": 1000, "reset": 0.1}}
READ = {"path": "/search", "list": "/hits", "text": ["/text"], "limit": "/limit"}


def api_at(url: str, **settings: object) -> dict[str, object]:
    return {"api": {"dialect": "http", "url": url, "reads": [{**READ, "text": ["/text"]}], **settings}}


def packed(body: bytes) -> Trouble:
    headers = (JSON, ("Content-Encoding", "gzip"))
    return Trouble(answer=Answer(headers=headers, body=body))


def plain(
    body: bytes, status: int = 200, *headers: tuple[str, str], kind: str = "application/json"
) -> Trouble:
    return Trouble(answer=Answer(status=status, headers=(("Content-Type", kind), *headers), body=body))


#: Trouble, the status that the client sees, and our code; None where the upstream's own error goes on.
FAULTS: dict[str, tuple[Trouble, int, str | None]] = {
    "reset": (Trouble(reset=True), 502, "upstream_reset"),
    "truncated": (Trouble(cut=10), 502, "upstream_truncated"),
    "html": (plain(b"<html>Likes green tea</html>", kind="text/html"), 502, "upstream_invalid"),
    "nothing": (Trouble(answer=Answer()), 502, "upstream_invalid"),
    "half": (plain(b'{"hits":[{"id":"1","text":"Likes'), 502, "upstream_invalid"),
    "another object": (plain(b'{"results":[]}'), 502, "upstream_invalid"),
    "an array": (plain(b"[]"), 502, "upstream_invalid"),
    "a list that is none": (plain(b'{"hits":{"text":"Likes green tea"}}'), 502, "upstream_invalid"),
    "no utf-8": (plain(b'{"hits":["\xff"]}'), 502, "upstream_invalid"),
    "deep": (plain(b'{"hits":' + b"[" * 50_000 + b"]" * 50_000 + b"}"), 502, "upstream_invalid"),
    "huge": (plain(b'{"hits":[' + b" " * 200_000 + b"]}"), 502, "upstream_too_large"),
    "a bomb": (packed(gzip.compress(b'{"hits":[' + b" " * 200_000 + b"]}")), 502, "upstream_too_large"),
    "gzip that is none": (packed(b"no gzip"), 502, "upstream_invalid"),
    "500 html": (plain(b"Likes green tea", 500, kind="text/html"), 500, "upstream_error"),
    "503": (plain(b"", 503, ("Retry-After", "3"), kind="text/plain"), 503, "upstream_error"),
    "500 json": (plain(b'{"oops":1}', 500), 500, None),
    "429": (plain(b'{"slow":1}', 429, ("Retry-After", "7")), 429, None),
    "401": (plain(b'{"detail":"no"}', 401), 401, None),
    "redirect": (plain(b"{}", 302, ("Location", "http://evil.example/")), 502, "upstream_redirect"),
}


@pytest.fixture
async def double() -> AsyncIterator[PlatformDouble]:
    async with platform_double() as running:
        running.answer("POST", "/search", WHOLE)
        yield running


@pytest.fixture
async def memfw(double: PlatformDouble, tmp_path: Path) -> AsyncIterator[Sidecar]:
    config = {"upstreams": api_at(double.url, **PATIENT), "limits": {"answer_bytes": 110_000}}
    async with sidecar(tmp_path, config) as running:
        yield running


async def search(memfw: Sidecar, mount: str = "api") -> Reply:
    return await ask(f"{memfw.url}/{mount}", "POST", "/search", body={"q": "tea", "limit": 1})


@pytest.mark.parametrize("name", FAULTS)
async def test_trouble_is_an_error_and_passes(memfw: Sidecar, double: PlatformDouble, name: str) -> None:
    """Status and code; no text of the broken answer; and the next request works."""
    trouble, status, code = FAULTS[name]
    double.trouble(trouble, times=3)
    reply = await search(memfw)
    assert reply.status == status, reply.body
    assert b"green tea" not in reply.body
    if code is None:
        assert trouble.answer is not None
        assert reply.body == trouble.answer.body
    else:
        assert reply.json["error"]["code"] == code
        assert reply.json["error"]["message"]
    if status in {429, 503}:
        assert int(reply.headers["retry-after"]) >= 1
    double.calm()
    assert (await search(memfw)).json["hits"] == [GOOD]
    assert (await ask(memfw.url, "GET", "/readyz")).status == 200


async def test_a_packed_answer_is_unpacked(memfw: Sidecar, double: PlatformDouble) -> None:
    """gzip is not asked for, but read."""
    double.trouble(packed(gzip.compress(json.dumps(WHOLE).encode())))
    reply = await search(memfw)
    assert reply.json["hits"] == [GOOD]
    assert "content-encoding" not in reply.headers


async def test_an_upstream_that_is_slow_or_away(double: PlatformDouble, tmp_path: Path) -> None:
    """504 after the deadline of the config, 503 where nobody is; the other mounts go on."""
    upstreams = {
        **api_at(double.url),
        "slow": api_at(double.url, timeouts={"total": 0.2})["api"],
        "gone": api_at("http://127.0.0.1:1")["api"],
    }
    gate = Gate()
    async with sidecar(tmp_path, {"upstreams": upstreams}) as memfw:
        double.trouble(Trouble(gate=gate))
        slow = await search(memfw, "slow")
        assert (slow.status, slow.json["error"]["code"]) == (504, "upstream_timeout")
        gate.opened.set()
        gone = await search(memfw, "gone")
        assert (gone.status, gone.json["error"]["code"]) == (503, "upstream_unavailable")
        assert (await search(memfw)).json["hits"] == [GOOD]


async def test_a_failing_upstream_is_left_alone_and_says_so(double: PlatformDouble, tmp_path: Path) -> None:
    """The breaker opens, `GET /v1/upstreams` shows it, and nothing of where the upstream is."""
    breaking = {"breaker": {"failures": 2, "reset": 600.0}}
    upstreams = {**api_at(double.url, **breaking), "other": api_at(double.url)["api"]}
    async with sidecar(tmp_path, {"upstreams": upstreams}) as memfw:
        double.trouble(FAULTS["503"][0], times=2)
        for _ in range(2):
            await search(memfw)
        assert (await search(memfw)).json["error"]["code"] == "upstream_open"
        seen = await ask(memfw.url, "GET", "/v1/upstreams")
        assert {one["name"]: one["health"] for one in seen.json["upstreams"]} == {
            "api": "left_alone",
            "other": "ok",
        }
        assert seen.json["upstreams"][0]["routes"] == {"governed read": 1}
        assert "127.0.0.1" not in seen.body.decode()


@pytest.mark.parametrize("on_degraded", ["empty", "error"])
async def test_a_late_adjudication_admits_nothing(
    double: PlatformDouble, tmp_path: Path, on_degraded: str
) -> None:
    """An empty list that says so, or 503 by policy."""
    double.answer("POST", "/search", {"hits": [{**GOOD, "id": str(number)} for number in range(3_000)]})
    policy = {"limits": {"deadline_ms": 1}, "surfaces": {"drop_in": {"on_degraded": on_degraded}}}
    config = {"upstreams": api_at(double.url)}
    async with sidecar(tmp_path, config, policy=policy) as memfw:
        reply = await ask(f"{memfw.url}/api", "POST", "/search", body={"q": "tea"})
        if on_degraded == "error":
            assert (reply.status, reply.json["error"]["code"]) == (503, "degraded")
        else:
            assert (reply.status, reply.json["hits"]) == (200, [])
            assert reply.json["firewall"]["degraded"] == "deadline"


async def test_routes_that_are_not_described(double: PlatformDouble, tmp_path: Path) -> None:
    """Refused by default; with `unknown_routes: pass` they go through as they are, under memfw's key of the upstream."""
    double.answer("GET", "/stats", {"items": 3})
    passing = api_at(double.url, unknown_routes="pass", auth={"inject": "env:REAL"})["api"]
    config = {"upstreams": {**api_at(double.url), "open": passing}}
    async with sidecar(tmp_path, config, environ={"REAL": "real-key"}) as memfw:
        refused = await ask(f"{memfw.url}/api", "GET", "/stats")
        assert (refused.status, refused.json["error"]["code"]) == (403, "unknown_route")
        assert double.received == []
        passed = await ask(f"{memfw.url}/open", "GET", "/stats", key="mine")
        assert (passed.status, passed.json) == (200, {"items": 3})
        assert dict(double.received[0].headers)["Authorization"] == "Bearer real-key"
