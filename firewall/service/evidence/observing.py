"""From a body to events: one `Observed` for each piece of evidence, with all that was sent of it as its payload.

What is kept in memory of an event is bounded here; the payload holds the whole. Pure but for the ids it is given.
`observed_at` counts from hosts, reviewers and administrators, is ignored from agents, and never lies ahead.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict

import msgspec

from firewall.core.evidence import Observed
from firewall.core.prompt import TITLE_CHARS, one_line
from firewall.core.visibility import Audience
from firewall.errors import CallerError
from firewall.service.evidence.handoff_body import HandoffPart
from firewall.service.evidence.observe_body import ClaimPart, EdgePart, ExecutionPart, MemoryPart, ObserveBody
from firewall.service.evidence.parts import Slots
from firewall.service.identity import acting_as
from firewall.service.principals import Principal, Role

#: Bytes of JSON that one piece of evidence may have. What is larger belongs where `raw_ref` points.
PAYLOAD_BYTES = 262_144
#: What of its lists an event carries.
_REFS = 64
_STEPS = 32
_STEP_CHARS = 480
#: A weaker edge is kept and changes nothing.
EDGE_CONFIDENCE = 0.70

#: What an edge does to its end. Invalidated evidence is contested until somebody says what is so instead.
_COUNTED = {"supersedes": "supersedes", "contradicts": "contradicts", "invalidates": "contradicts"}

_SAYS_WHEN = frozenset({Role.host, Role.reviewer, Role.admin})

_canonical = msgspec.json.Encoder(order="sorted")


class _Stamped(TypedDict):
    node_id: str
    principal: str
    role: str
    verified: bool
    audience: Audience
    at: float
    observed_at: float


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What memfw itself says of every piece of an observation. `observed_at` never lies after `at`."""

    principal: str
    role: str
    verified: bool
    audience: Audience
    at: float
    observed_at: float


def stamp_of(
    principal: Principal,
    *,
    role: str | None,
    audience: Audience,
    now: float,
    observed_at: float | None = None,
) -> Stamp:
    """CallerError 403 `role_denied` for a role that the principal may not act in."""
    acting = acting_as(principal, role)
    return Stamp(
        principal=principal.name,
        role=acting.role,
        verified=acting.verified,
        audience=audience,
        at=now,
        observed_at=now if observed_at is None or principal.role not in _SAYS_WHEN else min(observed_at, now),
    )


def events_of(
    body: ObserveBody, stamp: Stamp, handoff_stamp: Stamp, new_id: Callable[[], str]
) -> list[Observed]:
    """The events of a body, the step first. `input_text` is the text of the step, or else of the memory, if it has
    none of its own; nothing else is made of it beside other pieces."""
    text = (body.input_text or "").strip()
    events: list[Observed] = []
    if body.execution is not None:
        events.append(execution_event(body.execution, stamp, new_id(), text))
    if body.memory is not None:
        kind = "procedure" if body.memory_kind == "execution_workflow" else "concept"
        beside = "" if events else text
        events.append(memory_event(body.memory, stamp, new_id(), beside, kind))
    if body.handoff is not None:
        events.append(handoff_event(body.handoff, handoff_stamp, new_id()))
    events.extend(_claim_event(claim, stamp, new_id()) for claim in body.claims)
    events.extend(memory_event(node, stamp, new_id(), "", "event") for node in body.nodes)
    if not events:
        events.append(_text_event(text, stamp, new_id()))
    return events


def linked(event: Observed, edges: Sequence[EdgePart], targets: Sequence[str]) -> Observed:
    """The event with the edges that go out from it; `targets` are the ids of their ends, in their order."""
    if not edges:
        return event
    ends: dict[str, list[str]] = {"supersedes": [], "contradicts": []}
    written: list[dict[str, object]] = []
    for edge, target in zip(edges, targets, strict=True):
        relation = edge.type or edge.relation or ""
        written.append({"type": relation, "target": target, "confidence": edge.confidence})
        counted = _COUNTED.get(relation)
        if counted is not None and edge.confidence >= EDGE_CONFIDENCE:
            ends[counted].append(target)
    sent: dict[str, object] = msgspec.json.decode(event.payload)
    return msgspec.structs.replace(
        event,
        supersedes=tuple(dict.fromkeys(ends["supersedes"])),
        contradicts=tuple(dict.fromkeys(ends["contradicts"])),
        payload=_canonical.encode({**sent, "edges": written}),
    )


def execution_event(part: ExecutionPart, stamp: Stamp, node_id: str, input_text: str) -> Observed:
    """A step. What the text of the request adds to the summary stays in the payload."""
    slots = part.slots
    text = part.summary or input_text
    items = [name for item in part.evidence for name in (item.ref, item.id)]
    return Observed(
        **_stamped(stamp, node_id),
        kind="execution",
        title=part.title or _title_of(text),
        text=text,
        outcome=part.outcome,
        client_id=part.client_id or "",
        task_signature=part.task_signature or slots.task_signature or "",
        task_family=part.task_family or "",
        task_id=part.task_id or "",
        run_id=part.run_id or "",
        workflow_signature=part.workflow_signature or slots.workflow_signature or "",
        target_files=tuple(part.target_files),
        evidence_refs=_refs([part.evidence_ref, *items, part.raw_ref], slots),
        memory_ids=tuple(slots.memory_ids[:_REFS]),
        workflow_steps=_steps(part.workflow_steps or slots.workflow_steps or slots.procedure_steps),
        acceptance_checks=_steps(part.acceptance_checks or slots.acceptance_checks),
        next_action=_step(part.continuation_hint or part.resume_hint or ""),
        handoff_target=slots.handoff_target or "",
        lifecycle=slots.lifecycle_state or "active",
        confidence=part.confidence,
        payload=_payload("execution", part, input_text),
    )


