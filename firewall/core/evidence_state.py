"""The evidence of one scope in memory, folded from `Observed` and `Tended`, and the routes that it speaks of.

Memory is bounded: beyond `MOST_NODES` the oldest are let go, by a rule that every process follows alike. They stay in
the log, `archived` says where; what they said of a route stays in the route. Procedures and handoffs are let go last.
"""

from collections.abc import Iterable, Mapping
from itertools import chain

import msgspec

from firewall.core.evidence import Node, NodeLifecycle, Observed, Tended
from firewall.core.execution import OUTCOMES, RouteState, Said, after, route_key
from firewall.core.retrieval import Lexicon, lexicon_of
from firewall.core.route_tables import TEXT_CHARS
from firewall.core.route_words import words_of
from firewall.core.routes import ExecutionRoute, RouteIndex
from firewall.core.visibility import Viewer

#: Nodes in memory, and how many more may gather before the oldest are let go at once.
MOST_NODES = 20_000
SLACK = 200
#: Where evidence that was let go can still be found by its id.
MOST_ARCHIVED = 200_000
#: Routes of a scope: an observation that would open one more is refused before it gets into the log.
MOST_ROUTES = 50_000
_MOST_REFS = 64
_MOST_HANDOFFS = 16

_WELL = frozenset({"active", "archived"})
#: What later evidence says of a node, and the node's own event does not.
_ENDED = frozenset({"contested", "superseded", "rehydration_candidate"})
#: The statement that a state rests on: a newer one of the same weight is what the route then rests on.
_RESTS_ON = {
    RouteState.active: Said.tried,
    RouteState.passed: Said.passed,
    RouteState.accepted: Said.passed,
    RouteState.stopped: Said.stopped,
    RouteState.failed: Said.failed,
    RouteState.rejected: Said.failed,
    RouteState.superseded: Said.superseded,
}
_MOST_OF_A_CLIENT = 16
_TORN = frozenset({RouteState.contested, RouteState.disputed})
_FAILED_ONCE = _TORN | {RouteState.failed, RouteState.rejected}


