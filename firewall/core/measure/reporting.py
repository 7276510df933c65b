"""Filling the effect report from a trial: each part says what the log bears out, and its neutral value where nothing is.

No text of a memory gets in here: ids, counts, codes, and sentences of ours.
"""

from collections.abc import Iterable

from firewall.core.attribution import PASSED_BY
from firewall.core.evidence import NATIVE
from firewall.core.measure.assessment import Assessment
from firewall.core.measure.effect import (
    Comparison,
    Contribution,
    Contributions,
    Direction,
    EffectReport,
    Efficiency,
    FeedbackSignals,
    ForgettingEffect,
    HistoryImpact,
    Ids,
    LearningEffect,
    Quality,
    ReportEvidence,
)
from firewall.core.measure.kernels import TOLERANCE, KernelReport, Thresholds
from firewall.core.measure.observation import Observation
from firewall.core.measure.skills import Task
from firewall.core.measure.training import TrainingCandidate
from firewall.core.measure.trial import Trial, Use

_CHARS_A_TOKEN = 4


def report_of(
    task: Task,
    comparison: Comparison,
    assessment: Assessment,
    *,
    trial: Trial | None = None,
    before: Trial | None = None,
    observations: tuple[Observation, Observation] | None = None,
    kernels: KernelReport | None = None,
    asked: Thresholds,
    candidates: tuple[TrainingCandidate, ...] = (),
) -> EffectReport:
    """The report of a run. Without a trial it was measured by hand, or not at all: then only `observations` speak."""
    changed = () if trial is None else changed_fields(before, trial)
    return EffectReport(
        task=task,
        comparison=comparison,
        history_impact=_impact(trial, changed, assessment, kernels, asked),
        efficiency=_efficiency(trial, before, observations, kernels),
        quality=_quality(trial, observations),
        history_contributions=Contributions() if trial is None else _contributions(trial, changed),
        learning_effect=_learning(trial, assessment),
        forgetting_effect=ForgettingEffect() if trial is None else _forgetting(trial),
        feedback_signal_summary=FeedbackSignals() if trial is None else _signals(trial),
        training_candidates=candidates,
        evidence=ReportEvidence(
            evidence_ids=assessment.evidence_ids,
            replay_run_ids=(trial.run_id,) if trial is not None and trial.given else (),
            signal_summary_ids=(trial.served.exposure_event_id,) if trial is not None and trial.given else (),
        ),
    )


def changed_fields(before: Trial | None, after: Trial) -> Ids:
    """What of the guide is not as it was in the one before; without one, what it holds at all."""
    had, has = {} if before is None else _fields(before), _fields(after)
    return tuple(name for name in sorted(has) if has[name] != had.get(name, frozenset()))


def _fields(trial: Trial) -> dict[str, frozenset[str]]:
    return {
        "active_path": frozenset({trial.served.active_id} - {""}),
        "do_not_use": frozenset(_ids(trial.on("do_not_use"))),
        "inspect_before_use": frozenset(_ids(trial.on("inspect_before_use"))),
        "rehydrate": frozenset(_ids(trial.on("rehydrate"))),
        "target_files": frozenset(trial.served.target_files),
        "use_now": frozenset(_ids(trial.on("use_now"))),
    }


def _impact(
    trial: Trial | None,
    changed: Ids,
    assessment: Assessment,
    kernels: KernelReport | None,
    asked: Thresholds,
) -> HistoryImpact:
    direction: Direction = "insufficient_evidence"
    explanation = f"the evidence does not suffice: {', '.join(assessment.reasons)}"
    if kernels is not None and assessment.sufficient:
        direction = _direction(kernels, asked)
        explanation = (
            f"scored {kernels.score:.2f} with history and {kernels.baseline_score:.2f} without, "
            f"on {len(assessment.evidence_ids)} credited memories"
        )
    return HistoryImpact(
        changed_future_behavior=trial is not None and trial.served.actionable and bool(changed),
        impact_direction=direction,
        changed_fields=changed,
        explanation=explanation,
    )


def _direction(kernels: KernelReport, asked: Thresholds) -> Direction:
    if kernels.status == "fail" or kernels.delta < -TOLERANCE:
        return "negative"
    return "positive" if kernels.delta >= asked.delta else "neutral"


def _efficiency(
    trial: Trial | None,
    before: Trial | None,
    observations: tuple[Observation, Observation] | None,
    kernels: KernelReport | None,
) -> Efficiency:
    if observations is None or kernels is None:
        return Efficiency()
    had, has = observations[0].continuity, observations[1].continuity
    chars = None
    if trial is not None:
        chars = trial.served.prompt_chars - (0 if before is None else before.served.prompt_chars)
    return Efficiency(
        repeated_discovery_delta=has.repeated_discovery_steps - had.repeated_discovery_steps,
        useful_continuity_delta=kernels.continuity.delta,
        token_delta=None if chars is None else round(chars / _CHARS_A_TOKEN),
        context_size_delta=observations[1].forgetting.context_items
        - observations[0].forgetting.context_items,
        recovery_step_delta=(has.expected_state_facts - has.recovered_state_facts)
        - (had.expected_state_facts - had.recovered_state_facts),
    )


