"""Planning of reads: pin the scope, ask for whole rows, ask for more of them than the caller wants."""

from collections.abc import Callable, Mapping

from adapters.mem0.filters import ENTITY_KEYS, IDENTITY, All, identity, is_of, literal
from adapters.mem0.plans import Asked, Mem0Plan, plan_for, preflight, projection
from adapters.mem0.routes import Planning, Shape
from adapters.mem0.scope import (
    exactly,
    flat_filters,
    pinned_filters,
    scope_from,
    scope_of,
)
from firewall.core.wire.requests import (
    NO_QUERY,
    JsonObject,
    Query,
    denied,
    invalid,
    json_object,
    upstream_request,
)

MAX_TOP_K = 1_000
_DEFAULT_TOP_K = 10
_DEFAULT_TOP_K_BARE = 20


def overfetched(wanted: int) -> int:
    """How many rows to ask for, so that what is withheld does not starve the caller."""
    more = wanted + (10 if wanted < 20 else wanted // 2)
    return more if more <= MAX_TOP_K else max(wanted, MAX_TOP_K)


def plain(asked: Asked) -> Mem0Plan:
    """Routes without memory text and without a scope: the request goes on as it came."""
    request = asked.request
    sent = type(request)(
        method=request.method,
        path=asked.match.path,
        query=request.query,
        headers=request.headers,
        body=request.body,
    )
    return plan_for(asked, sent)


def search(asked: Asked) -> Mem0Plan:
    query = unscoped(asked.query()) if asked.request.query else NO_QUERY
    body = json_object(asked.request.body)
    scope = scope_of(body, asked.caller)
    fields = projection(body.pop("fields")) if "fields" in body else None
    limit, top_k = _raise_top_k(body, _DEFAULT_TOP_K_BARE if asked.route.bare else _DEFAULT_TOP_K)
    sent = flat_filters(body, scope) if asked.route.bare else pinned_filters(body, scope)
    request = upstream_request(asked.request, asked.match.path, query=query, body=sent)
    plan = plan_for(asked, request, pin=scope.row_pin)
    plan.scope, plan.fields = scope, fields
    plan.limit, plan.top_k, plan.ranked = limit, top_k, True
    text = body.get("query")
    plan.query = text if isinstance(text, str) else ""
    return plan


def _raise_top_k(body: JsonObject, default: int) -> tuple[int | None, int | None]:
    """What the caller wants and what is asked for; a number that no server takes is left for the server to refuse."""
    key = "limit" if body.get("top_k") is None and body.get("limit") is not None else "top_k"
    wanted = body.get(key)
    if wanted is None:
        wanted = default
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        return None, None
    top_k = body[key] = overfetched(wanted)
    return wanted, top_k


def listing(asked: Asked) -> Mem0Plan:
    body = _body(asked)
    scope = scope_of(body, asked.caller)
    fields = projection(body.pop("fields", None))
    request = upstream_request(
        asked.request, asked.match.path, query=asked.query(), body=pinned_filters(body, scope)
    )
    plan = plan_for(asked, request, pin=scope.row_pin)
    plan.scope, plan.fields = scope, fields
    return plan


def query_listing(asked: Asked) -> Mem0Plan:
    """Everything is in the query. A Python literal in `filters` is read here and sent on as plain parameters."""
    query, fields = _projected(asked.query())
    text = query.get("filters")
    if text is not None:
        named = literal(text)
        if any(query.get(key) is not None for key in named):
            raise invalid("the scope is given twice", code="invalid_filter")
        query = query.without("filters").plus(named)
    tree = All(tuple(is_of(key, value) for key in IDENTITY if (value := query.get(key)) is not None))
    scope = scope_from(tree, asked.caller)
    missing = {
        key: value for key, value in scope.missing.items() if not (asked.route.bare and key == "app_id")
    }
    request = upstream_request(asked.request, asked.match.path, query=query.plus(missing))
    plan = plan_for(asked, request, pin=scope.row_pin)
    plan.scope, plan.fields = scope, fields
    return plan


def entity_rows(asked: Asked) -> Mem0Plan:
    key, value = entity(asked.match.params)
    scope = scope_from(is_of(key, value), asked.caller)
    query, fields = _projected(unscoped(asked.query()))
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=query), pin=scope.row_pin)
    plan.scope, plan.fields = scope, fields
    return plan


