"""A double of Pinecone's REST service on a random loopback port: control plane on the root, each index under `/i/<name>`.

Everything received is kept. `row_cap` makes it refuse answers that would be too large, `hosts` what it says of index hosts.
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from tests.backends.pinecone_engine import DEFAULT, EMBEDDED, Index, RefusedError, bad, embedded, fits
from tests.backends.serving import listening

KEY = "pc-real-key"
_NEW_SHAPE = "2026-01"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Received(msgspec.Struct, frozen=True):
    """One request as it came in."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


class PineconeDouble:
    """The service. `host_form` makes an index host of its address and name."""

    def __init__(self, host_form: str = "http://{address}/i/{name}") -> None:
        self.url = ""
        self.received: list[Received] = []
        self.indexes: dict[str, Index] = {}
        self.row_cap: int | None = None
        self._host_form = host_form
        self._imports: dict[str, dict[str, Any]] = {}

    def host_of(self, name: str) -> str:
        return self._host_form.format(address=self.url.removeprefix("http://"), name=name)

    def add(self, name: str, dimension: int = 3, *, text_field: str = "", metric: str = "cosine") -> Index:
        """An index without the control plane's ceremony."""
        index = Index(
            name=name, dimension=EMBEDDED if text_field else dimension, metric=metric, text_field=text_field
        )
        self.indexes[name] = index
        return index

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[self._edge])
        route = app.router.add_route
        route("GET", "/indexes", self._list)
        route("POST", "/indexes", self._create)
        route("POST", "/indexes/create-for-model", self._create)
        route("GET", "/indexes/{index}", self._describe)
        route("PATCH", "/indexes/{index}", self._configure)
        route("DELETE", "/indexes/{index}", self._drop)
        for method, path, handler in (
            ("POST", "/vectors/upsert", self._upsert),
            ("POST", "/query", self._query),
            ("GET", "/vectors/fetch", self._fetch),
            ("POST", "/vectors/fetch_by_metadata", self._fetch_by_metadata),
            ("GET", "/vectors/list", self._ids),
            ("POST", "/vectors/update", self._update),
            ("POST", "/vectors/delete", self._delete),
            ("POST", "/describe_index_stats", self._stats),
            ("POST", "/records/namespaces/{namespace}/upsert", self._upsert_records),
            ("POST", "/records/namespaces/{namespace}/search", self._search),
            ("POST", "/namespaces/{namespace}/documents/{what}", self._documents),
            ("GET", "/namespaces", self._namespaces),
            ("POST", "/namespaces", self._create_namespace),
            ("GET", "/namespaces/{namespace}", self._namespace),
            ("DELETE", "/namespaces/{namespace}", self._drop_namespace),
            ("POST", "/bulk/imports", self._import),
            ("GET", "/bulk/imports", self._import),
            ("GET", "/bulk/imports/{id}", self._import),
            ("DELETE", "/bulk/imports/{id}", self._import),
        ):
            route(method, "/i/{index}" + path, handler)
        return app

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Api-Key") != KEY:
            raise RefusedError(401, 16, "Invalid API Key")
        if "index" in request.match_info and request.match_info["index"] not in self.indexes:
            raise RefusedError(404, 5, "index not found")

    @web.middleware
    async def _edge(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        self.received.append(Received(request.method, request.raw_path, dict(request.headers), body))
        data = request.path.startswith("/i/")
        response: web.StreamResponse
        try:
            self._admit(request)
            response = await handler(request)
        except RefusedError as error:
            words = {404: "NOT_FOUND", 409: "ALREADY_EXISTS", 401: "UNAUTHENTICATED"}
            shape: dict[str, object] = {"code": error.code, "message": error.message, "details": []}
            if not data:
                word = words.get(error.status, "INVALID_ARGUMENT")
                shape = {"error": {"code": word, "message": error.message}, "status": error.status}
            response = _json(shape, error.status)
        response.headers["x-pinecone-request-id"] = str(len(self.received))
        response.headers["x-pinecone-max-indexed-lsn"] = "7"
        return response

    # ---- control plane

    def _said(self, index: Index, request: web.Request) -> dict[str, Any]:
        said: dict[str, Any] = {
            "name": index.name,
            "status": {"ready": True, "state": "Ready"},
            "deletion_protection": "disabled",
            "host": self.host_of(index.name),
            "tags": index.spec.get("tags"),
        }
        if request.headers.get("X-Pinecone-Api-Version", "") >= _NEW_SHAPE:
            field = {"type": "dense_vector", "dimension": index.dimension, "metric": index.metric}
            where = {
                "deployment_type": "managed",
                "cloud": "aws",
                "region": "us-east-1",
                "environment": "local",
            }
            return {**said, "schema": {"fields": {"_values": field}}, "deployment": where}
        capacity = {"mode": "OnDemand", "status": {"state": "Ready"}}
        serverless = {"serverless": {"cloud": "aws", "region": "us-east-1", "read_capacity": capacity}}
        shape = {"dimension": index.dimension, "metric": index.metric, "vector_type": "dense"}
        return {**said, **shape, "spec": serverless}

    async def _list(self, request: web.Request) -> web.Response:
        return _json({"indexes": [self._said(index, request) for index in self.indexes.values()]})

    async def _create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["name"] in self.indexes:
            raise RefusedError(409, 6, "Resource already exists")
        fields = asked.get("schema", {}).get("fields", {})
        dimension = next((field["dimension"] for field in fields.values() if "dimension" in field), 3)
        text = asked.get("embed", {}).get("field_map", {}).get("text", "")
        index = self.add(asked["name"], asked.get("dimension", dimension), text_field=text)
        return _json(self._said(index, request), 201)

    async def _describe(self, request: web.Request) -> web.Response:
        return _json(self._said(self._index(request), request))

    async def _configure(self, request: web.Request) -> web.Response:
        index = self._index(request)
        index.spec["tags"] = {**(index.spec.get("tags") or {}), **(await request.json()).get("tags", {})}
        return _json(self._said(index, request), 202)

    async def _drop(self, request: web.Request) -> web.Response:
        del self.indexes[request.match_info["index"]]
        return web.Response(status=202)

    def _index(self, request: web.Request) -> Index:
        return self.indexes[request.match_info["index"]]

    # ---- vectors

    async def _upsert(self, request: web.Request) -> web.Response:
        asked = await request.json()
        return _json({"upsertedCount": self._index(request).upsert(asked.get("namespace"), asked["vectors"])})

    async def _query(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self._capped(asked.get("topK"))
        matches = []
        for score, row in self._index(request).query(asked.get("namespace"), asked):
            match = {
                "id": row["id"],
                "score": score,
                "values": row["values"] if asked.get("includeValues") else [],
            }
            if asked.get("includeMetadata") and "metadata" in row:
                match["metadata"] = row["metadata"]
            matches.append(match)
        usage = {"readUnits": 1}
        return _json({"matches": matches, "namespace": asked.get("namespace", ""), "usage": usage})

    def _capped(self, count: object) -> None:
        if self.row_cap is not None and isinstance(count, int) and count > self.row_cap:
            raise bad("the result is larger than 4MB")

    async def _fetch(self, request: web.Request) -> web.Response:
        namespace = request.query.get("namespace", "")
        rows = self._index(request).namespace(namespace)
        found = {one: rows[one] for one in request.query.getall("ids") if one in rows}
        return _json({"vectors": found, "namespace": namespace, "usage": {"readUnits": 1}})

    async def _fetch_by_metadata(self, request: web.Request) -> web.Response:
        asked = await request.json()
        namespace = asked.get("namespace", "")
        rows = self._index(request).namespace(namespace).values()
        found = [row for row in rows if fits(row.get("metadata", {}), asked["filter"])]
        page, paging = _page(found, asked.get("limit", 100), asked.get("paginationToken"))
        vectors = {row["id"]: row for row in page}
        return _json({"vectors": vectors, "namespace": namespace, "usage": {"readUnits": 1}, **paging})

    async def _ids(self, request: web.Request) -> web.Response:
        namespace, prefix = request.query.get("namespace", ""), request.query.get("prefix", "")
        ids = [one for one in self._index(request).namespace(namespace) if one.startswith(prefix)]
        page, paging = _page(ids, int(request.query.get("limit", 100)), request.query.get("paginationToken"))
        usage = {"readUnits": 1}
        return _json(
            {"vectors": [{"id": one} for one in page], "namespace": namespace, "usage": usage, **paging}
        )

    async def _update(self, request: web.Request) -> web.Response:
        asked = await request.json()
        rows = self._index(request).namespace(asked.get("namespace"))
        if "id" in asked:
            found = [rows[asked["id"]]] if asked["id"] in rows else []
        else:
            found = [row for row in rows.values() if fits(row.get("metadata", {}), asked["filter"])]
        for row in [] if asked.get("dryRun") else found:
            row["values"] = asked.get("values", row["values"])
            row["metadata"] = {**row.get("metadata", {}), **asked.get("setMetadata", {})}
        return _json({} if "id" in asked else {"matchedRecords": len(found)})

    async def _delete(self, request: web.Request) -> web.Response:
        asked = await request.json()
        rows = self._index(request).known(asked.get("namespace"))
        self._remove(
            rows, asked.get("ids"), asked.get("filter"), every=bool(asked.get("deleteAll")), inside=True
        )
        return _json({})

    @staticmethod
    def _remove(rows: dict[str, dict[str, Any]], ids: Any, wanted: Any, *, every: bool, inside: bool) -> None:
        if wanted is not None and not wanted:
            raise bad("the filter is empty")
        for name in list(rows):
            fields = rows[name].get("metadata", {}) if inside else rows[name]
            if every or name in (ids or []) or (wanted and fits(fields, wanted)):
                del rows[name]

    async def _stats(self, request: web.Request) -> web.Response:
        index = self._index(request)
        counts = {name: {"vectorCount": len(rows)} for name, rows in index.namespaces.items() if rows}
        total = sum(count["vectorCount"] for count in counts.values())
        whole = {"namespaces": counts, "totalVectorCount": total, "dimension": index.dimension}
        return _json({**whole, "indexFullness": 0, "metric": index.metric, "vectorType": "dense"})

    # ---- records and documents

    async def _upsert_records(self, request: web.Request) -> web.Response:
        index = self._index(request)
        for line in (await request.read()).splitlines():
            row = msgspec.json.decode(line)
            name = row.pop("_id", None) or row.pop("id")
            vector = {"id": name, "values": embedded(str(row.get(index.text_field, ""))), "metadata": row}
            index.upsert(request.match_info["namespace"], [vector])
        return web.Response(status=201)

    async def _search(self, request: web.Request) -> web.Response:
        asked, index = await request.json(), self._index(request)
        query, rerank = asked["query"], asked.get("rerank")
        self._capped(query["top_k"])
        vector = query.get("vector", {}).get("values")
        if "inputs" in query:
            vector = embedded(query["inputs"]["text"])
        found = index.query(
            request.match_info["namespace"],
            {"topK": query["top_k"], "vector": vector, "id": query.get("id"), "filter": query.get("filter")},
        )
        if rerank is not None:
            found = found[: rerank.get("top_n", query["top_k"])]
        fields = asked.get("fields")
        hits = [
            {
                "_id": row["id"],
                "_score": score,
                "fields": {
                    key: value for key, value in row["metadata"].items() if fields is None or key in fields
                },
            }
            for score, row in found
        ]
        return _json({"result": {"hits": hits}, "usage": {"read_units": 1, "embed_total_tokens": 2}})

    async def _documents(self, request: web.Request) -> web.Response:
        asked, namespace = await request.json(), request.match_info["namespace"]
        index = self._index(request)
        rows = index.namespace(namespace)
        around = {"namespace": namespace, "usage": {"read_units": 1}}
        match request.match_info["what"]:
            case "upsert":
                rows.update({row["_id"]: row for row in asked["documents"]})
                return _json({"upserted_count": len(asked["documents"])}, 202)
            case "update":
                for row in asked["documents"]:
                    rows[row["_id"]].update(row)
                return _json({}, 202)
            case "delete":
                every = bool(asked.get("delete_all"))
                self._remove(rows, asked.get("ids"), asked.get("filter"), every=every, inside=False)
                return _json({}, 202)
            case "list":
                return _json({"documents": [{"_id": name} for name in rows], **around})
            case "fetch":
                wanted = asked.get("include_fields") or ["*"]
                found = {name: _cut(rows[name], wanted) for name in asked["ids"] if name in rows}
                return _json({"documents": found, **around})
            case _:
                self._capped(asked["top_k"])
                wanted = asked.get("include_fields") or []
                matches = [
                    {"_id": row["_id"], "_score": score, **_cut(row, wanted)}
                    for score, row in index.documents(namespace, asked)
                ]
                return _json({"matches": matches, **around})

    # ---- the namespaces of an index, and imports into it

    async def _namespaces(self, request: web.Request) -> web.Response:
        spaces = self._index(request).namespaces
        limit = int(request.query.get("limit", 100))
        page, paging = _page(list(spaces), limit, request.query.get("paginationToken"))
        rows = [{"name": name, "record_count": str(len(spaces[name]))} for name in page]
        return _json({"namespaces": rows, "total_count": len(spaces), **paging})

    async def _create_namespace(self, request: web.Request) -> web.Response:
        name = (await request.json())["name"]
        self._index(request).namespace(name)
        return _json({"name": name, "record_count": "0"})

    async def _namespace(self, request: web.Request) -> web.Response:
        name = request.match_info["namespace"]
        return _json({"name": name, "record_count": str(len(self._index(request).known(name)))})

    async def _drop_namespace(self, request: web.Request) -> web.Response:
        self._index(request).known(request.match_info["namespace"])
        del self._index(request).namespaces[request.match_info["namespace"] or DEFAULT]
        return _json({})

    async def _import(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            name = str(len(self._imports) + 1)
            uri = (await request.json())["uri"]
            created = "2026-01-01T00:00:00Z"
            self._imports[name] = {"id": name, "uri": uri, "status": "Pending", "createdAt": created}
            return _json({"id": name})
        if "id" not in request.match_info:
            return _json({"data": list(self._imports.values())})
        if request.method == "GET":
            return _json(self._imports[request.match_info["id"]])
        self._imports[request.match_info["id"]]["status"] = "Cancelled"
        return _json({})


def _cut(row: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key == "_id" or "*" in wanted or key in wanted}


def _page(rows: list[Any], limit: int, token: str | None) -> tuple[list[Any], dict[str, Any]]:
    """A page, and the token of the next one where there is one."""
    try:
        start = int(base64.b64decode(token)) if token else 0
    except ValueError:
        raise bad("Invalid pagination token") from None
    end = start + limit
    if end >= len(rows):
        return rows[start:], {}
    return rows[start:end], {"pagination": {"next": base64.b64encode(str(end).encode()).decode()}}


@asynccontextmanager
async def pinecone_double(host_form: str = "http://{address}/i/{name}") -> AsyncIterator[PineconeDouble]:
    """A running double."""
    double = PineconeDouble(host_form)
    async with listening(double.app()) as url:
        double.url = url
        yield double
