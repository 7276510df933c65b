"""From a request to its plan: which groups it is about, held against the caller's pin; what it would store."""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from adapters.graphiti.routes import Planning, Route
from firewall.core.model import Candidate
from firewall.core.wire.graph_items import ItemSource
from firewall.core.wire.layouts import Layout
from firewall.core.wire.prose import strings
from firewall.core.wire.requests import (
    JsonObject,
    denied,
    forwarded,
    invalid,
    json_object,
    query_of,
    upstream_request,
)
from firewall.ports import Caller, Match, Plan, WireRequest

BACKEND = "graphiti"
GROUP = "group_id"
#: The owner key under which an item says whether its group is one of those that were asked for.
FILTER = "request_filter"
INSIDE, OUTSIDE = "inside", "outside"
#: More facts than this are never asked for on our own account.
MAX_FACTS = 200
_DEFAULT_FACTS = 10
_NOT_YOURS = "the request asks for a group outside of the caller's scope"
_STATING = {GROUP: GROUP}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, with all that a planner may look at."""

    request: WireRequest
    match: Match
    route: Route
    caller: Caller
    upstream: str
    now: float

    @property
    def own_group(self) -> str | None:
        """The caller's group; None for one that is not pinned. CallerError 403 for a pin that this upstream cannot keep."""
        if not self.caller.pin:
            return None
        if set(self.caller.pin) != {GROUP}:
            raise denied("the caller is pinned by a key that this upstream does not know")
        return self.caller.pin[GROUP]


class GraphitiPlan(Plan, kw_only=True):
    """`groups` are those that were asked for, where there are several; `top` is how many facts are asked for upstream."""

    layout: Layout | None
    source: ItemSource
    husk: bool = False
    groups: frozenset[str] = frozenset()
    top: int | None = None
    name: str = ""

    @property
    def reading(self) -> object:
        """Of reads."""
        if self.layout is None or self.husk:
            return None
        source = self.source
        return (
            self.layout,
            source.upstream,
            source.owner,
            self.groups,
            self.name,
            self.limit is None,
            self.top,
        )

    @property
    def moment(self) -> float:
        return self.source.now


def plan_of(asked: Asked) -> GraphitiPlan:
    """The plan. CallerError 403 `scope_denied`, 400 `invalid_request`."""
    return _PLANNERS[asked.route.planning](asked)


def _plan(
    asked: Asked,
    request: WireRequest,
    *,
    owner: Mapping[str, str] | None = None,
    pin: Mapping[str, str] | None = None,
) -> GraphitiPlan:
    return GraphitiPlan(
        match=asked.match,
        request=request,
        pin=pin or {},
        by_id=asked.route.single,
        layout=asked.route.layout,
        source=ItemSource(
            upstream=asked.upstream, backend=BACKEND, now=asked.now, owner=owner or {}, stating=_STATING
        ),
        name=asked.match.params.get("uuid", asked.match.spec.name),
    )


def _plain(asked: Asked) -> GraphitiPlan:
    """Routes without memory: the request goes on as it came."""
    return _plan(asked, msgspec.structs.replace(asked.request, path=asked.match.path))


def _sent(asked: Asked, body: JsonObject | None = None) -> WireRequest:
    return upstream_request(asked.request, asked.match.path, query=query_of(asked.request.query), body=body)


def _search(asked: Asked) -> GraphitiPlan:
    """Without groups it is about everybody: for admins that are not pinned."""
    body = json_object(asked.request.body)
    own, named = asked.own_group, body.get("group_ids")
    if not isinstance(named, list | None):
        raise invalid("group_ids must be a list of ids")
    groups = frozenset(_name(group) for group in named or ())
    if own is not None and groups != {own}:
        raise denied(_NOT_YOURS)
    if not groups and not asked.caller.admin:
        raise denied("the request has to name its group_ids")
    scope = {GROUP: next(iter(groups))} if len(groups) == 1 else {}
    several = len(groups) > 1
    plan = _plan(asked, _sent(asked, body), owner=scope, pin={FILTER: INSIDE} if several else scope)
    plan.groups = groups if several else frozenset()
    text = body.get("query")
    plan.query = text if isinstance(text, str) else ""
    return _widened(asked, plan, body)


