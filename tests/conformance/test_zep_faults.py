"""A Zep or a Graphiti that fails in every way: its error in its own shape, or ours; never half an answer, never one that is not judged."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.graphiti import GraphitiDialect
from adapters.zep import ZepDialect
from firewall.ports import Dialect
from tests.backends.serving import listening
from tests.conformance.clients import Reply, ask
from tests.conformance.zep_clients import AGENT, POISON, mounted

Fault = Callable[[web.Request], web.StreamResponse]
Door = tuple[Dialect, str, dict[str, Any], str]

FACT = {
    "uuid": "good",
    "name": "USES",
    "fact": "The checkout team uses the new adapter",
    "created_at": "2026-01-05T10:00:00Z",
    "source_node_uuid": "n1",
    "target_node_uuid": "n2",
}
ROWS = [{**FACT, "uuid": "bad", "name": "SAYS", "fact": POISON}, FACT]
DOORS: dict[str, Door] = {
    "zep-3": (ZepDialect("memory"), "/api/v2/graph/search", {"query": "q", "user_id": "u1"}, "edges"),
    "zep-4": (ZepDialect("memory"), "/api/v4/graphs/g/search/edges", {"query": "q"}, "items"),
    "graphiti": (GraphitiDialect("memory"), "/search", {"query": "q", "group_ids": ["g"]}, "facts"),
}
doors = pytest.mark.parametrize("door", DOORS)


def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _plain(**settings: object) -> Fault:
    return lambda _request: web.Response(**settings)  # type: ignore[arg-type]


async def asked(folder: Path, door: str, fault: Fault) -> Reply:
    dialect, path, body, _ = DOORS[door]

    async def failing(request: web.Request) -> web.StreamResponse:
        await request.read()
        return fault(request)

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", failing)
    async with listening(app) as upstream, mounted(folder, upstream, dialect) as url:
        return await ask(url, "POST", path, headers=[("Authorization", f"Bearer {AGENT}")], body=body)


def rows(door: str) -> bytes:
    return json.dumps({DOORS[door][3]: ROWS}).encode()


@doors
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (_reset, 502),
        (_plain(body=b"<html>busy</html>", content_type="text/html"), 502),
        (_plain(body=b"", content_type="application/json"), 502),
        (_plain(body=b'{"edges":[{"uuid":"e","fact":"half', content_type="application/json"), 502),
        (_plain(body=b"[]", content_type="application/json"), 502),
        (_plain(status=302, headers={"Location": "http://evil.test/"}), 502),
        (_plain(status=500, body=b"Traceback", content_type="text/plain"), 500),
        (_plain(status=503, body=b"", headers={"Retry-After": "3"}), 503),
    ],
    ids=["reset", "html", "empty", "truncated", "bare", "redirect", "500", "503"],
)
async def test_a_failing_upstream_gives_an_error_in_its_shape(
    tmp_path: Path, door: str, fault: Fault, status: int
) -> None:
    """A message, and nothing of what it said."""
    reply = await asked(tmp_path, door, fault)
    assert reply.status == status
    assert isinstance(reply.json["detail" if door == "graphiti" else "message"], str)
    assert not any(word in reply.body for word in (b"Traceback", b"evil", b"half", b"busy"))
    assert reply.headers.get("retry-after") == ("3" if status == 503 else None)


@doors
async def test_a_limit_comes_through_with_its_time(tmp_path: Path, door: str) -> None:
    """429 in the service's own words; clients wait as long as it says."""
    body = b'{"message":"slow down"}'
    fault = _plain(status=429, body=body, content_type="application/json", headers={"Retry-After": "7"})
    reply = await asked(tmp_path, door, fault)
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (429, body, "7")


@doors
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_what_is_whole_is_judged_whatever_it_calls_itself(tmp_path: Path, door: str, kind: str) -> None:
    """Compressed, and under another content type: the poisoned fact is withheld all the same."""
    packed = gzip.compress(rows(door))
    reply = await asked(
        tmp_path, door, _plain(body=packed, content_type=kind, headers={"Content-Encoding": "gzip"})
    )
    assert reply.status == 200
    assert reply.json[DOORS[door][3]] == [FACT]
    assert reply.headers["content-type"] == "application/json"


@doors
async def test_a_search_that_calls_itself_a_stream_is_no_stream(tmp_path: Path, door: str) -> None:
    """Only a query may be answered with events; facts in them would not be judged one by one."""
    stream = b"event: message\ndata: " + rows(door) + b"\n\n"
    for body, kind in ((stream, "text/event-stream"), (rows(door), "text/event-stream")):
        reply = await asked(tmp_path, door, _plain(body=body, content_type=kind))
        assert POISON.encode() not in reply.body
        assert reply.status in (200, 502)
        if reply.status == 200:
            assert reply.json[DOORS[door][3]] == [FACT]
