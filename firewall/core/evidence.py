"""Execution evidence: the events by which agents say what they did, and what is kept of each in memory.

An event holds everything (`payload` is the body as it was sent); a node holds what guiding and adjudicating need. Both
are made by the service from an authenticated request: `verified`, `audience` and the times are its word, not the
caller's. Text is a stranger's, wherever it stands.
"""

from typing import Literal

import msgspec

from firewall.core.visibility import SCOPE_WIDE, Audience

#: What stands for the upstream of memory that memfw itself keeps.
NATIVE = "memfw"

NodeKind = Literal["execution", "memory", "handoff", "claim", "text"]
Tier = Literal["hot", "warm", "cold", "archive"]
Outcome = Literal["", "succeeded", "failed", "blocked", "interrupted", "unknown"]
NodeLifecycle = Literal[
    "active",
    "candidate",
    "contested",
    "suppressed",
    "demoted",
    "archived",
    "rehydration_candidate",
    "superseded",
    "unknown",
]
Served = Literal["use_now", "inspect_before_use", "do_not_use", "rehydrate", "not_agent_facing"]


class Observed(msgspec.Struct, frozen=True, tag="observed", kw_only=True, omit_defaults=True):
    """One piece of evidence. `observed_at` never lies after `at`, the moment at which it was taken in.

    `supersedes` are nodes that the writer may see. `payload` is JSON: what `resolve` and `recover` give back.
    """

    node_id: str
    kind: NodeKind
    node_type: str = "event"
    title: str = ""
    text: str = ""
    outcome: Outcome = ""
    role: str = "agent"
    verified: bool = False
    audience: Audience = SCOPE_WIDE
    principal: str
    client_id: str = ""
    task_signature: str = ""
    task_family: str = ""
    task_id: str = ""
    run_id: str = ""
    workflow_signature: str = ""
    target_files: tuple[str, ...] = ()
    evidence_refs: tuple[str, ...] = ()
    memory_ids: tuple[str, ...] = ()
    workflow_steps: tuple[str, ...] = ()
    acceptance_checks: tuple[str, ...] = ()
    next_action: str = ""
    handoff_target: str = ""
    lifecycle: NodeLifecycle = "active"
    tier: Tier = "hot"
    confidence: float | None = None
    anchor: str = ""
    handoff_kind: str = ""
    supersedes: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()
    payload: bytes = b""
    at: float
    observed_at: float


class Tended(msgspec.Struct, frozen=True, tag="tended", kw_only=True, omit_defaults=True):
    """Forgetting and its undoing, of native or upstream memory. It changes availability, never what failed or is contested.

    `restored` is the evidence itself, where it had been let go from memory; `origin` is its place in the log.
    """

    operation: Literal["suppress", "unsuppress", "archive", "rehydrate"]
    upstream: str
    memory_id: str
    mode: Literal["shadow_learn", "hard_freeze"] = "shadow_learn"
    until: float | None = None
    tier: Tier = "warm"
    reason: str = ""
    restored: Observed | None = None
    origin: int = 0
    principal: str
    at: float


class ExposedItem(msgspec.Struct, frozen=True, gc=False):
    """One memory as a guide served it. `memory_id` is the id on the wire; `reasons` are codes."""

    memory_id: str
    upstream: str
    served_surface: Served
    reasons: tuple[str, ...] = ()


class ToolDecision(msgspec.Struct, frozen=True, gc=False):
    decision_id: str
    selected_tool: str
    candidates: tuple[str, ...]
    policy_sha256: str


class Exposed(msgspec.Struct, frozen=True, tag="exposed", kw_only=True, omit_defaults=True):
    """What a guide served to whom: the only ground on which feedback credits anything.

    `items` are sorted by memory id. `dropped` are the codes of what did not fit. `active_id` is the node of the current
    active path; `considered` counts all memories that were looked at.
    """

    guide_trace_id: str
    episode_id: str
    exposure_event_id: str
    run_id: str = ""
    task_signature: str = ""
    role: str = "agent"
    audience: Audience = SCOPE_WIDE
    principal: str
    items: tuple[ExposedItem, ...]
    item_set_sha256: str
    served_surface_sha256: str
    dropped: tuple[str, ...] = ()
    target_files: tuple[str, ...] = ()
    active_id: str = ""
    considered: int = 0
    actionable: bool = False
    prompt_chars: int = 0
    tool: ToolDecision | None = None
    at: float


