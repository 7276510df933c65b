"""An index that fails in every way: its error in its own shape, or ours; never half an answer, never one that is not judged."""

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from tests.backends.pinecone_double import PineconeDouble
from tests.backends.serving import listening
from tests.conformance.clients import Reply, ask
from tests.conformance.pinecone_clients import AGENT, POISON, mounted

ROWS = msgspec.json.encode(
    {
        "matches": [
            {"id": "bad", "score": 1.0, "values": [], "metadata": {"text": POISON}},
            {"id": "good", "score": 0.5, "values": [], "metadata": {"text": "Likes green tea"}},
        ],
        "namespace": "",
    }
)
LIMITED = b'{"code":8,"message":"Too many requests","details":[]}'

Fault = Callable[[web.Request], web.StreamResponse]


def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _plain(**settings: object) -> Fault:
    return lambda _request: web.Response(**settings)  # type: ignore[arg-type]


@asynccontextmanager
async def faulty(fault: Fault) -> AsyncIterator[PineconeDouble]:
    """A service whose one index answers every query with that fault."""
    double = PineconeDouble()

    async def described(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"name": "docs", "host": double.host_of("docs")})

    async def failing(request: web.Request) -> web.StreamResponse:
        await request.read()
        return fault(request)

    app = web.Application()
    app.router.add_route("GET", "/indexes/docs", described)
    app.router.add_route("POST", "/i/docs/query", failing)
    async with listening(app) as url:
        double.url = url
        yield double


async def queried(folder: Path, fault: Fault) -> Reply:
    key = (("Api-Key", AGENT),)
    async with faulty(fault) as double, mounted(folder, double) as url:
        host = (await ask(url, "GET", "/indexes/docs", headers=key)).json["host"]
        return await ask(host, "POST", "/query", headers=key, body={"topK": 2, "vector": [1]})


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (_reset, 502),
        (_plain(body=ROWS[:-20], content_type="application/json"), 502),
        (_plain(body=b"<html>busy</html>", content_type="text/html"), 502),
        (_plain(body=b"", content_type="application/json"), 502),
        (_plain(status=302, headers={"Location": "http://evil.test/"}), 502),
        (_plain(status=500, body=b"Traceback", content_type="text/plain"), 500),
        (_plain(status=503, body=b"", headers={"Retry-After": "3"}), 503),
    ],
    ids=["reset", "truncated", "html", "empty", "redirect", "500", "503"],
)
async def test_a_failing_index_gives_an_error_in_its_shape(tmp_path: Path, fault: Fault, status: int) -> None:
    """A number, a message and nothing of what it said."""
    reply = await queried(tmp_path, fault)
    assert reply.status == status
    assert isinstance(reply.json["code"], int)
    assert isinstance(reply.json["message"], str)
    assert b"Traceback" not in reply.body
    assert b"evil" not in reply.body


async def test_a_limit_comes_through_with_its_time(tmp_path: Path) -> None:
    """429 in the service's own words; clients wait as long as it says."""
    fault = _plain(status=429, body=LIMITED, content_type="application/json", headers={"Retry-After": "7"})
    reply = await queried(tmp_path, fault)
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (429, LIMITED, "7")


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_what_is_whole_is_judged_whatever_it_calls_itself(tmp_path: Path, kind: str) -> None:
    """Compressed, and under another content type: the poisoned row is withheld all the same."""
    fault = _plain(body=gzip.compress(ROWS), content_type=kind, headers={"Content-Encoding": "gzip"})
    reply = await queried(tmp_path, fault)
    assert reply.status == 200
    assert [match["id"] for match in reply.json["matches"]] == ["good"]
    assert reply.headers["content-type"] == "application/json"
