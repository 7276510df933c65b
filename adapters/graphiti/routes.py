"""Graphiti's route table, as data. A route that is not here does not exist."""

import enum

import msgspec

from firewall.core.wire.graph_items import Sort
from firewall.core.wire.layouts import Known, Layout, Many, One
from firewall.ports import RouteClass, RouteSpec


class Planning(enum.Enum):
    """How a request becomes an upstream request. It is the key of the planners' table."""

    __hash__ = object.__hash__

    plain = enum.auto()
    search = enum.auto()
    memory = enum.auto()
    group_path = enum.auto()
    group_body = enum.auto()
    item = enum.auto()
    unseen = enum.auto()


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `layout` None: the answer holds no memory."""

    spec: RouteSpec
    planning: Planning
    layout: Layout | None = None
    single: bool = False


def _route(
    name: str,
    line: str,
    route_class: RouteClass,
    planning: Planning = Planning.plain,
    layout: Layout | None = None,
    *,
    single: bool = False,
    note: str = "",
) -> Route:
    method, pattern = line.split(" ")
    spec = RouteSpec(name=name, method=method, pattern=pattern, route_class=route_class, note=note)
    return Route(spec=spec, planning=planning, layout=layout, single=single)


_READ = RouteClass.governed_read
_WRITE = RouteClass.gated_write
_ADMIN = RouteClass.admin
_P = Planning

_FACT = One(Sort.edge)
_NODE = One(Sort.node, summary="summary", notes="attributes")
_FACTS = Known({"facts": Many(_FACT)})
_EPISODES = Many(One(Sort.episode))

_GROUPS = "needs group_ids; without them role admin"
_NOT_STATED = "a fact does not state its group: a pinned caller gets 404"

ROUTES: tuple[Route, ...] = (
    _route("healthcheck", "GET /healthcheck", RouteClass.passed),
    _route("search", "POST /search", _READ, _P.search, _FACTS, note=_GROUPS),
    _route("memory", "POST /get-memory", _READ, _P.memory, _FACTS),
    _route("episodes", "GET /episodes/{group_id}", _READ, _P.group_path, _EPISODES),
    _route("edge", "GET /entity-edge/{uuid}", _READ, _P.item, _FACT, single=True, note=_NOT_STATED),
    _route("messages.add", "POST /messages", _WRITE, _P.group_body),
    _route("node.add", "POST /entity-node", _WRITE, _P.group_body, _NODE),
    _route("edge.delete", "DELETE /entity-edge/{uuid}", _WRITE, _P.item, note=_NOT_STATED),
    _route("episode.delete", "DELETE /episode/{uuid}", _WRITE, _P.unseen, note="not for a pinned caller"),
    _route("group.delete", "DELETE /group/{group_id}", _ADMIN),
    _route("clear", "POST /clear", _ADMIN),
)
