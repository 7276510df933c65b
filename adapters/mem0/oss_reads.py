"""The platform's reads as scripts over the bare routes of a self-hosted server.

A script yields the requests it needs, gets their answers, and returns the caller's answer: no I/O in here. Every row
passes `matches` before it is given back, whatever the server made of the request.
"""

from collections.abc import Generator, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from adapters.mem0.oss_filters import ENTITY_KEYS, AllOf, invalid, names_entity, parse, pushed, scopes
from adapters.mem0.oss_matching import expired, matches
from adapters.mem0.oss_rows import (
    OssEntity,
    OssHistoryRow,
    OssRow,
    OssRows,
    platform_entity,
    platform_history_row,
    platform_row,
)
from adapters.mem0.oss_wire import (
    ID_KEYS,
    MAX_ROWS,
    Call,
    Script,
    not_found,
    not_supported,
    read,
    reply,
    segment,
)
from firewall.errors import CallerError
from firewall.ports import WireRequest, WireResponse

DEFAULT_TOP_K = 10
DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 200
PAGE_HOST = (
    "http://upstream.invalid"  # the proxy re-bases path and query of a page's URL onto its own address
)

# What a platform client may say that changes nothing here, or nothing that a self-hosted server could do otherwise.
IDLE = frozenset(
    {"org_id", "project_id", "version", "output_format", "api_version", "fields", "rerank", "keyword_search"}
    | {"latest_only", "async_mode"}
)
SEARCH = frozenset({"query", "filters", "metadata", "top_k", "limit", "threshold", "show_expired"})
LISTING = frozenset({"filters", "start_date", "end_date", "show_expired", "page", "page_size"})

# Sub-scripts: they yield requests too, and return rows.
Rows = Generator[WireRequest, WireResponse, list[OssRow]]
ENTITY_FIELDS = {"user": "user_id", "agent": "agent_id", "run": "run_id", "app": "app_id"}
Collected = tuple[list[OssRow], bool]
Collecting = Generator[WireRequest, WireResponse, Collected]
Found = Generator[WireRequest, WireResponse, OssRow | None]


def refuse_unknown(fields: Mapping[str, Any], known: frozenset[str]) -> None:
    """501 for a parameter that asks for something we would silently leave out."""
    for name in sorted(fields.keys() - known - IDLE - ENTITY_KEYS):
        if fields[name] not in (None, False, [], {}):
            raise not_supported(f"the parameter {name!r}"[:100])


def tree(fields: Mapping[str, Any]) -> AllOf:
    """The filter tree of a body or query: `filters` and the top-level ids and metadata of older clients together."""
    parts = [fields.get("filters") or {}]
    parts.append({key: fields[key] for key in ENTITY_KEYS if fields.get(key) is not None})
    parts.append({"metadata": fields["metadata"]} if fields.get("metadata") else {})
    parts.append({"created_at": {"gte": fields["start_date"]}} if fields.get("start_date") else {})
    parts.append({"created_at": {"lte": fields["end_date"]}} if fields.get("end_date") else {})
    node = AllOf(tuple(parse(part) for part in parts))
    if not names_entity(node):
        raise invalid("filters must contain at least one of: user_id, agent_id, app_id, run_id")
    return node


