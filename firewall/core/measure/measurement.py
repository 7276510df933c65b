"""A whole measurement: the observations, the scores, the assessment, the report and the skills of one run."""

import msgspec

from firewall.core.evidence import Skill
from firewall.core.measure.assessment import BY_HAND, UNKNOWN, Assessment, assess
from firewall.core.measure.effect import Comparison, EffectReport, Mode
from firewall.core.measure.kernels import KernelReport, Thresholds, scored
from firewall.core.measure.observation import Observation, due_alike, without_history
from firewall.core.measure.recorded import observed
from firewall.core.measure.reporting import report_of
from firewall.core.measure.skills import Task, skill_of
from firewall.core.measure.training import training_candidates
from firewall.core.measure.trial import Trial


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller wants compared; what it leaves open follows from what there is."""

    mode: Mode | None = None
    baseline_run_id: str | None = None
    aionis_run_id: str | None = None


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """`observations` are (baseline, aionis). Without any there was nothing to score, and there are no kernels."""

    assessment: Assessment
    observations: tuple[Observation, Observation] | None = None
    kernels: KernelReport | None = None
    report: EffectReport
    skills: tuple[Skill, ...] = ()


def measure_trial(
    task: Task, compared: Compared, asked: Thresholds, trial: Trial, before: Trial | None
) -> Measurement:
    """A run on a guide of ours, against a guide before it or against no history at all."""
    aionis = observed(trial, "aionis")
    baseline = without_history(aionis) if before is None else due_alike(observed(before, "baseline"), aionis)
    assessment = assess(trial, aionis, task_signature=task.task_signature)
    kernels = scored(baseline, aionis, asked, grounded=assessment.sufficient)
    skill = skill_of(trial, task, kernels, assessment, asked)
    skills = () if skill is None else (skill,)
    return Measurement(
        assessment=assessment,
        observations=(baseline, aionis),
        kernels=kernels,
        report=report_of(
            task,
            _comparison(
                task, compared, "single_run_history_impact", before, sufficient=assessment.sufficient
            ),
            assessment,
            trial=trial,
            before=before,
            observations=(baseline, aionis),
            kernels=kernels,
            asked=asked,
            candidates=training_candidates(trial, kernels, skills, sufficient=assessment.sufficient),
        ),
        skills=skills,
    )


def measure_by_hand(
    task: Task, compared: Compared, asked: Thresholds, baseline: Observation, aionis: Observation
) -> Measurement:
    """Observations that somebody made: scored as they are given, and proof of nothing."""
    kernels = scored(baseline, aionis, asked, grounded=True)
    return Measurement(
        assessment=BY_HAND,
        observations=(baseline, aionis),
        kernels=kernels,
        report=report_of(
            task,
            _comparison(task, compared, "baseline_vs_aionis", None, sufficient=False),
            BY_HAND,
            observations=(baseline, aionis),
            kernels=kernels,
            asked=asked,
        ),
    )


def measure_unknown(task: Task, compared: Compared, asked: Thresholds) -> Measurement:
    """A trace that is not ours: whatever it says, nothing of it is measured."""
    return Measurement(
        assessment=UNKNOWN,
        report=report_of(
            task,
            _comparison(task, compared, "single_run_history_impact", None, sufficient=False),
            UNKNOWN,
            asked=asked,
        ),
    )


def _comparison(
    task: Task, compared: Compared, mode: Mode, before: Trial | None, *, sufficient: bool
) -> Comparison:
    own = None if before is None else before.run_id
    return Comparison(
        mode=compared.mode or (mode if before is None else "baseline_vs_aionis"),
        baseline_run_id=own or compared.baseline_run_id,
        aionis_run_id=compared.aionis_run_id or task.run_id,
        sufficient_evidence=sufficient,
    )
