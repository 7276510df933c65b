"""Recall: which evidence of the scope a guide looks at. By route, by word and by procedure; never a walk over all nodes.

What failed for the task always comes first and takes no place from the rest. Of the rest: the active path, procedures
of the task, its other routes newest first, and what the words of the query find. Nothing that the viewer may not see is
recalled, but for a settled failure that binds the viewer all the same: of that only id, files and reason are known.
"""

import heapq
from collections.abc import Iterator

import msgspec

from firewall.core.evidence import Node
from firewall.core.execution import RouteState
from firewall.core.guide.candidates import node_of_route, recalled_node
from firewall.core.guide.memory import Recalled
from firewall.core.routes import ExecutionRoute, counts_for
from firewall.core.state import State
from firewall.core.visibility import Viewer

#: Failed branches of one task that a guide names; more are counted. The newest come first.
MOST_FAILED = 512
_COLD = frozenset({"cold", "archive"})


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is recalled for whom. `limit` bounds all but the failed routes of the task."""

    viewer: Viewer
    query: str
    task: str = ""
    limit: int = 10
    most_failed: int = MOST_FAILED


class Recall(msgspec.Struct, frozen=True):
    """`task` is the task that was asked for, or that of the active path. `dropped` counts what did not fit, by code."""

    memories: tuple[Recalled, ...]
    active: ExecutionRoute | None
    task: str
    dropped: dict[str, int]


def recall(state: State, ask: Ask) -> Recall:
    """The evidence for a guide, each node once, what failed first."""
    active = state.routes.active(ask.viewer, task=ask.task, query=ask.query) if state.routes.routes else None
    task = ask.task or ("" if active is None else active.task_signature)
    return _Search(state, ask, task).run(active)


class _Search:
    __slots__ = ("_ask", "_chosen", "_dropped", "_room", "_state", "_task")

    def __init__(self, state: State, ask: Ask, task: str) -> None:
        self._state = state
        self._ask = ask
        self._task = task
        self._room = ask.limit
        self._chosen: dict[str, Recalled] = {}
        self._dropped: dict[str, int] = {}

    def run(self, active: ExecutionRoute | None) -> Recall:
        limit = self._ask.limit
        failed, others = self._routes()
        for route in heapq.nlargest(self._ask.most_failed, failed, key=_newest):
            self._put(self._step_of(route), route)
        self._count("failed_branches", len(failed) - self._ask.most_failed)
        if active is not None:
            self._take(self._step_of(active), active)
        for node in self._procedures(max(1, limit // 4)):
            self._take(node)
        newest = heapq.nlargest(limit, others, key=_newest)
        for route in newest[: max(1, limit // 2)]:
            self._take(self._step_of(route), route)
        for node in self._found():
            self._take(node)
        for route in newest:
            self._take(self._step_of(route), route)
        self._count("task_routes", sum(route.step_id not in self._chosen for route in others))
        return Recall(tuple(self._chosen.values()), active, self._task, self._dropped)

    def _routes(self) -> tuple[list[ExecutionRoute], list[ExecutionRoute]]:
        """The routes of the task: the failed ones that speak to the viewer, and the others that the viewer sees."""
        viewer, routes = self._ask.viewer, self._state.routes
        failed: list[ExecutionRoute] = []
        others: list[ExecutionRoute] = []
        if not self._task or not routes.routes:
            return failed, others
        for mention in routes.tables.tasks.get(self._task):
            route = routes.routes[mention.route]
            seen = viewer.sees(route.audience)
            if route.failed:
                if seen or (route.binds(viewer) and counts_for(route, viewer)):
                    failed.append(route)
            elif seen and route.state is not RouteState.superseded:
                others.append(route)
        return failed, others

    def _step_of(self, route: ExecutionRoute) -> Node:
        return self._state.evidence.nodes.get(route.step_id) or node_of_route(route)

    def _procedures(self, most: int) -> Iterator[Node]:
        evidence = self._state.evidence
        ids = evidence.procedures.get(self._task, {}) if self._task else {}
        seen = (evidence.nodes[node_id] for node_id in reversed(ids))
        for count, node in enumerate(node for node in seen if self._ask.viewer.sees(node.audience)):
            if count == most:
                return
            yield node

    def _found(self) -> Iterator[Node]:
        """What the words find. Other steps of a failed route would only say once more that it failed."""
        nodes, viewer = self._state.evidence.nodes, self._ask.viewer
        failed = {
            one.route.key for one in self._chosen.values() if one.route is not None and one.route.failed
        }

        def admit(node_id: str) -> bool:
            node = nodes[node_id]
            spent = node.route in failed and node.tier not in _COLD
            return node_id not in self._chosen and not spent and viewer.sees(node.audience)

        # The task's words first: of a long query only the beginning counts.
        words = f"{self._task} {self._ask.query}"
        for node_id, _score in self._state.evidence.lexicon.search(words, limit=self._room, admit=admit):
            yield nodes[node_id]

    def _take(self, node: Node, route: ExecutionRoute | None = None) -> None:
        """One of those that are bounded by the limit."""
        if node.node_id not in self._chosen and self._room > 0:
            self._room -= 1
            if route is None and node.route:
                route = self._state.routes.routes.get(node.route)
            self._put(node, route)

    def _put(self, node: Node, route: ExecutionRoute | None) -> None:
        visible = self._ask.viewer.sees(node.audience)
        self._chosen[node.node_id] = recalled_node(node, route, visible=visible)

    def _count(self, code: str, count: int) -> None:
        if count > 0:
            self._dropped[code] = count


def _newest(route: ExecutionRoute) -> tuple[float, int]:
    return route.since, route.offset
