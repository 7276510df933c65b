"""Doubles of two vector stores on the wire, as far as their search routes go.

Qdrant: its REST interface of version 1 as the OpenAPI description has it (`{"result", "status", "time"}` around every
answer, points with `id`, `version`, `score`, `payload`, `vector`; filters `must` of `{"key", "match": {"value"}}`; default
limit 10, no payload unless asked for). The tests ask it through the vendor's own client, which checks every answer against
its models. Chroma: its HTTP interface v2 (columns as arrays of arrays for `query`, as arrays for `get`, `include`, `where`
with `$and`), written down from its documentation; no client checks it here.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from tests.backends.serving import listening

COLLECTION = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A stored record; the order in which they are stored is the order in which they are near."""

    id: int | str
    text: str
    metadata: Mapping[str, object] = {}


class StoreDouble:
    """`asked` are the bodies of the requests, with their path and headers."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.url = ""
        self.points = list(points)
        self.asked: list[tuple[str, Mapping[str, str], Any]] = []

    async def body(self, request: web.Request) -> Any:
        """The JSON of a request, remembered."""
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.path, dict(request.headers), body))
        return body


class QdrantDouble(StoreDouble):
    async def query(self, request: web.Request) -> web.Response:
        body = await self.body(request)
        return _qdrant({"points": self._found(body, default=10)})

    async def search(self, request: web.Request) -> web.Response:
        return _qdrant(self._found(await self.body(request), default=10))

    async def scroll(self, request: web.Request) -> web.Response:
        body = await self.body(request)
        start = body.get("offset") or 0
        rows = self._found({**body, "limit": 1_000}, default=1_000)
        end = start + body.get("limit", 10)
        return _qdrant({"points": rows[start:end], "next_page_offset": end if end < len(rows) else None})

    async def retrieve(self, request: web.Request) -> web.Response:
        body = await self.body(request)
        return _qdrant([row for row in self._found(body, default=1_000) if row["id"] in body["ids"]])

    async def point(self, request: web.Request) -> web.Response:
        await self.body(request)
        for row in self._found({"with_payload": True}, default=1_000):
            if str(row["id"]) == request.match_info["id"]:
                return _qdrant(row)
        return web.json_response({"status": {"error": "Not found"}, "time": 0.0}, status=404)

    async def version(self, request: web.Request) -> web.Response:
        await self.body(request)
        return web.json_response({"title": "qdrant - vector search engine", "version": "1.15.0"})

    def _found(self, body: Mapping[str, Any], *, default: int) -> list[dict[str, Any]]:
        must = (body.get("filter") or {}).get("must") or []
        rows = []
        for place, point in enumerate(self.points):
            payload = {"text": point.text, **point.metadata}
            if all(payload.get(part["key"]) == part["match"]["value"] for part in must):
                row: dict[str, Any] = {"id": point.id, "version": 3, "score": 1.0 - place / 100}
                rows.append({**row, "payload": payload if body.get("with_payload") else None})
        return rows[: body.get("limit") or default]


class ChromaDouble(StoreDouble):
    async def query(self, request: web.Request) -> web.Response:
        body = await self.body(request)
        rows = self._found(body.get("where"))[: body.get("n_results", 10)]
        questions = len(body["query_embeddings"])
        columns = _columns(rows, body.get("include", ["documents", "metadatas", "distances"]))
        answer = {name: None if column is None else [column] * questions for name, column in columns.items()}
        return web.json_response({**answer, "include": body.get("include")})

    async def get(self, request: web.Request) -> web.Response:
        body = await self.body(request)
        rows = [row for row in self._found(body.get("where")) if row.id in (body.get("ids") or [row.id])]
        columns = _columns(rows, body.get("include", ["documents", "metadatas"]))
        del columns["distances"]
        return web.json_response({**columns, "include": body.get("include")})

    async def version(self, request: web.Request) -> web.Response:
        await self.body(request)
        return web.json_response("1.0.0")

    def _found(self, where: Any) -> list[Point]:
        return [point for point in self.points if _holds(where, point.metadata)]


def _holds(where: Any, metadata: Mapping[str, object]) -> bool:
    if not where:
        return True
    ((key, value),) = where.items()  # one operator or one field, as Chroma wants it
    if key == "$and":
        return all(_holds(part, metadata) for part in value)
    if key == "$or":
        return any(_holds(part, metadata) for part in value)
    wanted: object = value["$eq"] if isinstance(value, dict) else value
    return metadata.get(key) == wanted


def _columns(rows: Sequence[Point], include: Sequence[str]) -> dict[str, Any]:
    return {
        "ids": [row.id for row in rows],
        "documents": [row.text for row in rows] if "documents" in include else None,
        "metadatas": [dict(row.metadata) for row in rows] if "metadatas" in include else None,
        "distances": [place / 100 for place, _ in enumerate(rows)] if "distances" in include else None,
        "embeddings": None,
        "uris": None,
    }


def _qdrant(result: object) -> web.Response:
    return web.json_response({"result": result, "status": "ok", "time": 0.001})


@asynccontextmanager
async def qdrant_double(*points: Point) -> AsyncIterator[QdrantDouble]:
    double = QdrantDouble(points)
    app = web.Application()
    app.router.add_get("/", double.version)
    app.router.add_post("/collections/{collection}/points/query", double.query)
    app.router.add_post("/collections/{collection}/points/search", double.search)
    app.router.add_post("/collections/{collection}/points/scroll", double.scroll)
    app.router.add_post("/collections/{collection}/points", double.retrieve)
    app.router.add_get("/collections/{collection}/points/{id}", double.point)
    async with listening(app) as url:
        double.url = url
        yield double


@asynccontextmanager
async def chroma_double(*points: Point) -> AsyncIterator[ChromaDouble]:
    double = ChromaDouble(points)
    app = web.Application()
    app.router.add_get("/api/v2/version", double.version)
    app.router.add_post(COLLECTION + "/query", double.query)
    app.router.add_post(COLLECTION + "/get", double.get)
    async with listening(app) as url:
        double.url = url
        yield double
