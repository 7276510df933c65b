"""A trial: one run that was guided, as the log has it. Read from the state for the audience of its guide.

Rules
-----
1. Only feedback of this run on this guide counts, and only for the memories that the guide served; the first word on a
   memory counts, and any word against it.
2. Everything is read as the guide's audience sees it, so that nothing derived says more than they may know.
3. What was settled after the guide was served was not due from it.
"""

from collections.abc import Iterable

import msgspec

from firewall.core.attribution import Exposure, Standing, bare_id
from firewall.core.evidence import NATIVE, Exposed, ExposedItem, FeedbackGiven, Node, Served
from firewall.core.routes import ExecutionRoute
from firewall.core.state import State
from firewall.core.visibility import Audience, Viewer

#: Evidence that reached the prompt as something to go by.
CONTEXT: frozenset[Served] = frozenset({"use_now", "inspect_before_use"})
#: Where a blocked route is visible as such.
_WARNED: frozenset[Served] = frozenset({"do_not_use", "inspect_before_use"})
_WORKFLOW_KINDS = frozenset({"execution", "handoff"})
_UNSOUND = frozenset({"contested", "suppressed", "demoted", "superseded"})


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One memory that the guide served. `node`, `route` and `standing` are as they are now; None where there is none,
    or none that the audience sees. `stale`: it was over before it was served to be used. `borne_out`: a verifier, a tool or a runtime signal stands behind the feedback."""

    item: ExposedItem
    node: Node | None = None
    route: ExecutionRoute | None = None
    standing: Standing | None = None
    suppressed: bool = False
    stale: bool = False
    helped: bool = False
    harmed: bool = False
    noted: bool = False
    borne_out: bool = False

    @property
    def memory_id(self) -> str:
        return self.item.memory_id

    @property
    def in_context(self) -> bool:
        return self.item.served_surface in CONTEXT

    @property
    def acted_on(self) -> bool:
        return self.item.served_surface == "use_now"

    @property
    def credited(self) -> bool:
        return self.helped or self.harmed

    @property
    def workflow(self) -> bool:
        """A way of doing something, not just a fact."""
        return self.node is not None and (
            self.node.kind in _WORKFLOW_KINDS or self.node.node_type == "procedure"
        )

    @property
    def stable(self) -> bool:
        """It helped more than one run, and is settled: an accepted route or a procedure."""
        settled = self.node is not None and self.node.node_type == "procedure"
        settled = settled or (self.route is not None and self.route.succeeded and self.route.verified)
        return settled and self.standing is not None and self.standing.helped > 1

    @property
    def weak(self) -> bool:
        """Served to be acted on, though it is a step that did not succeed and whose route never did."""
        return (
            self.acted_on
            and self.node is not None
            and self.node.kind == "execution"
            and self.node.outcome not in {"", "succeeded"}
            and not (self.route is not None and self.route.succeeded)
        )

    @property
    def sound(self) -> bool:
        """Nothing known now speaks against it."""
        return (
            self.node is not None
            and not self.suppressed
            and self.node.outcome in {"", "succeeded"}
            and self.node.lifecycle not in _UNSOUND
            and (self.route is None or self.route.open)
            and not (self.standing is not None and self.standing.demoted)
        )

    @property
    def rehydrated(self) -> bool:
        return (
            self.item.served_surface == "rehydrate"
            and self.node is not None
            and self.node.lifecycle == "rehydration_candidate"
        )


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """`due` are the verified routes that the guide had to carry, `blocked` the failed ones that it had to show;
    `later` the steps of the run after it; `failed` and `contested` the task's routes of that kind as they are now."""

    served: Exposed
    offset: int
    run_id: str
    task_signature: str
    uses: tuple[Use, ...]
    given: tuple[FeedbackGiven, ...]
    later: tuple[Node, ...]
    due: tuple[ExecutionRoute, ...]
    blocked: tuple[ExecutionRoute, ...]
    failed: tuple[ExecutionRoute, ...]
    contested: tuple[ExecutionRoute, ...]
    active: ExecutionRoute | None

    def on(self, surface: Served) -> tuple[Use, ...]:
        return tuple(use for use in self.uses if use.item.served_surface == surface)

    @property
    def helped(self) -> tuple[Use, ...]:
        return tuple(use for use in self.uses if use.helped)

    @property
    def harmed(self) -> tuple[Use, ...]:
        return tuple(use for use in self.uses if use.harmed)

    def carries(self, route: ExecutionRoute) -> bool:
        """A settled route stood where it belonged: the accepted one to be used, the rejected one to be left alone."""
        surface: Served = "use_now" if route.succeeded else "do_not_use"
        return any(_is_of(use, route) for use in self.on(surface))

    def shows(self, route: ExecutionRoute) -> bool:
        """A failed route was visible as one."""
        return any(_is_of(use, route) for use in self.uses if use.item.served_surface in _WARNED)