def by_id(asked: Asked) -> Mem0Plan:
    query, fields = _projected(asked.query())
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=query))
    plan.by_id, plan.fields = True, fields
    return plan


def history(asked: Asked) -> Mem0Plan:
    """History rows state no owner on some servers: the memory itself is read first."""
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query()))
    plan.preflight = preflight(asked, asked.match.params["memory_id"])
    plan.owner = asked.caller.pin
    return plan


def entities(asked: Asked) -> Mem0Plan:
    return plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query()))


def whole(asked: Asked) -> Mem0Plan:
    """One free-shaped object that was asked for by its id; its owner is what it states itself."""
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query()))
    return _single(plan, *asked.match.params.values())


def profile(asked: Asked) -> Mem0Plan:
    key, value = entity(asked.match.params)
    exactly(key, value, asked.caller)
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query()))
    plan.owner = {key: value}
    return _single(plan, value)


def profile_jobs(asked: Asked) -> Mem0Plan:
    """A job about one entity; one about everybody is for admins."""
    body = _body(asked)
    request = upstream_request(asked.request, asked.match.path, query=asked.query(), body=body)
    plan = _single(plan_for(asked, request))
    if body.get("entity_id") is None:
        if asked.caller.pin or not asked.caller.admin:
            raise denied("a profile job needs an entity_id")
        return plan
    key, value = entity(body)
    exactly(key, value, asked.caller)
    plan.owner = {key: value}
    return plan


def scoped_object(asked: Asked) -> Mem0Plan:
    """One object made from everything in a scope: what it was made from cannot be checked afterwards, so the pin is sent."""
    body = _body(asked)
    scope = scope_of(body, asked.caller)
    request = upstream_request(
        asked.request, asked.match.path, query=asked.query(), body=pinned_filters(body, scope)
    )
    plan = plan_for(asked, request, pin=scope.pin)
    plan.owner = scope.pin
    return _single(plan) if plan.shape is Shape.whole else plan


def export_read(asked: Asked) -> Mem0Plan:
    """An export by its id states no owner: a pinned caller may ask for exports by their filters only."""
    body = _body(asked)
    if body.get("memory_export_id") is None:
        return scoped_object(asked)
    if asked.caller.pin:
        raise denied("an export cannot be held against the caller's scope: ask for it by its filters")
    request = upstream_request(asked.request, asked.match.path, query=asked.query(), body=body)
    return _single(plan_for(asked, request), str(body["memory_export_id"]))


def entity(named: Mapping[str, object]) -> tuple[str, str]:
    """The identity key and id of `entity_type` and `entity_id`."""
    kind = named.get("entity_type")
    key = ENTITY_KEYS.get(kind) if isinstance(kind, str) else None
    if key is None:
        raise invalid("entity_type must be user, agent, app or run")
    return key, identity(key, named.get("entity_id"))


def _single(plan: Mem0Plan, *names: str) -> Mem0Plan:
    plan.by_id = True
    plan.item_id = "/".join((plan.match.spec.name, *names))
    return plan


def _body(asked: Asked) -> JsonObject:
    """The JSON body of a route whose scope stands in the body, and nowhere else."""
    unscoped(asked.query())
    return json_object(asked.request.body)


def unscoped(query: Query) -> Query:
    """The query of a route whose scope stands elsewhere; CallerError 400 where it names one too."""
    for key, _ in query.pairs:
        if key in IDENTITY or key == "filters":
            raise invalid("this route takes no scope in its query", code="invalid_filter")
    return query


def _projected(query: Query) -> tuple[Query, tuple[str, ...] | None]:
    text = query.get("fields")
    names = tuple(name for name in (text or "").split(",") if name)
    return query.without("fields"), names or None


READS: Mapping[Planning, Callable[[Asked], Mem0Plan]] = {
    Planning.plain: plain,
    Planning.search: search,
    Planning.listing: listing,
    Planning.query_listing: query_listing,
    Planning.by_id: by_id,
    Planning.history: history,
    Planning.events: query_listing,
    Planning.event: whole,
    Planning.entities: entities,
    Planning.entity_rows: entity_rows,
    Planning.profile: profile,
    Planning.profile_job: whole,
    Planning.profile_jobs: profile_jobs,
    Planning.scoped_object: scoped_object,
    Planning.export_read: export_read,
}