class FeedbackGiven(msgspec.Struct, frozen=True, tag="feedback", kw_only=True, omit_defaults=True):
    """What used memory did for a run. `strong` says that a verifier, a tool or a runtime signal bears the outcome out.

    `memory_ids` are ids on the wire, all of them exposed by the guide on the surface `served_surface`; without a guide
    they are only noted.
    """

    guide_trace_id: str = ""
    run_id: str
    outcome: Literal["positive", "negative", "neutral"]
    strong: bool = False
    verified: bool = False
    served_surface: str
    memory_ids: tuple[str, ...]
    actor: str = ""
    reason: str = ""
    principal: str
    at: float


class ToolFeedbackGiven(msgspec.Struct, frozen=True, tag="tool_feedback", kw_only=True, omit_defaults=True):
    guide_trace_id: str
    decision_id: str
    run_id: str
    selected_tool: str
    outcome: Literal["positive", "negative", "neutral"]
    target: Literal["tool", "all"] = "tool"
    principal: str
    at: float


class Skill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trace-derived skill candidate: never an instruction until it was reviewed, promoted, materialized and observed."""

    candidate_id: str
    skill_name: str
    label: Literal["positive", "negative", "neutral", "blocked", "insufficient_evidence"]
    reason: str
    export_ready: bool
    promotion_status: Literal["candidate_only", "needs_feedback_attribution", "promotion_ready"]
    task_signature: str = ""
    workflow_signature: str = ""
    source_trace_ids: tuple[str, ...]
    source_signal_ids: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    applies_when: tuple[str, ...]
    does_not_apply_when: tuple[str, ...] = ()
    procedure_steps: tuple[str, ...]
    target_files: tuple[str, ...] = ()
    acceptance_checks: tuple[str, ...] = ()
    failure_counterexamples: tuple[str, ...] = ()
    evidence_refs: tuple[str, ...] = ()
    audience: Audience = SCOPE_WIDE


class Measured(msgspec.Struct, frozen=True, tag="measured", kw_only=True, omit_defaults=True):
    """A computed effect report. `report_sha256` is that of the report as it was answered."""

    measurement_id: str
    digest: str
    report_sha256: str
    guide_trace_id: str = ""
    run_id: str
    task_signature: str
    sufficient: bool
    skills: tuple[Skill, ...] = ()
    audience: Audience = SCOPE_WIDE
    principal: str
    at: float


class SkillsQueued(msgspec.Struct, frozen=True, tag="skills_queued", kw_only=True):
    """The skills of a measurement stand for review."""

    measurement_id: str
    principal: str
    at: float


class SkillReviewed(msgspec.Struct, frozen=True, tag="skill_reviewed", kw_only=True):
    candidate_id: str
    decision: Literal["promoted", "rejected"]
    reviewer_id: str
    review_reason: str
    principal: str
    at: float


class Node(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Evidence in memory. A change puts another node in its place. `route` is the key of the route that an execution step speaks of; `offset` is its place in
    the log, where its payload is."""

    node_id: str
    offset: int
    kind: NodeKind
    node_type: str = "event"
    title: str = ""
    text: str = ""
    outcome: Outcome = ""
    role: str = "agent"
    verified: bool = False
    audience: Audience = SCOPE_WIDE
    task_signature: str = ""
    run_id: str = ""
    workflow_signature: str = ""
    route: str = ""
    target_files: tuple[str, ...] = ()
    evidence_refs: tuple[str, ...] = ()
    workflow_steps: tuple[str, ...] = ()
    acceptance_checks: tuple[str, ...] = ()
    next_action: str = ""
    handoff_target: str = ""
    lifecycle: NodeLifecycle = "active"
    tier: Tier = "hot"
    confidence: float | None = None
    anchor: str = ""
    handoff_kind: str = ""
    superseded_by: str = ""
    at: float
    observed_at: float
