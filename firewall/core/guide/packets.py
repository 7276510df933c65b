"""The structured packets behind a guide, for measuring and audit. What is blocked shows neither title nor text here too."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from firewall.core.guide.answer import AgentContext, ExecutionState
from firewall.core.guide.lines import TEXT_CHARS, TITLE_CHARS, prose
from firewall.core.guide.memory import USED, Memory, Part
from firewall.core.guide.memory_contract import memory_contract
from firewall.core.guide.packet_shapes import (
    BehaviorImpact,
    ContradictionWarning,
    Contribution,
    Contributions,
    Guidance,
    GuideBrief,
    GuidePacket,
    MemoryPacket,
    PacketLifecycle,
    PacketTask,
    ProductEffects,
    ProvenFact,
    RecoveredState,
    RelevantMemory,
)
from firewall.core.model import Action
from firewall.core.reasons import head

_EXECUTION = frozenset({"execution", "handoff"})
_LAYERS = {"procedure": "L4", "evidence": "L0", "event": "L1"}
_SUGGESTED: dict[Action, Literal["inspect_before_use", "suppress", "rehydrate", "none"]] = {
    Action.use_now: "none",
    Action.inspect_before_use: "inspect_before_use",
    Action.rehydrate: "rehydrate",
    Action.do_not_use: "suppress",
}
_CONTRADICTED = frozenset(
    {"contradiction", "superseded", "superseded_by", "lifecycle_contested", "contested_route"}
)


def memory_packet(memories: Sequence[Memory], context: AgentContext) -> MemoryPacket:
    """The served memories with what each may be used for."""
    lifecycle = _lifecycle(memories, context)
    states = {posture.memory_id: posture.execution_state for posture in context.command_posture}
    return MemoryPacket(
        memory_family=_family(memories),
        relevant_memories=tuple(_relevant(memory, context, states) for memory in memories),
        evidence_trail=tuple(
            dict.fromkeys(
                prose(ref, TITLE_CHARS)
                for memory in memories
                if memory.part is not Part.failed
                for ref in memory.recalled.candidate.evidence_refs
            )
        ),
        lifecycle=lifecycle,
        contradiction_warnings=tuple(
            ContradictionWarning(
                memory_id=memory.memory_id,
                severity="high" if memory.action is Action.do_not_use else "medium",
                reason=prose(memory.why, TITLE_CHARS),
                suggested_action=_SUGGESTED[memory.action],
            )
            for memory in memories
            if {head(code) for code in memory.reasons} & _CONTRADICTED
        ),
        forgetting_state=lifecycle,
        behavior_impact=BehaviorImpact(
            will_shape_behavior=context.actionable_history_used,
            changed_fields=_changed(context),
            expected_effects=_effects(context),
            explanation=context.summary,
        ),
        risk=context.risk,
    )


def guide_packet(
    memories: Sequence[Memory], context: AgentContext, task: PacketTask, *, revision: int
) -> GuidePacket:
    """The guide in brief; `revision` is the offset of the state that it was made from."""
    used = [memory for memory in memories if memory.part in USED]
    handoffs = [memory for memory in used if memory.part is Part.handoff]
    replayed = [memory for memory in used if memory.part in {Part.current, Part.passed, Part.procedure}]
    effects = ProductEffects(
        reduces_repeated_discovery=bool(replayed),
        reduces_context_replay=bool(used),
        controls_negative_transfer=bool(context.do_not_use_memory_ids),
        reason=context.summary,
    )
    return GuidePacket(
        task=task,
        guide_brief=GuideBrief(
            summary=context.summary,
            history_used=context.history_used,
            actionable_history_used=context.actionable_history_used,
            recommended_posture=context.recommended_posture,
            authority=context.authority,
            use_now=context.use_now,
            inspect_before_use=context.inspect_before_use,
            do_not_use=context.do_not_use,
            rehydrate=tuple(hint.memory_id for hint in context.rehydrate_hints),
            expected_product_effects=effects,
        ),
        recovered_state=RecoveredState(
            state_summary=context.summary,
            resumable=any(memory.part in {Part.current, Part.handoff} for memory in memories),
            handoff_ids=_ids(handoffs),
            execution_state_revision=revision,
            target_files=context.target_files,
            acceptance_checks=tuple(
                dict.fromkeys(check for one in context.command_posture for check in one.acceptance_checks)
            ),
        ),
        proven_facts=tuple(
            ProvenFact(
                fact=prose(one.recalled.candidate.title or one.recalled.candidate.text, TITLE_CHARS),
                source="execution",
                evidence_id=one.memory_id,
                confidence=None if one.recalled.node is None else one.recalled.node.confidence,
            )
            for one in used
            if one.authority == "trusted"
        ),
        guidance=Guidance(
            workflow_candidates=_ids(one for one in used if one.part is Part.procedure),
        ),
        memory_lifecycle=_lifecycle(memories, context),
        history_contributions=Contributions(
            handoff=_contribution(handoffs, "handoffs were taken up"),
            replay=_contribution(replayed, "passed routes and procedures were recovered"),
        ),
        risk=context.risk,
    )


def _relevant(
    memory: Memory, context: AgentContext, states: Mapping[str, ExecutionState | None]
) -> RelevantMemory:
    candidate, node = memory.recalled.candidate, memory.recalled.node
    shown = memory.part is not Part.failed and memory.recalled.visible and not memory.hostile
    summary = prose(candidate.text, TEXT_CHARS) if shown and memory.part is not Part.rehydrate else ""
    return RelevantMemory(
        memory_id=memory.memory_id,
        title=prose(candidate.title, TITLE_CHARS) if shown else "",
        summary=summary,
        memory_type=candidate.kind.value if node is None else node.node_type,
        domain="external" if node is None else node.kind,
        source_layer="L2" if node is None else _LAYERS.get(node.node_type, "L2"),
        authority=memory.authority,
        confidence=None if node is None or not memory.recalled.visible else node.confidence,
        salience=None,
        lifecycle_state="unknown" if node is None else node.lifecycle,
        evidence_ids=tuple(prose(ref, TITLE_CHARS) for ref in candidate.evidence_refs) if shown else (),
        scope_hint=context.scope,
        execution_state=states[memory.memory_id],
        memory_contract=memory_contract(memory),
    )


def _family(memories: Sequence[Memory]) -> Literal["general_cognitive", "execution", "mixed", "empty"]:
    kinds = {
        memory.recalled.node is not None and memory.recalled.node.kind in _EXECUTION for memory in memories
    }
    if not kinds:
        return "empty"
    return "mixed" if len(kinds) > 1 else "execution" if True in kinds else "general_cognitive"


def _lifecycle(memories: Sequence[Memory], context: AgentContext) -> PacketLifecycle:
    return PacketLifecycle(
        used_memory_ids=context.use_now_memory_ids,
        candidate_memory_ids=context.inspect_before_use_memory_ids,
        suppressed_memory_ids=context.do_not_use_memory_ids,
        archived_memory_ids=_ids(memory for memory in memories if "archived" in memory.reasons),
        rehydration_hints=context.rehydrate_hints,
    )


def _changed(context: AgentContext) -> tuple[str, ...]:
    fields = {
        "target_files": context.target_files,
        "use_now": context.use_now,
        "inspect_before_use": context.inspect_before_use,
        "do_not_use": context.do_not_use,
        "rehydrate_hints": context.rehydrate_hints,
    }
    return tuple(name for name, value in fields.items() if value)


def _effects(context: AgentContext) -> tuple[str, ...]:
    effects = {
        "continues_the_accepted_route": context.route_contract.active_targets,
        "avoids_failed_branches": context.route_contract.blocked_routes,
        "fetches_raw_evidence_on_demand": context.rehydrate_hints,
    }
    return tuple(name for name, value in effects.items() if value)


def _contribution(memories: Sequence[Memory], reason: str) -> Contribution:
    return Contribution(
        used=bool(memories),
        source_count=len(memories),
        source_ids=_ids(memories),
        changed_fields=("use_now", "target_files") if memories else (),
        reason=reason if memories else "none",
    )


def _ids(memories: Iterable[Memory]) -> tuple[str, ...]:
    return tuple(memory.memory_id for memory in memories)