def _quality(trial: Trial | None, observations: tuple[Observation, Observation] | None) -> Quality:
    if trial is None:
        reused = observations is not None and observations[1].learning.workflow_reused
        return Quality(workflow_reuse_outcome="success" if reused else "not_used")
    strong = [one for one in trial.given if one.strong or one.verified]
    workflows = [use for use in trial.uses if use.workflow and use.acted_on]
    worked = any(use.helped for use in workflows)
    failed = any(use.harmed for use in workflows)
    return Quality(
        verifier_outcome="fail"
        if any(one.outcome == "negative" for one in strong)
        else "pass"
        if any(one.outcome == "positive" for one in strong)
        else "not_run",
        recovered_fact_accuracy="mixed"
        if trial.helped and trial.harmed
        else "positive"
        if trial.helped
        else "negative"
        if trial.harmed
        else "unknown",
        workflow_reuse_outcome="mixed"
        if worked and failed
        else "success"
        if worked
        else "failure"
        if failed
        else "not_used",
        negative_transfer_detected=any(use.acted_on for use in trial.harmed),
    )


def _contributions(trial: Trial, changed: Ids) -> Contributions:
    handoffs = [use for use in trial.uses if use.node is not None and use.node.kind == "handoff"]
    replayed = [use for use in trial.uses if use.workflow and use not in handoffs]
    return Contributions(handoff=_contribution(handoffs, changed), replay=_contribution(replayed, changed))


def _contribution(uses: list[Use], changed: Ids) -> Contribution:
    if not uses:
        return Contribution()
    used = any(use.credited for use in uses)
    surfaces = {use.item.served_surface for use in uses}
    return Contribution(
        used=used,
        source_count=len(uses),
        source_ids=_ids(uses),
        changed_fields=tuple(name for name in changed if name in surfaces),
        reason="credited by feedback" if used else "served, and not credited",
    )


def _learning(trial: Trial | None, assessment: Assessment) -> LearningEffect:
    if trial is None:
        return LearningEffect(promotion_denied_reasons=assessment.reasons)
    workflows = [use for use in trial.helped if use.workflow]
    return LearningEffect(
        promoted_workflow_ids=_ids(use for use in workflows if use.borne_out),
        candidate_workflow_ids=_ids(use for use in workflows if not use.borne_out),
        demoted_memory_ids=_ids(
            use for use in trial.uses if use.standing is not None and use.standing.demoted
        ),
        blocked_authority_ids=_ids(trial.on("do_not_use")),
        promotion_denied_reasons=assessment.reasons,
    )


def _forgetting(trial: Trial) -> ForgettingEffect:
    return ForgettingEffect(
        suppressed_memory_ids=_ids(use for use in trial.uses if use.suppressed),
        archived_memory_ids=_ids(use for use in trial.uses if _archived(use)),
        rehydrated_memory_ids=_ids(use for use in trial.uses if use.rehydrated),
        stale_memory_filtered_count=len(trial.on("do_not_use")),
    )


def _archived(use: Use) -> bool:
    return (
        use.item.upstream == NATIVE
        and use.node is not None
        and (use.node.tier == "archive" or use.node.lifecycle == "archived")
    )


def _signals(trial: Trial) -> FeedbackSignals:
    if not trial.given:
        return FeedbackSignals()
    ignored = [
        use
        for use in trial.uses
        if not use.credited and use.standing is not None and use.standing.passed_by >= PASSED_BY
    ]
    return FeedbackSignals(
        present=True,
        source="memory_decision_audit",
        positive_attributed_memory_ids=_ids(trial.helped),
        weak_counter_signal_memory_ids=_ids(use for use in trial.harmed if not use.borne_out),
        strong_counter_signal_memory_ids=_ids(use for use in trial.harmed if use.borne_out),
        repeated_unattributed_memory_ids=_ids(ignored),
        repeated_unattributed_without_positive_memory_ids=_ids(
            use for use in ignored if use.standing is not None and use.standing.inspect_candidate
        ),
        read_only_signal_memory_ids=_ids(use for use in trial.uses if use.noted and not use.credited),
        explanation=f"{len(trial.given)} feedbacks of this run; what was served and not used is not blamed",
    )


def _ids(uses: Iterable[Use]) -> Ids:
    return tuple(use.memory_id for use in uses)
