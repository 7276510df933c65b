"""`POST /v1/observe`: what an agent did or learned, taken in as evidence. Durable before the answer, all or none.

Who wrote it, for whom, in which role and when is memfw's word: the body's names count as far as the principal may use them.
"""

import msgspec

from firewall.core import evidence_state
from firewall.core.events import ScopeKey
from firewall.core.evidence import Observed
from firewall.core.state import State
from firewall.errors import CallerError, Issue
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Operation, Reply, Work, digest_of, operation_of
from firewall.service.evidence.handoff_views import HandoffView, view_of
from firewall.service.evidence.observe_body import ObserveBody
from firewall.service.evidence.observing import Stamp, events_of, linked, stamp_of
from firewall.service.evidence.shelf import Shelf
from firewall.service.evidence.uri import uri_of
from firewall.service.identity import audience_of, viewer_of
from firewall.service.principals import Principal
from firewall.service.strict_body import decode, validated

ROUTE = "POST /v1/observe"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    memory_written: bool
    handoff_stored: bool
    claim_count: int
    general_memory_count: int
    execution_memory_count: int
    auto_text_memory_count: int
    execution_observation_count: int


class StructuredMemory(msgspec.Struct, frozen=True, kw_only=True):
    memory_id: str
    type: str
    client_id: str | None
    outcome: str | None


class Structured(msgspec.Struct, frozen=True, kw_only=True):
    execution: tuple[StructuredMemory, ...]
    memory: tuple[StructuredMemory, ...]
    handoff: tuple[StructuredMemory, ...]
    claims: tuple[StructuredMemory, ...]
    text: tuple[StructuredMemory, ...]


