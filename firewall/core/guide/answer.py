"""The shape of `agent_context` on the wire. Names and contract strings are the reference's, letter by letter.

Every free text in it went through `lines`: a host may put chosen fields into a prompt.
"""

from typing import Literal

import msgspec

from firewall.core.guide.memory import AuthorityWord

Posture = Literal["must_not", "should_continue", "inspect_first", "rehydrate_first", "optional_context"]
Surface = Literal[
    "current", "procedure", "use_now", "inspect_before_use", "do_not_use", "rehydrate", "context"
]
AliasSurface = Literal["current", "procedure", "inspect", "avoid", "rehydrate", "other"]
TransitionKind = Literal[
    "resume_current_state",
    "handoff_to_actor",
    "accept_handoff",
    "inspect_before_use",
    "avoid_failed_branch",
    "request_rehydrate",
]
OutcomeRole = Literal["passed_solution", "failed_branch", "blocked", "unknown"]
RecommendedPosture = Literal[
    "reuse_supported_history",
    "use_as_context",
    "inspect_before_use",
    "rehydrate_before_use",
    "ignore_history",
]
TargetSource = Literal["target_files", "should_continue", "inspect_first", "must_not"]


class ExecutionState(msgspec.Struct, frozen=True, kw_only=True):
    summary_kind: str | None = None
    transition_kind: TransitionKind | None = None
    actor_role: str | None = None
    handoff_target: str | None = None
    next_action_hint: str | None = None
    execution_outcome_role: OutcomeRole = "unknown"


class CommandPosture(msgspec.Struct, frozen=True, kw_only=True):
    posture: Posture
    surface: Surface
    memory_id: str
    instruction: str
    reason: str
    target_files: tuple[str, ...] = ()
    workflow_steps: tuple[str, ...] = ()
    acceptance_checks: tuple[str, ...] = ()
    verification_summary: str | None = None
    artifact_hints: tuple[str, ...] = ()
    execution_state: ExecutionState | None = None


class ActiveTarget(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    source_memory_id: str
    source: TargetSource
    reason: str
    artifact_status: Literal["unknown", "may_be_absent"] = "may_be_absent"
    missing_policy: str = "restore_or_create_if_task_consistent_or_rehydrate"


class PendingArtifact(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    source_memory_id: str
    source: TargetSource
    reason: str
    status: str = "unknown_until_host_observation"
    when: str = "if_active_target_is_missing"
    allowed_actions: tuple[str, ...] = ("create", "restore", "rehydrate")
    preferred_action_order: tuple[str, ...] = ("create", "restore", "rehydrate", "report_conflict")
    terminal_inspect_allowed: bool = False
    executable_evidence_policy: str = "route_safe_but_patch_may_require_rehydrate"
    after_rehydrate_policy: str = "continue_allowed_action_if_task_consistent"
    report_conflict_requires: str = "rehydrate_unavailable_or_evidence_conflict"


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that is only to be looked at, or kept away from. Without `target` it is a blocked memory whose files
    belong to a newer active one."""

    target: str | None
    source_memory_id: str
    source: TargetSource
    reason: str
    evidence_use: str = ""
    direction_policy: str = ""


class ActionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    missing_active_target_preferred_order: tuple[str, ...] = (
        "create",
        "restore",
        "rehydrate",
        "report_conflict",
    )
    terminal_inspect_allowed: bool = False
    reference_fallback_requires: str = "explicit_raw_evidence_or_operator_confirmation"
    executable_evidence_policy: str = "route_safe_but_patch_may_require_rehydrate"
    after_rehydrate_policy: str = "continue_allowed_action_if_task_consistent"
    report_conflict_requires: str = "rehydrate_unavailable_or_evidence_conflict"


class RouteContract(msgspec.Struct, frozen=True, kw_only=True):
    active_targets: tuple[ActiveTarget, ...] = ()
    pending_artifacts: tuple[PendingArtifact, ...] = ()
    reference_only_targets: tuple[Target, ...] = ()
    blocked_direction_targets: tuple[Target, ...] = ()
    evidence_sources: tuple[Target, ...] = ()
    blocked_routes: tuple[Target, ...] = ()
    conflict_policy: str = "do_not_treat_missing_active_target_as_superseded"
    fallback_policy: str = "do_not_promote_reference_or_blocked_targets"
    action_policy: ActionPolicy = ActionPolicy()


class PromptAlias(msgspec.Struct, frozen=True, kw_only=True):
    alias: str
    memory_id: str
    surface: AliasSurface


class RehydrateHint(msgspec.Struct, frozen=True, kw_only=True):
    memory_id: str
    reason: str
    required: bool = False


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    negative_transfer_risk: Literal["low", "medium", "high"] = "low"
    blocked_authority_count: int = 0
    stale_memory_count: int = 0
    reasons: tuple[str, ...] = ()


class EvidenceRefs(msgspec.Struct, frozen=True, kw_only=True):
    memory_ids: tuple[str, ...] = ()
    workflow_ids: tuple[str, ...] = ()
    evidence_count: int = 0


class AgentContext(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_agent_context_v1"
    tenant_id: str
    scope: str
    agent_role: str
    agent_context_mode: str
    task_context_profile: str
    prompt_text: str
    summary: str
    history_used: bool = True
    actionable_history_used: bool
    recommended_posture: RecommendedPosture
    authority: AuthorityWord
    target_files: tuple[str, ...]
    use_now: tuple[str, ...]
    inspect_before_use: tuple[str, ...]
    do_not_use: tuple[str, ...]
    memory_ids: tuple[str, ...]
    use_now_memory_ids: tuple[str, ...]
    inspect_before_use_memory_ids: tuple[str, ...]
    do_not_use_memory_ids: tuple[str, ...]
    command_posture: tuple[CommandPosture, ...]
    route_contract: RouteContract
    prompt_aliases: tuple[PromptAlias, ...]
    rehydrate_hints: tuple[RehydrateHint, ...]
    risk: Risk
    evidence_refs: EvidenceRefs
