"""Execution routes as the adjudication sees them: what was tried, what became of it, and who is bound by that.

What an open route holds too does not give a blocked one away, if the open one is visible to whoever asks and as well
vouched for: an agent's own success takes no ground back from a verifier's rejection.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import msgspec

from firewall.core.route_tables import Chosen, ExecutionRoute, Mention, RouteTables, tables_of
from firewall.core.route_words import normal_path, words_of
from firewall.core.visibility import Viewer

__all__ = ["ExecutionRoute", "Mention", "RouteIndex", "counts_for"]


class RouteIndex(msgspec.Struct, dict=True):
    """The routes of one scope by their key. `put` is the only way in; the tables are made at the first look."""

    routes: dict[str, ExecutionRoute] = {}

    @classmethod
    def of(cls, routes: Iterable[ExecutionRoute]) -> "RouteIndex":
        """An index of these, with its tables made. Routes without a key get their place as one."""
        index = cls()
        for place, route in enumerate(routes):
            index.put(route if route.key else msgspec.structs.replace(route, key=f"#{place:06d}"))
        _ = index.tables
        return index

    @property
    def tables(self) -> RouteTables:
        """Made from `routes` alone, so never stored or sent with them."""
        found: RouteTables | None = self.__dict__.get("tables")
        if found is None:
            found = self.__dict__["tables"] = tables_of(self.routes.values(), self.chosen)
        return found

    @property
    def chosen(self) -> Mapping[str, Chosen]:
        """By which words the routes are recognised: what of the tables takes longest to make anew."""
        tables: RouteTables | None = self.__dict__.get("tables")
        if tables is None:
            found: Mapping[str, Chosen] = self.__dict__.get("chosen", {})
            return found
        return {key: (self.routes[key].offset, pairs) for key, pairs in tables.worded_by.items()}

    def remember(self, chosen: Mapping[str, Chosen]) -> None:
        """What a former process had chosen; of a route that has changed since it is not used."""
        self.__dict__["chosen"] = chosen

    @property
    def recognises(self) -> bool:
        """Whether the tables are made: to make those of many routes takes its time."""
        return "tables" in self.__dict__

    def adopt(self, tables: RouteTables, made_of: Mapping[str, ExecutionRoute]) -> None:
        """Take over tables that were made elsewhere of the routes as they had been, and bring them up to date."""
        for key, route in self.routes.items():
            before = made_of.get(key)
            if before is not route:
                if before is not None:
                    tables.leave(before)
                tables.enter(route)
        self.__dict__["tables"] = tables
        self.__dict__.pop("chosen", None)

    def put(self, route: ExecutionRoute) -> None:
        """Enter a route, or what has become of it."""
        tables: RouteTables | None = self.__dict__.get("tables")
        before = self.routes.get(route.key)
        self.routes[route.key] = route
        if tables is not None:
            if before is not None:
                tables.leave(before)
            tables.enter(route)

    def blocked(self, mentions: Iterable[Mention], viewer: Viewer) -> list[Mention]:
        """Those of routes that may not be taken, without what an open one that the viewer sees holds as well as they."""
        found: list[tuple[Mention, ExecutionRoute]] = []
        opened = accepted = False
        for mention in mentions:
            route = self.routes[mention.route]
            if not route.open:
                if counts_for(route, viewer):
                    found.append((mention, route))
            elif viewer.sees(route.audience):
                opened = True
                accepted = accepted or route.verified
        if accepted:
            return []
        return [mention for mention, route in found if not opened or route.verified]

    def overtaken(self, route: ExecutionRoute, viewer: Viewer) -> bool:
        """Every file of this route belongs to one that failed or was disputed later and is as well vouched for."""
        if not route.target_files:
            return False
        return all(
            any(
                (later.failed or later.disputed)
                and later.offset > route.offset
                and (later.verified or not route.verified)
                and counts_for(later, viewer)
                for later in map(self._route_of, self.tables.files.get(normal_path(file)))
            )
            for file in route.target_files
        )

    def active(self, viewer: Viewer, *, task: str = "", query: str = "") -> ExecutionRoute | None:
        """The accepted route to go on with: the newest success of the task. Without a task, of the one whose name the
        query speaks of, or of the only one that the viewer knows."""
        if not task:
            task = self._task_of(query, viewer)
        solved = [route for route in self._solved(task, viewer) if not self.overtaken(route, viewer)]
        return max(solved, key=_newest, default=None)

    def active_path(self, viewer: Viewer, query: str) -> tuple[str, ...]:
        """The files of the accepted route for what is asked; none where none is known."""
        route = self.active(viewer, query=query) if self.routes else None
        return () if route is None else route.target_files

    def _task_of(self, query: str, viewer: Viewer) -> str:
        """Half of the words of its name are in the query; the nearest, then the last by its name."""
        tables = self.tables
        words = frozenset(words_of(query))
        shared = Counter(chain.from_iterable(tables.topics.get(word, ()) for word in words))
        near = [
            (share, task)
            for task, count in shared.items()
            if 2 * (share := count / len(frozenset(words_of(task)))) >= 1
        ]
        for _, task in sorted(near, reverse=True):
            if any(self._solved(task, viewer)):
                return task
        known = (task for task in tables.solved if any(self._solved(task, viewer)))
        only = next(known, "")
        return only if next(known, None) is None else ""

    def _solved(self, task: str, viewer: Viewer) -> Iterator[ExecutionRoute]:
        for mention in self.tables.solved.get(task):
            route = self.routes[mention.route]
            if viewer.sees(route.audience):
                yield route

    def _route_of(self, mention: Mention) -> ExecutionRoute:
        return self.routes[mention.route]


def _newest(route: ExecutionRoute) -> tuple[float, int]:
    return route.since, route.offset


def counts_for(route: ExecutionRoute, viewer: Viewer) -> bool:
    """Whether a route that may not be taken speaks to this viewer: a private one does to its own circle only."""
    return route.audience.lane == "shared" or viewer.sees(route.audience)