def memory_event(
    part: MemoryPart, stamp: Stamp, node_id: str, input_text: str, default_type: str
) -> Observed:
    """A memory, or one of the nodes of a body."""
    slots = part.slots
    text = part.text_summary or input_text
    return Observed(
        **_stamped(stamp, node_id),
        kind="memory",
        node_type=part.type or default_type,
        title=part.title or _title_of(text),
        text=text,
        client_id=part.client_id or "",
        task_signature=slots.task_signature or "",
        workflow_signature=slots.workflow_signature or "",
        target_files=tuple(part.target_files),
        evidence_refs=_refs([part.evidence_ref, part.raw_ref], slots),
        memory_ids=tuple(slots.memory_ids[:_REFS]),
        workflow_steps=_steps(slots.workflow_steps or slots.procedure_steps),
        acceptance_checks=_steps(slots.acceptance_checks),
        handoff_target=slots.handoff_target or "",
        lifecycle=slots.lifecycle_state or "active",
        tier=part.tier,
        confidence=part.confidence,
        payload=_payload("memory", part, input_text),
    )


def handoff_event(part: HandoffPart, stamp: Stamp, node_id: str) -> Observed:
    """A handoff, to be recovered by its anchor."""
    slots = part.slots
    files = part.target_files or ([part.file_path] if part.file_path else [])
    return Observed(
        **_stamped(stamp, node_id),
        kind="handoff",
        title=part.title or _title_of(f"Handoff {part.anchor}"),
        text=f"{part.summary}\n{part.handoff_text}",
        client_id=part.client_id or "",
        task_signature=part.task_signature or slots.task_signature or "",
        task_family=part.task_family or "",
        task_id=part.task_id or "",
        run_id=part.run_id or "",
        workflow_signature=part.workflow_signature or slots.workflow_signature or "",
        target_files=tuple(files),
        evidence_refs=_refs([], slots),
        memory_ids=tuple(slots.memory_ids[:_REFS]),
        acceptance_checks=_steps(part.acceptance_checks),
        next_action=_step(part.next_action or ""),
        handoff_target=part.handoff_target or slots.handoff_target or "",
        lifecycle=slots.lifecycle_state or "active",
        anchor=part.anchor,
        handoff_kind=part.handoff_kind,
        payload=_payload("handoff", part, ""),
    )


def _claim_event(part: ClaimPart, stamp: Stamp, node_id: str) -> Observed:
    slots = part.slots
    return Observed(
        **_stamped(stamp, node_id),
        kind="claim",
        node_type="concept",
        title=part.title or _title_of(part.claim),
        text=part.claim,
        client_id=part.client_id or "",
        task_signature=slots.task_signature or "",
        target_files=tuple(part.target_files),
        evidence_refs=_refs([part.evidence_ref, *part.evidence_refs], slots),
        memory_ids=tuple(slots.memory_ids[:_REFS]),
        lifecycle=slots.lifecycle_state or "active",
        confidence=part.confidence,
        payload=_payload("claim", part, ""),
    )


def _text_event(text: str, stamp: Stamp, node_id: str) -> Observed:
    return Observed(
        **_stamped(stamp, node_id),
        kind="text",
        title=_title_of(text),
        text=text,
        payload=_canonical.encode({"input_text": text}),
    )


def _stamped(stamp: Stamp, node_id: str) -> _Stamped:
    return {
        "node_id": node_id,
        "principal": stamp.principal,
        "role": stamp.role,
        "verified": stamp.verified,
        "audience": stamp.audience,
        "at": stamp.at,
        "observed_at": stamp.observed_at,
    }


def _payload(name: str, part: ExecutionPart | MemoryPart | HandoffPart | ClaimPart, input_text: str) -> bytes:
    """What was sent of this piece, as canonical JSON. CallerError 413 `evidence_too_large`."""
    sent: dict[str, object] = {name: part.model_dump(exclude_unset=True)}
    if input_text:
        sent["input_text"] = input_text
    payload = _canonical.encode(sent)
    if len(payload) > PAYLOAD_BYTES:
        raise CallerError(
            413, "evidence_too_large", f"one piece of evidence may have {PAYLOAD_BYTES} bytes of JSON"
        )
    return payload


def _refs(named: Iterable[str | None], slots: Slots) -> tuple[str, ...]:
    every = [*named, *slots.evidence_refs, *slots.execution_result_summary.evidence_refs]
    return tuple(dict.fromkeys(ref for ref in every if ref))[:_REFS]


def _steps(steps: list[str]) -> tuple[str, ...]:
    return tuple(map(_step, steps[:_STEPS]))


def _step(step: str) -> str:
    return step[:_STEP_CHARS]


def _title_of(text: str) -> str:
    return one_line(text, TITLE_CHARS)