class WrittenNode(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    uri: str
    type: str
    client_id: str | None


class WrittenEdge(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    src_id: str
    dst_id: str
    confidence: float


class MemoryWrite(msgspec.Struct, frozen=True, kw_only=True):
    nodes: tuple[WrittenNode, ...]
    edges: tuple[WrittenEdge, ...]


class PostCommit(msgspec.Struct, frozen=True, kw_only=True):
    semantic_commit: str = "committed"
    embedding: str = "not_requested"
    ann_sync: str = "not_requested"


class ObserveAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_observe_result_v1"
    operation_id: str
    tenant_id: str
    scope: str
    observed: Counts
    structured_memory: Structured
    memory_write: MemoryWrite
    handoff: HandoffView | None
    post_commit_projections: PostCommit = PostCommit()
    source_map: SourceMap = SourceMap(routes_used=("/v1/observe",), internal_surfaces_used=("memory_write",))


async def observe(desk: Desk, call: Call) -> Reply:
    """Take in one observation. CallerError: 400, 403, 404 `memory_not_found` for an edge, 409, 413."""
    decoded = decode(call.raw)
    body = validated(ObserveBody, decoded)
    key = call.key(body.tenant_id, body.scope)
    operation = _operation(key, call, body, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    stamp = _stamp(body, call.principal, desk.now())
    events = events_of(body, stamp, _handoff_stamp(body, call.principal, stamp), desk.new_id)
    state = await desk.state(key, after=call.after)
    _refuse_full(state, events)
    writer = body.producer_agent_id or body.actor
    shelf = Shelf(
        projections=desk.projections,
        key=key,
        state=state,
        viewer=viewer_of(call.principal, agent=writer, team=body.owner_team_id),
    )
    targets = await _ends(body, shelf)
    events[0] = linked(events[0], body.edges, targets)
    answer = _answer(key, body, events, targets, body.operation_id or f"op-{desk.new_id()}")
    return await desk.store(key, Work(events, answer), operation)


def _operation(key: ScopeKey, call: Call, body: ObserveBody, decoded: object) -> Operation | None:
    """Without an operation id a client id with the very same body is the same operation."""
    if body.operation_id:
        return operation_of(key, call, ROUTE, body.operation_id, decoded)
    parts = (body.execution, body.memory, body.handoff, *body.nodes, *body.claims)
    client_id = next((part.client_id for part in parts if part is not None and part.client_id), None)
    if client_id is None:
        return None
    return operation_of(key, call, f"{ROUTE}#client_id", f"{client_id}\x1f{digest_of(decoded)}", decoded)


def _stamp(body: ObserveBody, principal: Principal, now: float) -> Stamp:
    role = body.agent_role
    if role is None and body.execution is not None:
        role = body.execution.slots.agent_role or body.execution.slots.actor_role
    audience = audience_of(
        principal,
        lane=body.memory_lane,
        writer=body.producer_agent_id or body.actor,
        owner_agent=body.owner_agent_id,
        owner_team=body.owner_team_id,
    )
    return stamp_of(principal, role=role, audience=audience, now=now, observed_at=body.observed_at)


def _refuse_full(state: State, events: list[Observed]) -> None:
    known = state.routes.routes
    if len(known) < evidence_state.MOST_ROUTES:
        return
    for event in events:
        if event.kind == "execution" and evidence_state.key_of(event) not in known:
            raise CallerError(409, "scope_full", "this scope has as many routes as it can hold")


async def _ends(body: ObserveBody, shelf: Shelf) -> list[str]:
    """The ids at which the edges end; all of them have to be visible to the writer."""
    ends: list[str] = []
    missing: list[Issue] = []
    for place, edge in enumerate(body.edges):
        target = edge.target or edge.to or ""
        node_id = shelf.id_of(target)
        found = shelf.node(node_id) is not None or await shelf.find(node_id) is not None
        if not found:
            node_id = shelf.id_of_client(target)
            found = shelf.node(node_id) is not None
        if not found:
            missing.append(Issue(f"edges.{place}", "names no memory"))
        ends.append(node_id)
    if missing:
        raise CallerError(404, "memory_not_found", "an edge names no memory of this scope", issues=missing)
    return ends


def _handoff_stamp(body: ObserveBody, principal: Principal, stamp: Stamp) -> Stamp:
    """By the handoff's own names, and the body's where it has none."""
    part = body.handoff
    if part is None:
        return stamp
    audience = audience_of(
        principal,
        lane=part.memory_lane or body.memory_lane,
        writer=part.producer_agent_id or part.actor or body.producer_agent_id or body.actor,
        owner_agent=part.owner_agent_id or body.owner_agent_id,
        owner_team=part.owner_team_id or body.owner_team_id,
    )
    return stamp_of(
        principal,
        role=part.agent_role or stamp.role,
        audience=audience,
        now=stamp.at,
        observed_at=body.observed_at,
    )


def _answer(
    key: ScopeKey, body: ObserveBody, events: list[Observed], targets: list[str], operation_id: str
) -> ObserveAnswer:
    workflow = body.memory is not None and body.memory_kind == "execution_workflow"
    steps, memories, handoffs, claims, texts = (
        tuple(_structured(event) for event in events if event.kind == kind)
        for kind in ("execution", "memory", "handoff", "claim", "text")
    )
    handoff = next((event for event in events if event.kind == "handoff"), None)
    return ObserveAnswer(
        operation_id=operation_id,
        tenant_id=key.tenant,
        scope=key.scope,
        observed=Counts(
            memory_written=len(handoffs) < len(events),
            handoff_stored=handoff is not None,
            claim_count=len(claims),
            general_memory_count=len(memories) + len(texts) - workflow,
            execution_memory_count=len(steps) + workflow,
            auto_text_memory_count=len(texts),
            execution_observation_count=len(steps),
        ),
        structured_memory=Structured(
            execution=steps, memory=memories, handoff=handoffs, claims=claims, text=texts
        ),
        memory_write=MemoryWrite(
            nodes=tuple(
                WrittenNode(
                    id=event.node_id,
                    uri=uri_of(key, event.node_type, event.node_id),
                    type=event.node_type,
                    client_id=event.client_id or None,
                )
                for event in events
            ),
            edges=tuple(
                WrittenEdge(
                    type=edge.type or edge.relation or "",
                    src_id=events[0].node_id,
                    dst_id=target,
                    confidence=edge.confidence,
                )
                for edge, target in zip(body.edges, targets, strict=True)
            ),
        ),
        handoff=None if handoff is None else view_of(key, handoff),
    )


def _structured(event: Observed) -> StructuredMemory:
    return StructuredMemory(
        memory_id=event.node_id,
        type=event.node_type,
        client_id=event.client_id or None,
        outcome=event.outcome or None,
    )
