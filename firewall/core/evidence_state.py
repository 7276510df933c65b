"""The evidence of one scope in memory, folded from `Observed` and `Tended`, and the routes that it speaks of.

Memory is bounded: beyond `MOST_NODES` the oldest are let go, by a rule that every process follows alike. They stay in
the log, `archived` says where; what they said of a route stays in the route. Procedures and handoffs are let go last.
"""

from collections.abc import Iterable

import msgspec

from firewall.core.evidence import Node, Observed, Tended
from firewall.core.execution import OUTCOMES, RouteState, Said, after, route_key
from firewall.core.retrieval import Lexicon, lexicon_of
from firewall.core.routes import ExecutionRoute, RouteIndex

#: Nodes in memory, and how many more may gather before the oldest are let go at once.
MOST_NODES = 20_000
SLACK = 1_000
#: Where evidence that was let go can still be found by its id.
MOST_ARCHIVED = 200_000
#: Routes of a scope: an observation that would open one more is refused before it gets into the log.
MOST_ROUTES = 50_000
TEXT_CHARS = 2_000
_MOST_REFS = 64
_MOST_HANDOFFS = 16

_WELL = frozenset({"active", "archived"})
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


class Evidence(msgspec.Struct, kw_only=True, dict=True):
    """`nodes` in log order; `archived` gives the offsets of those that were let go; `anchors` the handoffs of an anchor,
    newest last; `clients` the node that a client id stands for."""

    nodes: dict[str, Node] = {}
    archived: dict[str, int] = {}
    anchors: dict[str, list[str]] = {}
    clients: dict[str, str] = {}

    @property
    def lexicon(self) -> Lexicon:
        """The words of the nodes; made at the first look, then kept up to date. Never stored."""
        found: Lexicon | None = self.__dict__.get("lexicon")
        if found is None:
            found = self.__dict__["lexicon"] = lexicon_of(
                (node.node_id, words_to_find(node)) for node in self.nodes.values()
            )
        return found

    def put(self, node: Node) -> None:
        """Take in a node; beyond the bound the oldest go."""
        self.nodes[node.node_id] = node
        self.archived.pop(node.node_id, None)
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
        for node in going:
            del self.nodes[node.node_id]
            self.archived[node.node_id] = node.offset
            if lexicon is not None:
                lexicon.remove(node.node_id)
        while len(self.archived) > MOST_ARCHIVED:
            del self.archived[next(iter(self.archived))]
        self.clients = {client: node for client, node in self.clients.items() if node in self.nodes}


def words_to_find(node: Node) -> str:
    """All that a query may name a node by."""
    return " ".join((node.title, node.text, node.task_signature, *node.target_files))


def observe(evidence: Evidence, routes: RouteIndex, event: Observed, offset: int) -> None:
    """Take in one piece of evidence; one that is known already changes nothing."""
    if event.node_id in evidence.nodes or event.node_id in evidence.archived:
        return
    node = node_of(event, offset)
    if event.kind == "execution" and event.outcome:
        node.route = _advance(routes, event, offset)
    evidence.put(node)
    if event.client_id:
        evidence.clients[event.client_id] = event.node_id
    if event.anchor:
        held = evidence.anchors.setdefault(event.anchor, [])
        held.append(event.node_id)
        del held[:-_MOST_HANDOFFS]
    _supersede(evidence, routes, event, offset)
    _contradict(evidence, event.contradicts)


def tend(evidence: Evidence, event: Tended) -> None:
    """Archive or rehydrate native evidence. Rehydrating makes available, to be looked at: what failed or is contested
    stays so, and what was fine before comes back to be inspected."""
    node = evidence.nodes.get(event.memory_id)
    if node is None and event.restored is not None and event.memory_id in evidence.archived:
        node = node_of(event.restored, event.origin)
        evidence.put(node)
    if node is None:
        return
    if event.operation == "archive":
        node.tier = "archive"
    elif event.operation == "rehydrate":
        if node.tier == "archive" or node.lifecycle == "archived" or event.restored is not None:
            node.lifecycle = "rehydration_candidate" if node.lifecycle in _WELL else node.lifecycle
        node.tier = event.tier


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
        event.audience, event.task_signature, event.target_files, event.workflow_signature, event.title
    )


def _advance(routes: RouteIndex, event: Observed, offset: int) -> str:
    """What the step makes of its route; the route's key."""
    key = key_of(event)
    before = routes.routes.get(key)
    since = min(event.observed_at, event.at)
    said = OUTCOMES[event.outcome]
    refs, memories = event.evidence_refs, event.memory_ids
    if before is not None:
        refs, memories = _union(before.evidence_refs, refs), _union(before.memory_ids, memories)
        state = before.state if since < before.since else after(before.state, said, verified=event.verified)
        rests = state is not before.state or (
            since >= before.since and _RESTS_ON.get(state) is said and event.verified >= before.verified
        )
        if not rests:
            if (refs, memories) != (before.evidence_refs, before.memory_ids):
                routes.put(msgspec.structs.replace(before, evidence_refs=refs, memory_ids=memories))
            return key
    else:
        state = after(None, said, verified=event.verified)
    routes.put(
        ExecutionRoute(
            key=key,
            step_id=event.node_id,
            state=state,
            title=event.title,
            text=event.text[:TEXT_CHARS],
            task_signature=event.task_signature,
            workflow_signature=event.workflow_signature,
            target_files=event.target_files,
            evidence_refs=refs,
            memory_ids=memories,
            audience=event.audience,
            team=event.audience.team,
            since=since,
            offset=offset,
        )
    )
    return key


def _union(held: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*more, *held)))[:_MOST_REFS]


def _supersede(evidence: Evidence, routes: RouteIndex, event: Observed, offset: int) -> None:
    for node_id in event.supersedes:
        node = evidence.nodes.get(node_id)
        if node is None or node_id == event.node_id:
            continue
        node.lifecycle, node.superseded_by = "superseded", event.node_id
        route = routes.routes.get(node.route)
        if route is None or route.key == (evidence.nodes[event.node_id].route or None):
            continue
        state = after(route.state, Said.superseded, verified=event.verified)
        if state is not route.state:
            routes.put(msgspec.structs.replace(route, state=state, step_id=event.node_id, offset=offset))


def _contradict(evidence: Evidence, node_ids: Iterable[str]) -> None:
    """What is contradicted is contested, and has to be inspected; what is already worse stays so."""
    for node_id in node_ids:
        node = evidence.nodes.get(node_id)
        if node is not None and node.lifecycle in {"active", "candidate", "unknown"}:
            node.lifecycle = "contested"