class Evidence(msgspec.Struct, kw_only=True, dict=True):
    """`nodes` in log order; `archived` gives the offsets of those that were let go, `ended` what had become of them where
    the log alone does not say it; `anchors` the handoffs of an anchor, newest last; `clients` the nodes that
    a client id was given to, newest last: two teams may use the same one."""

    nodes: dict[str, Node] = {}
    archived: dict[str, int] = {}
    ended: dict[str, tuple[NodeLifecycle, str]] = {}
    anchors: dict[str, list[str]] = {}
    clients: dict[str, list[str]] = {}

    def of_client(self, client_id: str, viewer: Viewer) -> Node | None:
        """The newest evidence of that client id that the viewer may see."""
        for node_id in reversed(self.clients.get(client_id, ())):
            node = self.nodes[node_id]
            if viewer.sees(node.audience):
                return node
        return None

    @property
    def lexicon(self) -> Lexicon:
        """The words of the nodes; made at the first look, then kept up to date. Never stored."""
        found: Lexicon | None = self.__dict__.get("lexicon")
        if found is None:
            found = self.__dict__["lexicon"] = lexicon_of(
                (node.node_id, words_to_find(node)) for node in self.nodes.values()
            )
        return found

    @property
    def searchable(self) -> bool:
        """Whether the lexicon is made: to make that of many nodes takes its time."""
        return "lexicon" in self.__dict__

    def adopt(self, lexicon: Lexicon, made_of: Mapping[str, Node]) -> None:
        """Take over words that were gathered elsewhere from the nodes as they had been, and bring them up to date."""
        for node_id, node in made_of.items():
            if node_id not in self.nodes:
                lexicon.remove(node_id, words_to_find(node))
        for node_id, node in self.nodes.items():
            if node_id not in made_of:
                lexicon.add(node_id, words_to_find(node))
        self.__dict__["lexicon"] = lexicon

    @property
    def procedures(self) -> dict[str, dict[str, None]]:
        """The procedures of each task, oldest first; made at the first look, then kept up to date. Never stored."""
        found: dict[str, dict[str, None]] | None = self.__dict__.get("procedures")
        if found is None:
            found = self.__dict__["procedures"] = {}
            for node in self.nodes.values():
                _enter(found, node)
        return found

    def put(self, node: Node) -> None:
        """Take in a new node; beyond the bound the oldest go."""
        self.nodes[node.node_id] = node
        procedures: dict[str, dict[str, None]] | None = self.__dict__.get("procedures")
        if procedures is not None:
            _enter(procedures, node)
        lexicon: Lexicon | None = self.__dict__.get("lexicon")
        if lexicon is not None:
            lexicon.add(node.node_id, words_to_find(node))
        if len(self.nodes) > MOST_NODES + SLACK:
            self._let_go(len(self.nodes) - MOST_NODES)

    def _let_go(self, count: int) -> None:
        kept_longer = [node for node in self.nodes.values() if node.node_type == "procedure" or node.anchor]
        spared = {node.node_id for node in kept_longer[-(MOST_NODES // 2) :]}
        going = [node for node in self.nodes.values() if node.node_id not in spared][:count]
        lexicon: Lexicon | None = self.__dict__.get("lexicon")
        procedures: dict[str, dict[str, None]] = self.__dict__.get("procedures", {})
        for node in going:
            del self.nodes[node.node_id]
            procedures.get(node.task_signature, {}).pop(node.node_id, None)
            self.archived[node.node_id] = node.offset
            if node.lifecycle in _ENDED:
                self.ended[node.node_id] = (node.lifecycle, node.superseded_by)
            if lexicon is not None:
                lexicon.remove(node.node_id, words_to_find(node))
        while len(self.archived) > MOST_ARCHIVED:
            oldest = next(iter(self.archived))
            del self.archived[oldest]
            self.ended.pop(oldest, None)
        self.clients = {
            client: held
            for client, nodes in self.clients.items()
            if (held := [node for node in nodes if node in self.nodes])
        }
        self.anchors = {
            anchor: held for anchor, nodes in self.anchors.items() if (held := [*filter(self.knows, nodes)])
        }

    def knows(self, node_id: str) -> bool:
        """Whether it is in memory, or can be brought back from the log."""
        return node_id in self.nodes or node_id in self.archived

    def restore(self, event: Observed, offset: int) -> None:
        """Bring back what was let go, as what it had become."""
        node = node_of(event, offset)
        lifecycle, superseded_by = self.ended.pop(node.node_id, (node.lifecycle, ""))
        del self.archived[node.node_id]
        self.put(msgspec.structs.replace(node, lifecycle=lifecycle, superseded_by=superseded_by))

    def mark(self, node_id: str, lifecycle: NodeLifecycle, *, by: str = "") -> None:
        """What others say of a node in memory."""
        node = self.nodes[node_id]
        self.nodes[node_id] = msgspec.structs.replace(node, lifecycle=lifecycle, superseded_by=by)


def _enter(procedures: dict[str, dict[str, None]], node: Node) -> None:
    if node.node_type == "procedure" and node.task_signature:
        procedures.setdefault(node.task_signature, {})[node.node_id] = None


def words_to_find(node: Node) -> str:
    """All that a query may name a node by."""
    return " ".join((node.title, node.text, node.task_signature, *node.target_files))


def observe(evidence: Evidence, routes: RouteIndex, event: Observed, offset: int) -> None:
    """Take in one piece of evidence; one that is known already changes nothing."""
    if evidence.knows(event.node_id):
        return
    if event.kind == "execution" and event.outcome:
        _advance(routes, event, offset)
    evidence.put(node_of(event, offset))
    if event.client_id:
        same = evidence.clients.setdefault(event.client_id, [])
        same.append(event.node_id)
        del same[:-_MOST_OF_A_CLIENT]
    if event.anchor:
        held = evidence.anchors.setdefault(event.anchor, [])
        held.append(event.node_id)
        del held[:-_MOST_HANDOFFS]
    _supersede(evidence, routes, event, offset)
    _contradict(evidence, event, event.contradicts)


def tend(evidence: Evidence, event: Tended) -> None:
    """Archive or rehydrate native evidence. Rehydrating makes available, to be looked at: what failed or is contested
    stays so, and what was fine before comes back to be inspected."""
    restored = event.restored
    if restored is not None and restored.node_id == event.memory_id and event.memory_id in evidence.archived:
        evidence.restore(restored, event.origin)
    node = evidence.nodes.get(event.memory_id)
    if node is None:
        return
    if event.operation == "archive":
        evidence.nodes[node.node_id] = msgspec.structs.replace(node, tier="archive")
    elif event.operation == "rehydrate":
        away = node.tier == "archive" or node.lifecycle == "archived" or restored is not None
        lifecycle = "rehydration_candidate" if away and node.lifecycle in _WELL else node.lifecycle
        evidence.nodes[node.node_id] = msgspec.structs.replace(node, tier=event.tier, lifecycle=lifecycle)


def node_of(event: Observed, offset: int) -> Node:
    """What is kept of an event in memory."""
    return Node(
        node_id=event.node_id,
        offset=offset,
        kind=event.kind,
        node_type=event.node_type,
        title=event.title,
        text=event.text[:TEXT_CHARS],
        outcome=event.outcome,
        role=event.role,
        verified=event.verified,
        audience=event.audience,
        task_signature=event.task_signature,
        run_id=event.run_id,
        workflow_signature=event.workflow_signature,
        route=key_of(event) if event.kind == "execution" and event.outcome else "",
        target_files=event.target_files,
        evidence_refs=event.evidence_refs,
        workflow_steps=event.workflow_steps,
        acceptance_checks=event.acceptance_checks,
        next_action=event.next_action,
        handoff_target=event.handoff_target,
        lifecycle=event.lifecycle,
        tier=event.tier,
        confidence=event.confidence,
        anchor=event.anchor,
        handoff_kind=event.handoff_kind,
        at=event.at,
        observed_at=min(event.observed_at, event.at),
    )


def key_of(event: Observed) -> str:
    """The key of the route that an execution step speaks of."""
    return route_key(
        event.audience,
        event.task_signature,
        event.target_files,
        event.workflow_signature,
        event.title if words_of(event.title) else event.text,
    )


def _advance(routes: RouteIndex, event: Observed, offset: int) -> None:
    """What the step makes of its route."""
    key = key_of(event)
    said = OUTCOMES[event.outcome]
    before = routes.routes.get(key)
    if before is None:
        routes.put(_stated(event, key, after(None, said, verified=event.verified), offset))
        return
    history = _is_history(event, before)
    state = before.state if history else after(before.state, said, verified=event.verified)
    named = {
        "evidence_refs": _refs(before.evidence_refs, event.evidence_refs, before, event, state),
        "memory_ids": _refs(before.memory_ids, event.memory_ids, before, event, state),
        "teams": _teams(before, event, state, said),
    }
    changed = state is not before.state
    if changed and state in _TORN:
        # Recognised by what failed, until that is settled.
        now = msgspec.structs.replace(
            before, state=state, step_id=event.node_id, since=_later(before, event), offset=offset, **named
        )
    elif changed or (not history and _renews(before, event, said)):
        stated = _stated(event, key, state, offset)
        now = msgspec.structs.replace(stated, since=_later(before, event), **named)
    else:
        now = msgspec.structs.replace(before, **named)
    if now != before:
        routes.put(now)


def _stated(event: Observed, key: str, state: RouteState, offset: int) -> ExecutionRoute:
    """A route as one step alone states it."""
    return ExecutionRoute(
        key=key,
        step_id=event.node_id,
        state=state,
        title=event.title,
        text=event.text[:TEXT_CHARS],
        task_signature=event.task_signature,
        workflow_signature=event.workflow_signature,
        target_files=event.target_files,
        evidence_refs=_union(event.evidence_refs),
        memory_ids=_union(event.memory_ids),
        audience=event.audience,
        teams=(event.audience.team,) if event.outcome == "failed" else (),
        since=min(event.observed_at, event.at),
        offset=offset,
    )


def _is_history(event: Observed, route: ExecutionRoute) -> bool:
    """Only what says itself that it is old: the clocks of two processes differ, and then the order of the log counts."""
    return event.observed_at < event.at and event.observed_at < route.since


def _later(route: ExecutionRoute, event: Observed) -> float:
    return max(route.since, min(event.observed_at, event.at))


def _renews(before: ExecutionRoute, event: Observed, said: Said) -> bool:
    """Whether a route that stays what it is rests on this statement from now on: one of the same kind and at least the
    same weight, that nobody is shut out from who saw the one before."""
    return (
        _RESTS_ON.get(before.state) is said
        and event.verified >= before.verified
        and (event.audience.lane == "private" or event.audience.team in {"", before.audience.team})
    )


def _refs(
    held: tuple[str, ...], more: tuple[str, ...], before: ExecutionRoute, event: Observed, state: RouteState
) -> tuple[str, ...]:
    """What the route is recognised by. An accepted one vouches for what it names: so a verifier or reviewer has to
    have named it. What somebody else names never pushes out what they did."""
    if state is RouteState.accepted:
        if not event.verified:
            return held
        if before.state is not RouteState.accepted:
            return _union(more)
    return _union(more, held) if event.verified >= before.verified else _union(held, more)


def _teams(before: ExecutionRoute, event: Observed, state: RouteState, said: Said) -> tuple[str, ...]:
    """The teams whose own failure stands. One team's says nothing less because another one failed too."""
    if state not in _FAILED_ONCE:
        return ()
    more = (event.audience.team,) if said is Said.failed else ()
    held = before.teams if before.state in _FAILED_ONCE else ()
    return _union(held, more)


def _union(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain(*parts)))[:_MOST_REFS]


def _supersede(evidence: Evidence, routes: RouteIndex, event: Observed, offset: int) -> None:
    for node_id in event.supersedes:
        node = evidence.nodes.get(node_id)
        if node is None or node_id == event.node_id or not event.audience.speaks_to(node.audience):
            continue
        if node.verified and not event.verified:
            _contradict(evidence, event, (node_id,))
            continue
        evidence.mark(node_id, "superseded", by=event.node_id)
        route = routes.routes.get(node.route)
        if route is None or route.key == evidence.nodes[event.node_id].route or _is_history(event, route):
            continue
        state = after(route.state, Said.superseded, verified=event.verified)
        if state is not route.state:
            since = _later(route, event)
            routes.put(
                msgspec.structs.replace(route, state=state, step_id=event.node_id, since=since, offset=offset)
            )


def _contradict(evidence: Evidence, event: Observed, node_ids: Iterable[str]) -> None:
    """What is contradicted is contested, and has to be inspected; what is already worse stays so."""
    for node_id in node_ids:
        node = evidence.nodes.get(node_id)
        if node is None or node_id == event.node_id or not event.audience.speaks_to(node.audience):
            continue
        if node.lifecycle in {"active", "candidate", "unknown"}:
            evidence.mark(node_id, "contested")
