"""What a row of Zep's route tables says: class, whose memory it is about, what its answer holds, what a write stores.

The rows are in `routes_v2` (clients 3.x and the community edition) and `routes_v4`. A route that is not there does not exist.
"""

import enum
from typing import Literal

import msgspec

from firewall.core.wire.layouts import Layout
from firewall.ports import RouteClass, RouteSpec

Version = Literal["v2", "v4"]


class Whose(enum.Enum):
    """Where a request says whose memory it is about. It is the key of the planners' table."""

    __hash__ = object.__hash__

    nobody = enum.auto()  # no memory in it
    everybody = enum.auto()  # not for a pinned caller
    user = enum.auto()  # in the path
    graph = enum.auto()  # in the path
    thread = enum.auto()  # in the path; a thread's user is looked up first
    session = enum.auto()  # a thread of the community edition
    body = enum.auto()  # a user or a graph in the body
    query = enum.auto()  # a user or a graph in the query
    graphs = enum.auto()  # a list of graphs in the body
    items = enum.auto()  # in each item of the body
    item = enum.auto()  # an item by its id: what it states itself
    lookup = enum.auto()  # ids of clients, in the body
    own_user = enum.auto()  # all of a user: role admin, or pinned to just that
    own_graph = enum.auto()


class Draft(enum.Enum):
    """What of a body would be stored."""

    __hash__ = object.__hash__

    nothing = enum.auto()
    messages = enum.auto()
    body = enum.auto()
    edges = enum.auto()
    nodes = enum.auto()
    episodes = enum.auto()
    items = enum.auto()


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `layout` None: the answer holds no memory. `single`: it is one memory that was asked for by its id.

    `states`: the answer itself says whose it is.
    """

    name: str
    method: str
    pattern: str
    route_class: RouteClass
    version: Version
    whose: Whose = Whose.nobody
    layout: Layout | None = None
    draft: Draft = Draft.nothing
    single: bool = False
    states: bool = False
    note: str = ""

    @property
    def spec(self) -> RouteSpec:
        return RouteSpec(
            name=self.name,
            method=self.method,
            pattern=self.pattern,
            route_class=self.route_class,
            note=self.note,
        )


class Rows:
    """Rows of one version, each written as one line."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._prefix = f"/api/{version}"

    def read(
        self,
        name: str,
        line: str,
        whose: Whose = Whose.everybody,
        layout: Layout | None = None,
        *,
        single: bool = False,
        states: bool = False,
        note: str = "",
    ) -> Route:
        return self._row(
            name, line, RouteClass.governed_read, whose, layout, single=single, states=states, note=note
        )

    def write(
        self,
        name: str,
        line: str,
        whose: Whose = Whose.everybody,
        draft: Draft = Draft.nothing,
        layout: Layout | None = None,
        *,
        note: str = "",
    ) -> Route:
        return self._row(name, line, RouteClass.gated_write, whose, layout, draft=draft, note=note)

    def admin(self, name: str, line: str) -> Route:
        return self._row(name, line, RouteClass.admin, Whose.nobody, None)

    def passed(self, name: str, line: str) -> Route:
        return self._row(name, line, RouteClass.passed, Whose.nobody, None)

    def _row(
        self,
        name: str,
        line: str,
        route_class: RouteClass,
        whose: Whose,
        layout: Layout | None,
        *,
        draft: Draft = Draft.nothing,
        single: bool = False,
        states: bool = False,
        note: str = "",
    ) -> Route:
        method, pattern = line.split(" ")
        return Route(
            name=f"{self._version}.{name}",
            method=method,
            pattern=self._prefix + pattern,
            route_class=route_class,
            version=self._version,
            whose=whose,
            layout=layout,
            draft=draft,
            single=single,
            states=states,
            note=note,
        )


PINNED_404 = "a pinned caller gets 404 where the item does not state its owner"
OWN = "needs role admin, or a caller that is pinned to just that"
