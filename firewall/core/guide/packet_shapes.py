"""The shapes of `memory_packet` and `guide_packet`: audit material, never part of a prompt."""

from typing import Literal

import msgspec

from firewall.core.guide.answer import ExecutionState, RecommendedPosture, RehydrateHint, Risk
from firewall.core.guide.memory import AuthorityWord


class MemoryContract(msgspec.Struct, frozen=True, kw_only=True):
    source_trust: Literal[
        "authoritative_runtime", "scoped_advisory", "external_or_unverified", "blocked_or_suppressed"
    ]
    allowed_scope: Literal["current_scope", "task_or_workflow_scope", "supporting_evidence_only", "none"]
    evidence_requirement: Literal["satisfied", "node_evidence_only", "requires_more_evidence"]
    use_policy: Literal["direct_use", "inspect_before_use", "do_not_use", "evidence_only"]
    confirmation_required: bool
    reasons: tuple[str, ...] = ()


class RelevantMemory(msgspec.Struct, frozen=True, kw_only=True):
    memory_id: str
    title: str
    summary: str
    memory_type: str
    domain: str
    source_layer: str
    authority: AuthorityWord
    confidence: float | None
    salience: float | None
    lifecycle_state: str
    evidence_ids: tuple[str, ...]
    scope_hint: str
    execution_state: ExecutionState | None
    memory_contract: MemoryContract


class PacketLifecycle(msgspec.Struct, frozen=True, kw_only=True):
    used_memory_ids: tuple[str, ...] = ()
    candidate_memory_ids: tuple[str, ...] = ()
    suppressed_memory_ids: tuple[str, ...] = ()
    archived_memory_ids: tuple[str, ...] = ()
    rehydration_hints: tuple[RehydrateHint, ...] = ()


class ContradictionWarning(msgspec.Struct, frozen=True, kw_only=True):
    memory_id: str
    severity: Literal["low", "medium", "high"]
    reason: str
    suggested_action: Literal["keep_candidate", "inspect_before_use", "suppress", "rehydrate", "none"]


class BehaviorImpact(msgspec.Struct, frozen=True, kw_only=True):
    will_shape_behavior: bool
    changed_fields: tuple[str, ...]
    expected_effects: tuple[str, ...]
    explanation: str


class PacketSource(msgspec.Struct, frozen=True, kw_only=True):
    routes_used: tuple[str, ...] = ("/v1/guide",)
    internal_surfaces_used: tuple[str, ...] = ("recall", "admission")
    omitted_internal_surfaces: tuple[str, ...] = ("raw_slots",)


class MemoryPacket(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_packet_v1"
    memory_family: Literal["general_cognitive", "execution", "mixed", "empty"]
    relevant_memories: tuple[RelevantMemory, ...]
    evidence_trail: tuple[str, ...]
    lifecycle: PacketLifecycle
    contradiction_warnings: tuple[ContradictionWarning, ...]
    forgetting_state: PacketLifecycle
    behavior_impact: BehaviorImpact
    risk: Risk
    source_map: PacketSource = PacketSource()


class PacketTask(msgspec.Struct, frozen=True, kw_only=True):
    task_id: str | None
    run_id: str | None
    task_signature: str | None
    task_family: str | None
    workflow_signature: str | None


class ProductEffects(msgspec.Struct, frozen=True, kw_only=True):
    reduces_repeated_discovery: bool
    reduces_context_replay: bool
    controls_negative_transfer: bool
    reason: str


class GuideBrief(msgspec.Struct, frozen=True, kw_only=True):
    summary: str
    history_used: bool
    actionable_history_used: bool
    recommended_posture: RecommendedPosture
    authority: AuthorityWord
    use_now: tuple[str, ...]
    inspect_before_use: tuple[str, ...]
    do_not_use: tuple[str, ...]
    rehydrate: tuple[str, ...]
    expected_product_effects: ProductEffects


class RecoveredState(msgspec.Struct, frozen=True, kw_only=True):
    state_summary: str
    resumable: bool
    handoff_ids: tuple[str, ...]
    execution_state_revision: int
    target_files: tuple[str, ...]
    acceptance_checks: tuple[str, ...]


class ProvenFact(msgspec.Struct, frozen=True, kw_only=True):
    fact: str
    source: str
    evidence_id: str
    confidence: float | None


class Guidance(msgspec.Struct, frozen=True, kw_only=True):
    workflow_candidates: tuple[str, ...] = ()
    tool_preferences: tuple[str, ...] = ()


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    used: bool
    source_count: int
    source_ids: tuple[str, ...]
    changed_fields: tuple[str, ...]
    reason: str


class Contributions(msgspec.Struct, frozen=True, kw_only=True):
    handoff: Contribution
    replay: Contribution


class GuidePacket(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_guide_packet_v1"
    task: PacketTask
    guide_brief: GuideBrief
    recovered_state: RecoveredState
    proven_facts: tuple[ProvenFact, ...]
    guidance: Guidance
    memory_lifecycle: PacketLifecycle
    history_contributions: Contributions
    risk: Risk
    source_map: PacketSource = PacketSource()
