"""What every plan of this dialect carries besides the port's `Plan`, and what a planner is given."""

from collections.abc import Mapping

import msgspec

from adapters.mem0.routes import Flavor, Route, Shape
from adapters.mem0.scope import UNCHECKED, Scope
from firewall.core.wire.paths import segment
from firewall.core.wire.requests import NO_QUERY, Query, forwarded, invalid, query_of
from firewall.ports import Caller, Match, Plan, WireRequest

#: Parameters that say which project of the account is meant; they go with every request of a plan.
_ACCOUNT = frozenset({"org_id", "project_id"})


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, with all that a planner may look at. `upstream` is the name that candidates and events carry."""

    request: WireRequest
    match: Match
    route: Route
    caller: Caller
    flavor: Flavor
    upstream: str
    now: float

    def query(self) -> Query:
        return query_of(self.request.query)


class Mem0Plan(Plan, kw_only=True):
    """`scope` marks the rows, `owner` is that of rows which state none (the answers of writes, history, objects).

    `fields` is the caller's projection, `top_k` what was asked for upstream, `item_id` names a whole object. `vouched` says
    that the dates of a row are the upstream's own.
    """

    shape: Shape
    bare: bool
    vouched: bool
    upstream: str
    scope: Scope = UNCHECKED
    owner: Mapping[str, str] = {}
    fields: tuple[str, ...] | None = None
    top_k: int | None = None
    item_id: str = ""
    public_base: str = ""

    @property
    def reading(self) -> object:
        """Of lists of memories."""
        if self.shape is not Shape.rows:
            return None
        return self.upstream, self.vouched, self.scope, self.owner, self.top_k


def plan_for(asked: Asked, request: WireRequest, *, pin: Mapping[str, str] | None = None) -> Mem0Plan:
    """The plan of a route as its table row says it; planners set what else they know. The pin is the caller's by default."""
    return Mem0Plan(
        match=asked.match,
        request=request,
        pin=asked.caller.pin if pin is None else pin,
        shape=asked.route.shape,
        bare=asked.route.bare,
        vouched=asked.flavor == "platform",
        upstream=asked.upstream,
        public_base=asked.caller.public_base,
    )


def preflight(asked: Asked, *memory_ids: str) -> tuple[WireRequest, ...]:
    """Reads of the rows that a request is about, where the caller is pinned and their owner must be known first."""
    if not asked.caller.pin:
        return ()
    account = tuple(pair for pair in asked.query().pairs if pair[0] in _ACCOUNT)
    query = NO_QUERY.plus(dict(account)).raw
    headers = forwarded(asked.request.headers, body=False)
    shape = "/memories/{}" if asked.route.bare else "/v1/memories/{}/"
    return tuple(
        WireRequest(method="GET", path=shape.format(segment(memory_id)), query=query, headers=headers)
        for memory_id in dict.fromkeys(memory_ids)
    )


def projection(value: object) -> tuple[str, ...] | None:
    """The `fields` of a request; CallerError 400 for anything but a list of names."""
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise invalid("fields must be a list of names")
    return tuple(value) or None
