"""The answer of `POST /v1/memory/govern` as structs, ready to encode. What is unset is not in the JSON.

The first six parts are the reference's, field by field; `firewall`, `shadow`, `candidate_indexes` and the like are
additional. Where a field names an action it is `Action.name`. No text of a memory that was withheld as hostile is in
any of them.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

DecisionKind = Literal["used", "downgraded", "blocked", "rehydrate", "not_agent_facing"]
AuthorityWord = Literal["trusted", "advisory", "blocked", "none"]


class RehydrateHint(msgspec.Struct, frozen=True, kw_only=True):
    memory_id: str
    reason: str
    required: bool = True


class CommandPosture(msgspec.Struct, frozen=True, kw_only=True):
    posture: Literal["should_continue", "inspect_first", "rehydrate_first", "must_not"]
    surface: str
    memory_id: str
    instruction: str
    reason: str
    target_files: tuple[str, ...]


class RouteTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a memory, and what may be done with it. Which fields are set depends on the list that it stands in."""

    target: str
    source_memory_id: str
    source: Literal["should_continue", "inspect_first", "must_not"]
    artifact_status: Literal["unknown"] | UnsetType = UNSET
    missing_policy: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    when: str | UnsetType = UNSET
    allowed_actions: tuple[str, ...] | UnsetType = UNSET
    evidence_use: str | UnsetType = UNSET
    direction_policy: str | UnsetType = UNSET


class RouteContract(msgspec.Struct, frozen=True, kw_only=True):
    active_targets: tuple[RouteTarget, ...]
    pending_artifacts: tuple[RouteTarget, ...]
    reference_only_targets: tuple[RouteTarget, ...]
    blocked_direction_targets: tuple[RouteTarget, ...]
    evidence_sources: tuple[RouteTarget, ...]
    blocked_routes: tuple[RouteTarget, ...]
    conflict_policy: str = "do_not_treat_missing_active_target_as_superseded"
    fallback_policy: str = "do_not_promote_reference_or_blocked_targets"


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    negative_transfer_risk: Literal["low", "medium", "high"]
    blocked_authority_count: int
    stale_memory_count: int
    reasons: tuple[str, ...]


