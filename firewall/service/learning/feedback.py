"""`POST /v1/feedback`: what memory, or a chosen tool, did for a run. The rules are in `feedback_rules`.

With a guide, its exposure is the only ground: what it served to this caller is credited, once for each guide, run and
memory. A repeat of the same body gets the first answer, one in other words counts nothing again. Without a guide the
feedback is noted and moves no standing. An unknown guide and somebody else's are answered alike.
"""

from collections.abc import Mapping, Sequence

import msgspec

from firewall.core.attribution import Exposure, Strength, bare_id, foreseen, said_of, strength_of
from firewall.core.events import ScopeKey
from firewall.core.evidence import ExposedItem, FeedbackGiven, ToolFeedbackGiven
from firewall.core.state import State
from firewall.errors import CallerError
from firewall.service.contract import ForgetEffect, SourceMap
from firewall.service.desk import Call, Desk, Operation, Reply, Work, digest_of, operation_of
from firewall.service.learning.exposures import Reader, exposure_of, reader_of
from firewall.service.learning.feedback_answer import (
    Activated,
    Affected,
    LearningControl,
    MemoryFeedbackAnswer,
    MemoryResult,
    ToolFeedbackAnswer,
    ToolNoted,
    ToolResult,
)
from firewall.service.learning.feedback_body import MemoryFeedbackBody, ToolFeedbackBody
from firewall.service.learning.feedback_rules import (
    frozen_of,
    next_posture,
    require_room,
    require_surface,
    require_tool,
    served_items,
    weight_of,
)
from firewall.service.learning.host_receipt import require_valid
from firewall.service.principals import Principal
from firewall.service.strict_body import decode, validated

ROUTE = "POST /v1/feedback"
#: Characters of a reason that are kept with the guide.
_REASON_CHARS = 2_000
_SOURCES = SourceMap(routes_used=("/v1/feedback",), internal_surfaces_used=("lifecycle",))
#: How much a memory's strength weighs in that of the whole.
_ORDER: tuple[Strength, ...] = (
    "none",
    "observed_feedback_only",
    "weak_below_threshold",
    "positive_attribution",
    "repeated_weak_threshold_met",
    "strong_signal_threshold_met",
)


async def feedback(desk: Desk, call: Call) -> Reply:
    """Either form, by `feedback_kind`."""
    decoded = decode(call.raw)
    if isinstance(decoded, dict) and decoded.get("feedback_kind") == "tool_selection":
        return await _on_a_tool(desk, call, validated(ToolFeedbackBody, decoded), decoded)
    return await _on_memory(desk, call, validated(MemoryFeedbackBody, decoded), decoded)


