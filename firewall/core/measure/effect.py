"""The effect report: what history did to one run. The values, in the words of the contract; `reporting` fills them.

Differences are with history minus without: fewer steps of finding out again is a negative number.
"""

from typing import Literal

import msgspec

from firewall.core.measure.skills import Task
from firewall.core.measure.training import TrainingCandidate

Mode = Literal["baseline_vs_aionis", "observe_only_vs_active", "single_run_history_impact"]
Direction = Literal["positive", "negative", "neutral", "insufficient_evidence"]
Ids = tuple[str, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    mode: Mode
    baseline_run_id: str | None
    aionis_run_id: str
    sufficient_evidence: bool


class HistoryImpact(msgspec.Struct, frozen=True, kw_only=True):
    changed_future_behavior: bool
    impact_direction: Direction
    changed_fields: Ids
    explanation: str


class Efficiency(msgspec.Struct, frozen=True, kw_only=True):
    """`token_delta` is the prompts' characters over four, None where no prompt was recorded."""

    repeated_discovery_delta: int = 0
    useful_continuity_delta: float = 0.0
    token_delta: int | None = None
    context_size_delta: int = 0
    recovery_step_delta: int = 0


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    verifier_outcome: Literal["pass", "fail", "not_run", "unknown"] = "unknown"
    recovered_fact_accuracy: Literal["positive", "negative", "mixed", "unknown"] = "unknown"
    workflow_reuse_outcome: Literal["success", "failure", "mixed", "not_used"] = "not_used"
    negative_transfer_detected: bool = False


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    used: bool = False
    source_count: int = 0
    source_ids: Ids = ()
    changed_fields: Ids = ()
    reason: str = "none was served"


class Contributions(msgspec.Struct, frozen=True, kw_only=True):
    handoff: Contribution = Contribution()
    replay: Contribution = Contribution()


class LearningEffect(msgspec.Struct, frozen=True, kw_only=True):
    promoted_workflow_ids: Ids = ()
    candidate_workflow_ids: Ids = ()
    demoted_memory_ids: Ids = ()
    blocked_authority_ids: Ids = ()
    promotion_denied_reasons: Ids = ()


class ForgettingEffect(msgspec.Struct, frozen=True, kw_only=True):
    suppressed_memory_ids: Ids = ()
    archived_memory_ids: Ids = ()
    rehydrated_memory_ids: Ids = ()
    stale_memory_filtered_count: int = 0


class FeedbackSignals(msgspec.Struct, frozen=True, kw_only=True):
    present: bool = False
    source: Literal["memory_decision_audit", "not_supplied"] = "not_supplied"
    authority_mutation: bool = False
    positive_attributed_memory_ids: Ids = ()
    weak_counter_signal_memory_ids: Ids = ()
    strong_counter_signal_memory_ids: Ids = ()
    repeated_unattributed_memory_ids: Ids = ()
    repeated_unattributed_without_positive_memory_ids: Ids = ()
    read_only_signal_memory_ids: Ids = ()
    explanation: str = "no feedback of this run on this guide"


class ReportEvidence(msgspec.Struct, frozen=True, kw_only=True):
    evidence_ids: Ids
    replay_run_ids: Ids = ()
    signal_summary_ids: Ids = ()
    promotion_quality_summary_ids: Ids = ()


class EffectReport(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_effect_report_v1"
    task: Task
    comparison: Comparison
    history_impact: HistoryImpact
    efficiency: Efficiency
    quality: Quality
    history_contributions: Contributions
    learning_effect: LearningEffect
    forgetting_effect: ForgettingEffect
    feedback_signal_summary: FeedbackSignals
    training_candidates: tuple[TrainingCandidate, ...]
    evidence: ReportEvidence