class AgentContext(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_agent_context_v1"
    prompt_text: str
    summary: str
    history_used: bool
    actionable_history_used: bool
    recommended_posture: Literal[
        "reuse_supported_history", "rehydrate_before_use", "inspect_before_use", "ignore_history"
    ]
    authority: AuthorityWord
    use_now_memory_ids: tuple[str, ...]
    inspect_before_use_memory_ids: tuple[str, ...]
    do_not_use_memory_ids: tuple[str, ...]
    memory_ids: tuple[str, ...]
    rehydrate_hints: tuple[RehydrateHint, ...]
    command_posture: tuple[CommandPosture, ...]
    route_contract: RouteContract
    risk: Risk


class DecisionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`candidate_indexes` are the places in the request, given where the id alone does not say which candidate it is."""

    memory_id: str
    agent_surface: str
    decision_kind: DecisionKind
    actionable: bool
    reason_codes: tuple[str, ...]
    candidate_indexes: tuple[int, ...] | UnsetType = UNSET


class MemoryUseReceipt(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_use_receipt_v1"
    intended_use: str = "memory_use_audit"
    agent_prompt_included: bool = False
    runtime_mutation: bool = False
    guide_trace_id: str
    history_used: bool
    actionable_history_used: bool
    prompt_char_count: int
    exposed_memory_ids: tuple[str, ...]
    use_now_memory_ids: tuple[str, ...]
    inspect_before_use_memory_ids: tuple[str, ...]
    do_not_use_memory_ids: tuple[str, ...]
    rehydrate_memory_ids: tuple[str, ...]
    attributed_memory_ids: tuple[str, ...] = ()
    unattributed_recalled_memory_ids: tuple[str, ...] = ()
    read_only_signal_memory_ids: tuple[str, ...] = ()
    decision_summaries: tuple[DecisionSummary, ...]
    risk_flags: tuple[str, ...]
    summary: str


class AdmissionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`title` is empty where the memory was withheld as hostile."""

    memory_id: str
    title: str
    memory_origin: str = "external"
    source_backend: str
    domain: str
    memory_type: str
    lifecycle_state: str
    authority: AuthorityWord
    admission_action: str
    decision_kind: DecisionKind
    actionable: bool
    prompt_included: bool
    agent_used: bool = False
    feedback_outcome: None = None
    attribution_strength: None = None
    reason_codes: tuple[str, ...]
    evidence_ids: tuple[str, ...]
    candidate_indexes: tuple[int, ...] | UnsetType = UNSET


class AdmissionRecords(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_admission_record_v1"
    intended_use: str = "memory_admission_audit_dataset"
    source: str = "external_candidate_admission"
    candidate_memory_count: int
    prompt_included_memory_count: int
    agent_used_memory_count: int = 0
    entries: tuple[AdmissionRecord, ...]
    summary: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    claim: str
    status: Literal["pass", "warn", "fail"]
    evidence: str


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy would have done with the memories that this answer only marks for inspection."""

    enforced: bool = False
    would_block_memory_ids: tuple[str, ...]
    would_rehydrate_memory_ids: tuple[str, ...]
    changed_count: int


class MemoryFirewall(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_firewall_summary_v1"
    intended_use: str = "memory_firewall_audit"
    mode: str
    candidate_count: int
    direct_use_count: int
    inspect_count: int
    blocked_count: int
    rehydrate_count: int
    unsafe_candidate_count: int
    unsafe_direct_use_count: int
    runtime_mutation: bool = False
    agent_prompt_included: bool = False
    risk_flags: tuple[str, ...]
    claims: tuple[Claim, ...]
    summary: str
    shadow: ShadowReport | UnsetType = UNSET


class AdmissionSummary(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_external_memory_admission_summary_v1"
    candidate_count: int
    direct_use_count: int
    inspect_count: int
    blocked_count: int
    rehydrate_count: int
    source_backends: tuple[str, ...]
    runtime_mutation: bool = False
    agent_prompt_included: bool = False
    reason: str


class SourceMap(msgspec.Struct, frozen=True, kw_only=True):
    routes_used: tuple[str, ...] = ("/v1/memory/govern",)
    internal_surfaces_used: tuple[str, ...] = ("external_candidate_admission",)
    omitted_internal_surfaces: tuple[str, ...] = (
        "semantic_recall",
        "memory_write",
        "raw_external_payload_store",
    )


class WithheldMemory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A memory that does not reach the agent, with the reason; `text` where it is wrong but not hostile."""

    id: str
    action: str
    reasons: tuple[str, ...]
    rule: str = ""
    evidence: tuple[str, ...] = ()
    superseded_by: str = ""
    text: str = ""


class GovernCounts(msgspec.Struct, frozen=True, kw_only=True):
    """`considered` are memories; `merged` candidates repeated one of them exactly."""

    considered: int
    merged: int
    use_now: int
    inspect_before_use: int
    rehydrate: int
    do_not_use: int


class GovernFirewall(msgspec.Struct, frozen=True, kw_only=True):
    """The top-level `firewall` object: how to find the receipt of this answer, and the counter-evidence."""

    decision_id: str
    policy: str
    mode: str
    counts: GovernCounts
    withheld: tuple[WithheldMemory, ...]
    shadow: bool = False
    degraded: str | UnsetType = UNSET
    staleness_seconds: float | UnsetType = UNSET
    active_path: tuple[str, ...] | UnsetType = UNSET


class GovernResponse(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_admission_gateway_result_v1"
    tenant_id: str
    scope: str
    run_id: str | None
    mode: str
    agent_context: AgentContext
    memory_use_receipt: MemoryUseReceipt
    memory_admission_records: AdmissionRecords | UnsetType = UNSET
    memory_firewall: MemoryFirewall | UnsetType = UNSET
    admission_summary: AdmissionSummary
    source_map: SourceMap = SourceMap()
    firewall: GovernFirewall
