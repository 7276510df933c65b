"""The four kernels: an observation's scores, each between 0 and 1, and what they come to.

Rules
-----
1. A kernel passes from .70 on, warns from .45 on, and fails below; what a hard fail names fails it whatever its score.
2. The score of a run is the plain mean of its kernels.
3. A report fails if a kernel fails; warns if a kernel fell by more than .05; passes if all kernels pass, the score is
   high enough and rose enough; and warns otherwise.
4. Without evidence that suffices nothing passes or warns: `insufficient`. A failure stays one.
"""

from typing import Literal

import msgspec

from firewall.core.measure.observation import (
    Continuity,
    Forgetting,
    LearningControl,
    LearningSeen,
    Observation,
)

PASSES = 0.70
WARNS = 0.45
#: A kernel that falls by more than this has lost something; one that rises by more has gained.
TOLERANCE = 0.05
_STEPS = 5
_DIGITS = 6

KernelName = Literal["continuity", "learning", "forgetting", "learning_control"]
KernelStatus = Literal["pass", "warn", "fail"]
ReportStatus = Literal["pass", "warn", "fail", "insufficient"]
Label = Literal["positive", "negative", "neutral", "blocked", "insufficient_evidence"]


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel's score, with history and without."""

    score: float
    status: KernelStatus
    baseline_score: float
    delta: float
    hard_fail: bool
    label: Label


class KernelReport(msgspec.Struct, frozen=True, kw_only=True):
    continuity: Kernel
    learning: Kernel
    forgetting: Kernel
    learning_control: Kernel
    score: float
    baseline_score: float
    delta: float
    status: ReportStatus

    @property
    def kernels(self) -> tuple[tuple[KernelName, Kernel], ...]:
        return (
            ("continuity", self.continuity),
            ("learning", self.learning),
            ("forgetting", self.forgetting),
            ("learning_control", self.learning_control),
        )


class Thresholds(msgspec.Struct, frozen=True):
    """How much a run must have gained, and how well it must have done, for the report to pass."""

    delta: float = 0.1
    score: float = 0.7

    def at_least(self, other: "Thresholds") -> "Thresholds":
        return Thresholds(max(self.delta, other.delta), max(self.score, other.score))


#: What exporting asks for, however little the caller asks for.
FLOOR = Thresholds()


def continuity(seen: Continuity) -> float:
    """mean(guidance correct, recovered / expected, verified carried / expected, 1 - min(1, repeated steps / 5))"""
    return _mean(
        1.0 if seen.continuity_guidance_correct else 0.0,
        _ratio(seen.recovered_state_facts, seen.expected_state_facts),
        _ratio(seen.verified_facts_carried, seen.verified_facts_expected),
        1.0 - min(1.0, seen.repeated_discovery_steps / _STEPS),
    )


def learning(seen: LearningSeen) -> float:
    """mean(reuse: 1 stable, .75 reused, 0; promotion: 0 of weak evidence, 1 trusted, .55 provisional, 0;
    1 if counter-evidence demoted anything, else .65)"""
    return _mean(
        1.0 if seen.stable_workflow_reused else 0.75 if seen.workflow_reused else 0.0,
        _promotion(seen),
        1.0 if seen.counter_evidence_demotions else 0.65,
    )


def forgetting(seen: Forgetting) -> float:
    """mean(useful / context items, suppressed / all stale, rehydration: 0 unnecessary, 1 on demand, .7 none needed)"""
    return _mean(
        _ratio(seen.useful_context_items, seen.context_items),
        _ratio(seen.stale_memory_suppressed, seen.stale_memory_suppressed + seen.stale_memory_surfaced),
        0.0 if seen.unnecessary_rehydrations else 1.0 if seen.archived_memory_rehydrated_on_demand else 0.7,
    )


def learning_control(seen: LearningControl) -> float:
    """mean(1 if weak evidence was blocked, else .55; authority requires evidence; blocked authority visible;
    0 if unverified authority was applied, else 1)"""
    return _mean(
        1.0 if seen.weak_evidence_blocked else 0.55,
        1.0 if seen.authority_requires_evidence else 0.0,
        1.0 if seen.blocked_authority_visible else 0.0,
        0.0 if seen.unverified_authority_applied else 1.0,
    )


def scored(baseline: Observation, aionis: Observation, asked: Thresholds, *, grounded: bool) -> KernelReport:
    """The kernels of a run against its baseline. `grounded`: there is evidence that its status may rest on."""
    parts = (
        _kernel(continuity(baseline.continuity), continuity(aionis.continuity)),
        _kernel(
            learning(baseline.learning),
            learning(aionis.learning),
            hard=aionis.learning.weak_evidence_promoted > 0,
        ),
        _kernel(forgetting(baseline.forgetting), forgetting(aionis.forgetting)),
        _kernel(
            learning_control(baseline.learning_control),
            learning_control(aionis.learning_control),
            hard=aionis.learning_control.unverified_authority_applied,
        ),
    )
    score = _mean(*(part.score for part in parts))
    before = _mean(*(part.baseline_score for part in parts))
    report = KernelReport(
        continuity=parts[0],
        learning=parts[1],
        forgetting=parts[2],
        learning_control=parts[3],
        score=score,
        baseline_score=before,
        delta=round(score - before, _DIGITS),
        status="insufficient",
    )
    return msgspec.structs.replace(report, status=status_of(report, asked, grounded=grounded))


def status_of(report: KernelReport, asked: Thresholds, *, grounded: bool) -> ReportStatus:
    """Rules 3 and 4."""
    parts = [kernel for _, kernel in report.kernels]
    if any(part.status == "fail" for part in parts):
        return "fail"
    if not grounded:
        return "insufficient"
    fell = any(part.delta < -TOLERANCE for part in parts)
    reached = report.score >= asked.score and report.delta >= asked.delta
    return "pass" if reached and not fell and all(part.status == "pass" for part in parts) else "warn"


def _kernel(had: float, reached: float, *, hard: bool = False) -> Kernel:
    delta = round(reached - had, _DIGITS)
    status: KernelStatus = "fail" if hard or reached < WARNS else "pass" if reached >= PASSES else "warn"
    return Kernel(
        score=reached,
        status=status,
        baseline_score=had,
        delta=delta,
        hard_fail=hard,
        label=_label(status, delta, hard=hard),
    )


def _label(status: KernelStatus, delta: float, *, hard: bool) -> Label:
    if hard:
        return "blocked"
    if status == "fail" or delta < -TOLERANCE:
        return "negative"
    return "positive" if status == "pass" and delta > TOLERANCE else "neutral"


def _promotion(seen: LearningSeen) -> float:
    if seen.weak_evidence_promoted:
        return 0.0
    if seen.trusted_promotions:
        return 1.0
    return 0.55 if seen.provisional_memories_written else 0.0


def _ratio(part: int, whole: int) -> float:
    """Of nothing that was expected, everything came."""
    return 1.0 if whole <= 0 else min(1.0, part / whole)


def _mean(*parts: float) -> float:
    # Rounded, so that a sum that is .70 on paper is not just below it in binary.
    return round(sum(parts) / len(parts), _DIGITS)