def number(fields: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """A positive whole number of the request, also as a string from a query."""
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise CallerError(400, "invalid_request", f"{name} must be a whole number from 1 to {most}")
    return value


def ping(call: Call) -> Script:
    """Alive, and the key is good: the cheapest read that the server lets only known keys do."""
    response = yield call.ask("GET", "/memories", query={"user_id": "memfw-ping", "top_k": "1"})
    read(response, OssRows)
    return reply(
        {
            "status": "ok",
            "org_id": "self-hosted",
            "project_id": "self-hosted",
            "user_email": "self-hosted@localhost",
        }
    )


def search_v3(call: Call) -> Script:
    rows = yield from _search(call)
    return reply({"results": [platform_row(row, ranked=True) for row in rows]})


def search_bare(call: Call) -> Script:
    """v1 and v2 answer with the bare list; the clients of that time wrap it themselves."""
    rows = yield from _search(call)
    return reply([platform_row(row, ranked=True) for row in rows])


def _search(call: Call) -> Rows:
    fields = call.fields()
    refuse_unknown(fields, SEARCH)
    if not isinstance(fields.get("query"), str) or not fields["query"].strip():
        raise CallerError(400, "invalid_request", "query must be a non-empty string")
    wanted = number(fields, "top_k" if "top_k" in fields else "limit", DEFAULT_TOP_K, MAX_ROWS)
    node = tree(fields)
    narrowed, whole = pushed(node)
    body: dict[str, object] = {"query": fields["query"], "top_k": wanted if whole else MAX_ROWS}
    body |= {key: fields[key] for key in ("threshold", "show_expired") if fields.get(key) is not None}
    found: list[OssRow] = []
    each = [scope or {key: "*"} for scope in scopes(node) for key in (ID_KEYS if not scope else ID_KEYS[:1])]
    for scope in each:
        response = yield call.ask("POST", "/search", body={**body, "filters": {**narrowed, **scope}})
        found.extend(read(response, OssRows).results)
    if len(each) > 1:
        found.sort(key=lambda row: -(row.score or 0.0))
    return _distinct(row for row in found if matches(node, row))[:wanted]


def list_v3(call: Call) -> Script:
    rows = yield from _listed(call, call.fields())
    return _page(call, rows)


def list_bare(call: Call) -> Script:
    """v2: the bare list, or pages where the client asked for pages."""
    rows = yield from _listed(call, call.fields())
    return _page(call, rows) if call.argument("page") else _bare_list(rows)


def list_by_query(call: Call) -> Script:
    """v1: everything is in the query. Filters there are a Python literal, which no server should guess at."""
    if call.argument("filters") is not None:
        raise invalid("filters in the query are not JSON: send them in the body of POST /v2/memories/")
    rows = yield from _listed(call, {key: call.argument(key) for key, _ in call.query})
    return _page(call, rows) if call.argument("page") else _bare_list(rows)


def list_by_entity(call: Call) -> Script:
    kind, name = call.params
    if kind not in ENTITY_FIELDS:
        raise CallerError(404, "not_found", "there is no such kind of entity")
    rows = yield from collect(call, tree({ENTITY_FIELDS[kind]: name}), show_expired=False)
    return _page(call, rows) if call.argument("page") else _bare_list(rows)


def _listed(call: Call, fields: Mapping[str, Any]) -> Collecting:
    refuse_unknown(fields, LISTING)
    show_expired = fields.get("show_expired") in (True, "true", "True", "1")
    return (yield from collect(call, tree(fields), show_expired=show_expired))


def collect(call: Call, node: AllOf, *, show_expired: bool) -> Collecting:
    """Every row of the tree as far as the server lists them, and whether it may have more than it lists."""
    found: list[OssRow] = []
    cut = False
    for scope in scopes(node):
        query = {**scope, "top_k": str(MAX_ROWS)} | ({"show_expired": "true"} if show_expired else {})
        response = yield call.ask("GET", "/memories", query=query)
        rows = read(response, OssRows).results
        cut = cut or len(rows) >= MAX_ROWS
        found.extend(rows)
    kept = (row for row in found if matches(node, row) and (show_expired or not expired(row, call.now)))
    return _distinct(kept), cut


def _distinct(rows: Iterable[OssRow]) -> list[OssRow]:
    first: dict[str, OssRow] = {}
    for row in rows:
        first.setdefault(row.id, row)
    return list(first.values())


def _bare_list(collected: Collected) -> WireResponse:
    return reply([platform_row(row, ranked=False) for row in collected[0]])


def _page(call: Call, collected: Collected) -> WireResponse:
    rows, cut = collected
    paging = {key: call.argument(key) for key in ("page", "page_size")}
    page = number(paging, "page", 1, 1_000_000)
    size = number(paging, "page_size", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    first = (page - 1) * size
    if cut and first + size > len(rows):
        raise not_supported(f"listing more than {MAX_ROWS} memories of one owner")

    def url(number_of: int) -> str:
        rest = [(key, value) for key, value in call.query if key not in {"page", "page_size"}]
        query = urlencode([*rest, ("page", number_of), ("page_size", size)], quote_via=quote)
        return f"{PAGE_HOST}{call.path}?{query}"

    return reply(
        {
            "count": len(rows),
            "next": url(page + 1) if first + size < len(rows) else None,
            "previous": url(page - 1) if page > 1 else None,
            "results": [platform_row(row, ranked=False) for row in rows[first : first + size]],
        }
    )


def memory_id(value: object) -> str:
    """A memory id in the one form that every store takes."""
    if not isinstance(value, str) or not _is_uuid(value):
        raise CallerError(400, "invalid_memory_id", "memory_id should be a valid UUID")
    return value


def _is_uuid(value: str) -> bool:
    groups = value.split("-")
    return [len(group) for group in groups] == [8, 4, 4, 4, 12] and set("".join(groups)) <= set(
        "0123456789abcdefABCDEF"
    )


def memory(call: Call, identifier: str) -> Found:
    """The row of that id, or None: the server says 200 and null for an id that it does not know."""
    response = yield call.ask("GET", f"/memories/{segment(identifier)}")
    return None if response.status == 404 else read(response, OssRow | None)  # type: ignore[arg-type]


def get(call: Call) -> Script:
    row = yield from memory(call, memory_id(call.params[0]))
    if row is None:
        raise not_found()
    return reply(platform_row(row, ranked=False))


def history(call: Call) -> Script:
    identifier = memory_id(call.params[0])
    row = yield from memory(call, identifier)
    response = yield call.ask("GET", f"/memories/{segment(identifier)}/history")
    entries = read(response, list[OssHistoryRow])
    if row is None and not entries:
        raise not_found()
    return reply([platform_history_row(entry, row) for entry in entries])


def entities(call: Call) -> Script:
    """Users, agents and runs; apps are none to the server, so it cannot list them."""
    response = yield call.ask("GET", "/entities")
    listed = [platform_entity(entity) for entity in read(response, list[OssEntity])]
    return reply({"count": len(listed), "next": None, "previous": None, "results": listed})