def audience_viewer(audience: Audience) -> Viewer:
    """One who sees what everybody of an audience does, and no more."""
    if audience.lane == "shared":
        return Viewer(team=audience.team)
    return Viewer(agent=audience.agent or ("" if audience.team else audience.writer), team=audience.team)


def read_trial(state: State, exposure: Exposure, *, run_id: str, task_signature: str, now: float) -> Trial:
    """The trial of a run on a guide. The guide's own task counts; the one that is named does where it has none."""
    served, offset = exposure.served, exposure.offset
    viewer = audience_viewer(served.audience)
    task = served.task_signature or task_signature
    given = tuple(one for one in exposure.feedback if one.run_id == run_id)
    routes = _routes_of(state, viewer, task)
    before = [route for route in routes if route.offset <= offset]
    accepted = [
        route
        for route in before
        if route.succeeded and route.verified and not state.routes.overtaken(route, viewer)
    ]
    newest = max(accepted, key=_newest, default=None)
    failed = tuple(route for route in routes if route.failed)
    return Trial(
        served=served,
        offset=offset,
        run_id=run_id,
        task_signature=task,
        uses=tuple(_use(state, viewer, item, exposure, given, now) for item in served.items),
        given=given,
        later=tuple(
            node
            for node in state.evidence.nodes.values()
            if node.run_id == run_id and node.offset > offset and viewer.sees(node.audience)
        ),
        due=(
            *(() if newest is None else (newest,)),
            *(route for route in before if route.failed and route.verified),
        ),
        blocked=tuple(route for route in before if route.failed),
        failed=failed,
        contested=tuple(
            route for route in routes if not route.open and not route.failed and route.state != "superseded"
        ),
        active=_active(state, viewer, served, task),
    )


def _use(
    state: State,
    viewer: Viewer,
    item: ExposedItem,
    exposure: Exposure,
    given: Iterable[FeedbackGiven],
    now: float,
) -> Use:
    memory = (item.upstream, bare_id(item))
    node = state.evidence.nodes.get(memory[1]) if item.upstream == NATIVE else None
    if node is not None and not viewer.sees(node.audience):
        node = None
    route = None if node is None else state.routes.routes.get(node.route)
    stop = state.suppressions.get(memory)
    own = [one for one in given if item.memory_id in one.memory_ids]
    against = [one for one in own if one.outcome == "negative"]
    # What is said twice of one memory and run is said once; but a word against it is never overheard.
    said = against or own[:1]
    return Use(
        item=item,
        node=node,
        route=route,
        standing=state.standings.get(memory),
        suppressed=memory in state.suppressed
        or (stop is not None and (stop.until is None or stop.until > now)),
        stale=_stale(state, item, node, route, exposure.offset),
        helped=any(one.outcome == "positive" for one in said),
        harmed=bool(against),
        noted=any(one.outcome == "neutral" for one in said),
        borne_out=any((one.strong or one.verified) and one.outcome != "neutral" for one in said),
    )


def _stale(
    state: State, item: ExposedItem, node: Node | None, route: ExecutionRoute | None, offset: int
) -> bool:
    """Served to be used at that offset though it had been superseded before, or to be acted on though it had failed."""
    if node is None or item.served_surface not in CONTEXT:
        return False
    if node.superseded_by:
        successor = state.evidence.nodes.get(node.superseded_by)
        since = state.evidence.archived.get(node.superseded_by, 0) if successor is None else successor.offset
        if since <= offset:
            return True
    failed = route is not None and route.failed and route.offset <= offset
    return failed and item.served_surface == "use_now"


def _routes_of(state: State, viewer: Viewer, task: str) -> list[ExecutionRoute]:
    """The routes of a task in log order, those that the viewer sees."""
    if not task:
        return []
    keys = {mention.route for mention in state.routes.tables.tasks.get(task)}
    routes = (state.routes.routes[key] for key in keys)
    return sorted((route for route in routes if viewer.sees(route.audience)), key=_order)


def _active(state: State, viewer: Viewer, served: Exposed, task: str) -> ExecutionRoute | None:
    """The route that the guide led along, if it still is one; else the one to go on with now."""
    node = state.evidence.nodes.get(served.active_id)
    led = None if node is None else state.routes.routes.get(node.route)
    if (
        led is not None
        and led.succeeded
        and viewer.sees(led.audience)
        and not state.routes.overtaken(led, viewer)
    ):
        return led
    return state.routes.active(viewer, task=task) if task else None


def _is_of(use: Use, route: ExecutionRoute) -> bool:
    node = use.node
    return node is not None and (node.route == route.key or node.node_id == route.step_id)


def _newest(route: ExecutionRoute) -> tuple[float, int]:
    return route.since, route.offset


def _order(route: ExecutionRoute) -> tuple[int, str]:
    return route.offset, route.key
