"""Pinecone's route table, as data: the control plane on the mount's root, each index under `/_idx/{index}`.

`Planning` says how a request is rewritten, `Shape` where memory text stands in its answer. A route that is not here does not
exist. Answers without memory text are governed reads too where the caller's pin or the index hosts in them matter.
"""

import enum
from collections.abc import Sequence

import msgspec

from firewall.ports import RouteClass, RouteSpec

INDEX = "/_idx/{index}"


class Planning(enum.Enum):
    """How a request becomes an upstream request."""

    __hash__ = object.__hash__

    control = enum.auto()
    plain = enum.auto()
    whole_index = enum.auto()
    query_namespace = enum.auto()
    path_namespace = enum.auto()
    create_namespace = enum.auto()
    query = enum.auto()
    search = enum.auto()
    document_search = enum.auto()
    fetch = enum.auto()
    fetch_by_metadata = enum.auto()
    document_fetch = enum.auto()
    upsert = enum.auto()
    update = enum.auto()
    delete = enum.auto()
    records_upsert = enum.auto()
    documents_upsert = enum.auto()
    documents_update = enum.auto()
    documents_delete = enum.auto()


class Shape(enum.Enum):
    """Where memory text stands in an answer; the last ones hold none."""

    __hash__ = object.__hash__

    matches = enum.auto()
    hits = enum.auto()
    documents = enum.auto()
    vector_map = enum.auto()
    document_map = enum.auto()
    ids = enum.auto()
    namespaces = enum.auto()
    stats = enum.auto()
    indexes = enum.auto()
    plain = enum.auto()


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table: what the proxy sees of it, and how it is planned and read."""

    spec: RouteSpec
    planning: Planning
    shape: Shape


_READ = RouteClass.governed_read
_WRITE = RouteClass.gated_write
_ADMIN = RouteClass.admin
_PASS = RouteClass.passed
_P = Planning
_S = Shape


def _route(
    name: str,
    line: str,
    route_class: RouteClass,
    planning: Planning = Planning.plain,
    shape: Shape = Shape.plain,
    note: str = "",
) -> Route:
    method, pattern = line.split(" ")
    spec = RouteSpec(name=name, method=method, pattern=pattern, route_class=route_class, note=note)
    return Route(spec=spec, planning=planning, shape=shape)


_HOSTS = "no memory text; index hosts lead back through memfw"
_IDS = "ids and counts only: held to the principal's pin, not adjudicated"
_WHOLE = "`deleteAll` needs role admin, or a principal that is pinned to just that namespace"
_DOCUMENTS = INDEX + "/namespaces/{namespace}/documents"
_RECORDS = INDEX + "/records/namespaces/{namespace}"

CONTROL_ROUTES: tuple[Route, ...] = (
    _route("indexes", "GET /indexes", _READ, _P.control, _S.indexes, _HOSTS),
    _route("index", "GET /indexes/{index_name}", _READ, _P.control, _S.indexes, _HOSTS),
    _route("index.create", "POST /indexes", _ADMIN, _P.control, _S.indexes),
    _route("index.create_for_model", "POST /indexes/create-for-model", _ADMIN, _P.control, _S.indexes),
    _route("index.configure", "PATCH /indexes/{index_name}", _ADMIN, _P.control, _S.indexes),
    _route("index.delete", "DELETE /indexes/{index_name}", _ADMIN, _P.control),
    _route("collections", "GET /collections", _ADMIN, _P.control),
    _route("collection.create", "POST /collections", _ADMIN, _P.control),
    _route("collection", "GET /collections/{collection}", _ADMIN, _P.control),
    _route("collection.delete", "DELETE /collections/{collection}", _ADMIN, _P.control),
    _route("index.backups", "GET /indexes/{index_name}/backups", _ADMIN, _P.control),
    _route("index.backup", "POST /indexes/{index_name}/backups", _ADMIN, _P.control),
    _route("backups", "GET /backups", _ADMIN, _P.control),
    _route("backup", "GET /backups/{backup_id}", _ADMIN, _P.control),
    _route("backup.delete", "DELETE /backups/{backup_id}", _ADMIN, _P.control),
    _route("backup.restore", "POST /backups/{backup_id}/create-index", _ADMIN, _P.control),
    _route("restore.jobs", "GET /restore-jobs", _ADMIN, _P.control),
    _route("restore.job", "GET /restore-jobs/{job_id}", _ADMIN, _P.control),
    _route("schedules", "GET /indexes/{index_name}/backup-schedules", _ADMIN, _P.control),
    _route("schedule.create", "POST /indexes/{index_name}/backup-schedules", _ADMIN, _P.control),
    _route("schedule", "GET /backup-schedules/{schedule_id}", _ADMIN, _P.control),
    _route("schedule.update", "PATCH /backup-schedules/{schedule_id}", _ADMIN, _P.control),
    _route("schedule.delete", "DELETE /backup-schedules/{schedule_id}", _ADMIN, _P.control),
    _route("schedule.history", "GET /backup-schedules/{schedule_id}/history", _ADMIN, _P.control),
    _route("embed", "POST /embed", _PASS, note="inference on the caller's own text"),
    _route("rerank", "POST /rerank", _PASS, note="inference on the caller's own text"),
    _route("models", "GET /models", _PASS),
    _route("model", "GET /models/{model}", _PASS),
)

DATA_ROUTES: tuple[Route, ...] = (
    _route("query", f"POST {INDEX}/query", _READ, _P.query, _S.matches),
    _route("vectors.fetch", f"GET {INDEX}/vectors/fetch", _READ, _P.fetch, _S.vector_map),
    _route(
        "vectors.fetch_by_metadata",
        f"POST {INDEX}/vectors/fetch_by_metadata",
        _READ,
        _P.fetch_by_metadata,
        _S.vector_map,
    ),
    _route("records.search", f"POST {_RECORDS}/search", _READ, _P.search, _S.hits),
    _route("documents.search", f"POST {_DOCUMENTS}/search", _READ, _P.document_search, _S.documents),
    _route("documents.fetch", f"POST {_DOCUMENTS}/fetch", _READ, _P.document_fetch, _S.document_map),
    _route("vectors.list", f"GET {INDEX}/vectors/list", _READ, _P.query_namespace, _S.ids, _IDS),
    _route("documents.list", f"POST {_DOCUMENTS}/list", _READ, _P.path_namespace, _S.ids, _IDS),
    _route("stats", f"POST {INDEX}/describe_index_stats", _READ, _P.plain, _S.stats, _IDS),
    _route("stats.get", f"GET {INDEX}/describe_index_stats", _READ, _P.plain, _S.stats, _IDS),
    _route("namespaces", f"GET {INDEX}/namespaces", _READ, _P.plain, _S.namespaces, _IDS),
    _route("namespace", f"GET {INDEX}/namespaces/{{namespace}}", _READ, _P.path_namespace, note=_IDS),
    _route("namespace.create", f"POST {INDEX}/namespaces", _WRITE, _P.create_namespace),
    _route("namespace.delete", f"DELETE {INDEX}/namespaces/{{namespace}}", _ADMIN, _P.path_namespace),
    _route("vectors.upsert", f"POST {INDEX}/vectors/upsert", _WRITE, _P.upsert),
    _route("vectors.update", f"POST {INDEX}/vectors/update", _WRITE, _P.update),
    _route("vectors.delete", f"POST {INDEX}/vectors/delete", _WRITE, _P.delete, note=_WHOLE),
    _route("records.upsert", f"POST {_RECORDS}/upsert", _WRITE, _P.records_upsert),
    _route("documents.upsert", f"POST {_DOCUMENTS}/upsert", _WRITE, _P.documents_upsert),
    _route("documents.update", f"POST {_DOCUMENTS}/update", _WRITE, _P.documents_update),
    _route("documents.delete", f"POST {_DOCUMENTS}/delete", _WRITE, _P.documents_delete, note=_WHOLE),
    _route("imports", f"GET {INDEX}/bulk/imports", _ADMIN, _P.whole_index),
    _route(
        "import.start",
        f"POST {INDEX}/bulk/imports",
        _ADMIN,
        _P.whole_index,
        note="the server pulls the rows itself: they never pass the write gate",
    ),
    _route("import", f"GET {INDEX}/bulk/imports/{{import_id}}", _ADMIN, _P.whole_index),
    _route("import.cancel", f"DELETE {INDEX}/bulk/imports/{{import_id}}", _ADMIN, _P.whole_index),
)

ROUTES: Sequence[Route] = CONTROL_ROUTES + DATA_ROUTES


def support_matrix() -> str:
    """The routes as a markdown table: route x class."""
    lines = ["| route | class | note |", "|---|---|---|"]
    for route in ROUTES:
        spec = route.spec
        lines.append(f"| `{spec.method} {spec.pattern}` | {spec.route_class} | {spec.note} |")
    return "\n".join(lines) + "\n"
