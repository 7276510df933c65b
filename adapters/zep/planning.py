"""From a request to its plan: pin the scope, draft what would be stored, ask for more than the caller wants."""

from adapters.zep.drafts import drafts_of, slots_of
from adapters.zep.layouts import LOOSE
from adapters.zep.plans import BACKEND, UNPARSED, Asked, OnUnparsed, ZepPlan, pin_of
from adapters.zep.routes import Route, Whose
from adapters.zep.scope import scope_of
from firewall.core.wire.graph_items import ItemSource
from firewall.core.wire.layouts import Known, Many
from firewall.core.wire.requests import JsonObject, json_object, query_of, upstream_request
from firewall.ports import Caller, Match, RouteClass, WireRequest

#: The upstream's own limit, as its clients document it; a larger number is the upstream's to refuse.
MAX_TOP = 50
_DEFAULT_LIMIT = 10
_LISTS = frozenset({"edges", "nodes", "episodes", "observations", "thread_summaries"})
_BODILESS = frozenset({"GET", "HEAD"})


def plan_of(
    request: WireRequest,
    match: Match,
    route: Route,
    caller: Caller,
    *,
    upstream: str,
    on_unparsed: OnUnparsed | None,
    now: float,
) -> ZepPlan:
    """The plan. CallerError 403 `scope_denied`, 400 `invalid_request`."""
    if route.route_class in (RouteClass.admin, RouteClass.passed):
        return _plain(request, match, upstream, now)
    asked = Asked(
        request=request,
        match=match,
        route=route,
        caller=caller,
        query=query_of(request.query),
        body=_body_of(request),
        pin=pin_of(caller, route.version),
    )
    scoped = scope_of(asked)
    # Before the request is written: what a client sends back of a stamp is taken out of the body.
    drafts = drafts_of(route.draft, scoped.body)
    slots = slots_of(route.name, scoped.body, drafts, scoped.owner)
    plan = ZepPlan(
        match=match,
        request=upstream_request(request, match.path, query=scoped.query, body=scoped.body),
        pin=scoped.pin,
        preflight=scoped.preflight,
        by_id=(route.single or route.layout is LOOSE) and route.route_class is RouteClass.governed_read,
        drafts=drafts,
        slots=slots,
        route=route.name,
        query=_query_text(scoped.body),
        layout=route.layout,
        source=ItemSource(
            upstream=upstream, backend=BACKEND, now=now, owner=scoped.owner, stating=asked.stating
        ),
        unparsed=UNPARSED[on_unparsed],
        husk=route.route_class is RouteClass.gated_write,
        deletes=_deleted(match),
        states=route.states,
        name=match.params.get("uuid") or match.params.get("thread_id") or route.name,
    )
    _widen(plan, route, scoped.body, request)
    return plan


def _deleted(match: Match) -> tuple[str, ...]:
    """The memory that a delete names; what is not a memory has no held text either."""
    name = match.params.get("uuid")
    return () if name is None or match.spec.method != "DELETE" or "other" in match.params else (name,)


def _plain(request: WireRequest, match: Match, upstream: str, now: float) -> ZepPlan:
    """Routes without memory: the request goes on as it came."""
    sent = WireRequest(
        method=request.method,
        path=match.path,
        query=request.query,
        headers=request.headers,
        body=request.body,
    )
    source = ItemSource(upstream=upstream, backend=BACKEND, now=now)
    return ZepPlan(match=match, request=sent, layout=None, source=source, unparsed=UNPARSED["pass"])


def _body_of(request: WireRequest) -> JsonObject | None:
    if request.method in _BODILESS or not request.body.strip():
        return None
    return json_object(request.body)


def _query_text(body: JsonObject | None) -> str:
    text = None if body is None else body.get("query", body.get("text"))
    return text if isinstance(text, str) else ""


def _widen(plan: ZepPlan, route: Route, body: JsonObject | None, request: WireRequest) -> None:
    """How the read goes on where too little of it may be shown."""
    limit = None if body is None else body.get("limit")
    if route.name == "v2.graph.search" and body is not None:
        _search(plan, body, request)
    elif isinstance(route.layout, Known) and "items" in route.layout.members:
        plan.paged = "cursor"
        plan.ranked = route.name.startswith("v4.search.")
    elif (
        isinstance(route.layout, Many)
        and route.whose in (Whose.user, Whose.graph)
        and body is not None
        and isinstance(limit, int)
        and not isinstance(limit, bool)
        and not body.keys() & {"cursor", "order_by", "direction"}
    ):
        plan.paged = "uuid"
        plan.top = limit


def _search(plan: ZepPlan, body: JsonObject, request: WireRequest) -> None:
    """A search of one list: the caller's limit counts what is admitted of it."""
    rows = body.get("scope", "edges")
    wanted = body.get("limit", _DEFAULT_LIMIT)
    if rows not in _LISTS or not isinstance(wanted, int) or isinstance(wanted, bool):
        return
    plan.ranked = True
    if not 1 <= wanted < MAX_TOP:
        return
    plan.limit, plan.rows = wanted, str(rows)
    plan.top = min(MAX_TOP, wanted + max(10, wanted // 2))
    plan.fallback = plan.request
    plan.request = upstream_request(
        request, plan.match.path, query=query_of(request.query), body={**body, "limit": plan.top}
    )