def _memory(asked: Asked) -> GraphitiPlan:
    """A search of one group with messages as the question."""
    body = json_object(asked.request.body)
    group = _group(asked, body)
    scope = {GROUP: group} if group is not None else {}
    plan = _plan(asked, _sent(asked, body), owner=scope, pin=scope)
    messages = body.get("messages")
    if isinstance(messages, list):
        said = [message.get("content") for message in messages if isinstance(message, dict)]
        plan.query = "\n".join(text for text in said if isinstance(text, str))
    return _widened(asked, plan, body)


def _widened(asked: Asked, plan: GraphitiPlan, body: JsonObject) -> GraphitiPlan:
    """Ask for more facts than the caller wants, so that what is over does not starve it."""
    plan.ranked = True
    wanted = body.get("max_facts", _DEFAULT_FACTS)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 1 <= wanted < MAX_FACTS:
        return plan
    plan.limit = wanted
    plan.top = min(MAX_FACTS, wanted + max(10, wanted))
    plan.fallback = plan.request
    plan.request = _sent(asked, {**body, "max_facts": plan.top})
    return plan


def _group_path(asked: Asked) -> GraphitiPlan:
    group = asked.match.params[GROUP]
    if asked.own_group not in (None, group):
        raise denied(_NOT_YOURS)
    return _plan(asked, _sent(asked), owner={GROUP: group}, pin={GROUP: group})


def _group_body(asked: Asked) -> GraphitiPlan:
    body = json_object(asked.request.body)
    group = _group(asked, body)
    plan = _plan(
        asked, _sent(asked, body), owner={} if group is None else {GROUP: group}, pin=asked.caller.pin
    )
    plan.drafts = _drafts(body)
    plan.husk = True
    return plan


def _group(asked: Asked, body: JsonObject) -> str | None:
    """The group of the body; None where it has none, which the upstream refuses itself."""
    value = body.get(GROUP)
    group = None if value is None else _name(value)
    own = asked.own_group
    if own is not None and group != own:
        raise denied(_NOT_YOURS)
    if group is None and not asked.caller.admin:
        raise denied("the request has to name its group_id")
    return group


def _drafts(body: JsonObject) -> tuple[Candidate, ...]:
    messages = body.get("messages")
    if messages is None:
        return (_draft(0, body, "summary"),)
    if not isinstance(messages, list):
        raise invalid("messages must be a list")
    return tuple(_draft(index, message, "content") for index, message in enumerate(messages))


def _draft(index: int, item: object, key: Literal["content", "summary"]) -> Candidate:
    if not isinstance(item, dict):
        raise invalid("messages must be objects")
    text = item.get(key)
    role = item.get("role_type")
    rest = {
        name: part for name, part in item.items() if name not in {"uuid", GROUP, "timestamp", "role_type"}
    }
    if isinstance(text, str):
        rest.pop(key)
    return Candidate(
        id=f"draft-{index}",
        upstream="",
        backend=BACKEND,
        text=text if isinstance(text, str) else "",
        writer=role if isinstance(role, str) else "",
        attached=strings(rest),
    )


def _item(asked: Asked) -> GraphitiPlan:
    """By its id alone: a fact does not say whose it is, so that to a pinned caller there is none."""
    pin = {} if asked.own_group is None else asked.caller.pin
    plan = _plan(asked, _sent(asked), pin=pin)
    if pin and not asked.route.single:
        headers = forwarded(asked.request.headers, body=False)
        plan.preflight = (WireRequest(method="GET", path=asked.match.path, headers=headers),)
    return _deleting(plan)


def _unseen(asked: Asked) -> GraphitiPlan:
    """The upstream cannot be asked whose it is."""
    if asked.own_group is not None:
        raise denied("the upstream does not say whose that is")
    return _deleting(_plan(asked, _sent(asked)))


def _deleting(plan: GraphitiPlan) -> GraphitiPlan:
    if plan.match.spec.method == "DELETE":
        plan.deletes = (plan.match.params["uuid"],)
    return plan


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise invalid("a group id must be a text")
    return value


_PLANNERS: Mapping[Planning, Callable[[Asked], GraphitiPlan]] = {
    Planning.plain: _plain,
    Planning.search: _search,
    Planning.memory: _memory,
    Planning.group_path: _group_path,
    Planning.group_body: _group_body,
    Planning.item: _item,
    Planning.unseen: _unseen,
}
