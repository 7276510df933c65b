"""Native evidence as candidates of the adjudication, and their names on the wire."""

from firewall.core.evidence import NATIVE, Node
from firewall.core.guide.memory import Recalled
from firewall.core.model import Attestation, Candidate, Claims, Kind, Lifecycle
from firewall.core.routes import ExecutionRoute

_CURRENT = Claims(lifecycle=Lifecycle.current)
_KINDS = {
    "procedure": Kind.procedure,
    "concept": Kind.fact,
    "self_model": Kind.preference,
    "evidence": Kind.evidence,
    "event": Kind.event,
    "rule": Kind.rule,
}


def candidate_of(node: Node) -> Candidate:
    """What is adjudicated of a node: all of its text that could reach an agent, wherever it stands.

    That it is current is ours to say; what became of its route is for the admission. So a step that has a route of its
    own is not measured by the other routes of its task.
    """
    loose = (*node.workflow_steps, *node.acceptance_checks, node.next_action)
    return Candidate(
        id=node.node_id,
        upstream=NATIVE,
        kind=kind_of(node),
        title=node.title,
        text=node.text or node.title,
        target_files=node.target_files,
        task_signature="" if node.route else node.task_signature,
        evidence_refs=node.evidence_refs,
        attached=tuple(text for text in loose if text),
        created_at=node.observed_at,
        updated_at=node.observed_at,
        claims=_CURRENT,
        attestation=Attestation.verified if node.verified else Attestation.unsigned,
    )


def kind_of(node: Node) -> Kind:
    """The kind by which its age is judged."""
    if node.node_type == "procedure":
        return Kind.procedure
    if node.kind in {"execution", "handoff"}:
        return Kind.execution_memory
    return _KINDS.get(node.node_type, Kind.unknown)


def recalled_node(node: Node, route: ExecutionRoute | None, *, visible: bool = True) -> Recalled:
    """Native evidence, ready to be judged."""
    return Recalled(
        memory_id=node.node_id, candidate=candidate_of(node), node=node, route=route, visible=visible
    )


def recalled_row(candidate: Candidate) -> Recalled:
    """A memory of an upstream: on the wire its id carries the upstream's name."""
    return Recalled(memory_id=f"{candidate.upstream}:{candidate.id}", candidate=candidate)


def node_of_route(route: ExecutionRoute) -> Node:
    """What a route itself remembers of the step that decided it, once that step was let go from memory."""
    return Node(
        node_id=route.step_id,
        offset=route.offset,
        kind="execution",
        title=route.title,
        text=route.text,
        outcome="failed" if route.failed else "succeeded" if route.succeeded else "unknown",
        verified=route.verified,
        audience=route.audience,
        task_signature=route.task_signature,
        workflow_signature=route.workflow_signature,
        route=route.key,
        target_files=route.target_files,
        evidence_refs=route.evidence_refs,
        at=route.since,
        observed_at=route.since,
    )