async def _on_memory(desk: Desk, call: Call, body: MemoryFeedbackBody, decoded: object) -> Reply:
    key = call.key(body.tenant_id, body.scope)
    reader = reader_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    given = _given(body, call.principal, desk.now())
    named = [body.guide_trace_id, body.run_id, body.ids]
    operation = _operation(key, call, body.operation_id, named, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    state = await desk.state(key, after=call.after)
    if body.guide_trace_id is None:
        return await desk.store(key, _noted(key, body, given, _of_clients(state, reader, body)), operation)
    exposure = _exposure(state, reader, body.guide_trace_id)
    items = served_items(exposure, body.ids)
    require_surface(body, items[0].served_surface)
    _require_receipt(body, decoded, exposure)
    return await desk.store(key, _credited(key, state, exposure, items, given), operation)


def _given(body: MemoryFeedbackBody, principal: Principal, now: float) -> FeedbackGiven:
    """The event, as far as the body alone says it."""
    if body.guide_trace_id is None and body.used_surface != "explicit_host_assertion":
        raise CallerError(
            400, "guide_trace_required", "without a guide the used surface is an explicit host assertion"
        )
    if body.host_use_receipt_v1 is not None and (body.guide_trace_id is None or body.operation_id is None):
        raise CallerError(400, "host_receipt_mismatch", "a receipt needs guide_trace_id and operation_id")
    weight = weight_of(body, principal)
    return FeedbackGiven(
        guide_trace_id=body.guide_trace_id or "",
        run_id=body.run_id,
        outcome=body.outcome,
        strong=weight.strong,
        verified=weight.verified,
        served_surface=body.used_surface,
        memory_ids=tuple(body.ids),
        actor=body.actor or body.consumer_agent_id or principal.agent,
        reason=body.reason[:_REASON_CHARS],
        principal=principal.name,
        at=now,
    )


def _of_clients(state: State, reader: Reader, body: MemoryFeedbackBody) -> dict[str, str]:
    """The evidence that client ids stand for, by them. CallerError 400 `client_ids_unknown` for what cannot be seen."""
    found = {
        client_id: node.node_id
        for client_id in body.client_ids or ()
        if (node := state.evidence.of_client(client_id, reader.viewer)) is not None
    }
    if len(found) != len(body.client_ids or ()):
        raise CallerError(400, "client_ids_unknown", "not all of these client ids stand for evidence")
    return found


def _noted(key: ScopeKey, body: MemoryFeedbackBody, given: FeedbackGiven, clients: Mapping[str, str]) -> Work:
    """Feedback without a guide: in the log, and nothing else."""
    event = msgspec.structs.replace(given, memory_ids=tuple(sorted({*body.ids, *clients.values()})))
    control = LearningControl(attribution_strength="observed_feedback_only")
    return Work([event], _answer(key, given, (), control, clients=tuple(sorted(clients))))


def _credited(
    key: ScopeKey, state: State, exposure: Exposure, items: Sequence[ExposedItem], given: FeedbackGiven
) -> Work:
    """Feedback on what a guide exposed; the part that was said before is left out."""
    before = said_of(exposure, given.run_id)
    fresh = [item for item in items if item.memory_id not in before]
    if not fresh:
        return Work([], _answer(key, given, (), LearningControl(attribution_strength="none")))
    require_room(exposure)
    event = msgspec.structs.replace(given, memory_ids=tuple(item.memory_id for item in fresh))
    frozen = frozen_of(state, exposure.served.items, given.at)
    after = foreseen(exposure, state.standings, frozen, event)
    affected = tuple(
        Affected(
            memory_id=item.memory_id,
            next_posture=next_posture(state, item, after.get(memory), given.at),
            attribution_strength="none"
            if memory in frozen
            else strength_of(state.standings.get(memory), event),
        )
        for item in fresh
        for memory in ((item.upstream, bare_id(item)),)
    )
    control = LearningControl(
        attribution_strength=max((one.attribution_strength for one in affected), key=_ORDER.index),
        affected=affected,
        inspect_candidate_memory_ids=tuple(
            item.memory_id
            for item in exposure.served.items
            if (standing := after.get((item.upstream, bare_id(item)))) is not None
            and standing.inspect_candidate
        ),
    )
    counted = tuple(item.memory_id for item in fresh if (item.upstream, bare_id(item)) not in frozen)
    return Work([event], _answer(key, given, counted, control))


def _require_receipt(body: MemoryFeedbackBody, decoded: object, exposure: Exposure) -> None:
    receipt = body.host_use_receipt_v1
    if receipt is None:
        return
    assert isinstance(decoded, dict)
    require_valid(
        receipt,
        decoded["host_use_receipt_v1"],
        says={
            "guide_trace_id": body.guide_trace_id,
            "episode_id": exposure.served.episode_id,
            "operation_id": body.operation_id,
            "run_id": body.run_id,
        },
        memory_ids=body.ids,
        surface=body.used_surface,
        outcome=body.outcome,
    )


async def _on_a_tool(desk: Desk, call: Call, body: ToolFeedbackBody, decoded: object) -> Reply:
    key = call.key(body.tenant_id, body.scope)
    reader = reader_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    named = [body.guide_trace_id, body.run_id, body.decision_id]
    operation = _operation(key, call, body.operation_id, named, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    state = await desk.state(key, after=call.after)
    decision = require_tool(body, _exposure(state, reader, body.guide_trace_id).served)
    event = ToolFeedbackGiven(
        guide_trace_id=body.guide_trace_id,
        decision_id=decision.decision_id,
        run_id=body.run_id,
        selected_tool=body.selected_tool,
        outcome=body.outcome,
        target=body.target,
        principal=call.principal.name,
        at=desk.now(),
    )
    answer = ToolFeedbackAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        target=body.target,
        forget_effect=ForgetEffect(
            action="tool_feedback", target=body.target, changed_count=0, affected_memory_ids=()
        ),
        result=ToolResult(
            tool_selection=ToolNoted(
                guide_trace_id=event.guide_trace_id,
                decision_id=event.decision_id,
                run_id=event.run_id,
                selected_tool=event.selected_tool,
                outcome=event.outcome,
            )
        ),
        source_map=_SOURCES,
    )
    return await desk.store(key, Work([event], answer), operation)


def _operation(
    key: ScopeKey, call: Call, operation_id: str | None, named: object, decoded: object
) -> Operation | None:
    """The caller's operation, or one made of what the feedback is about and of its body: a repeat is then known, and
    the same in other words no conflict."""
    implicit = f"\x1f{digest_of([named, decoded])}"
    return operation_of(key, call, ROUTE, operation_id or implicit, decoded)


def _exposure(state: State, reader: Reader, guide_trace_id: str) -> Exposure:
    exposure = exposure_of(state, reader, guide_trace_id)
    if exposure is None:
        raise CallerError(400, "guide_trace_unknown", "no guide of that trace id was served to this caller")
    return exposure


def _answer(
    key: ScopeKey,
    given: FeedbackGiven,
    counted: tuple[str, ...],
    control: LearningControl,
    *,
    clients: tuple[str, ...] = (),
) -> MemoryFeedbackAnswer:
    return MemoryFeedbackAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        forget_effect=ForgetEffect(
            action="activate",
            target="memory",
            changed_count=len(counted),
            affected_memory_ids=counted,
            affected_client_ids=clients,
        ),
        feedback_learning_control=control,
        result=MemoryResult(
            activated=Activated(updated_nodes=len(counted), updated_ids=counted, outcome=given.outcome)
        ),
        source_map=_SOURCES,
    )
