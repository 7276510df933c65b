"""Training candidates: what a measured run could teach, each with its sources and a label. None of them is taught here."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from firewall.core.evidence import Skill
from firewall.core.measure.kernels import Kernel, KernelReport, Label
from firewall.core.measure.trial import Trial, Use

CandidateType = Literal[
    "handoff_distillation",
    "transfer_judge",
    "workflow_selector",
    "forgetting_suppression",
    "authority_judgment",
    "trace_derived_skill",
]


class ExportPolicy(msgspec.Struct, frozen=True, kw_only=True):
    agent_prompt_included: bool = False
    runtime_mutation: bool = False
    required_gate: str = "admission_and_promotion_gate"


class TraceDerivedSkill(msgspec.Struct, frozen=True, kw_only=True):
    """A skill as it stands in a report and in the review queue."""

    contract_version: str = "aionis_trace_derived_skill_candidate_v1"
    candidate_id: str
    skill_name: str
    source_trace_ids: tuple[str, ...]
    source_signal_ids: tuple[str, ...]
    applies_when: tuple[str, ...]
    does_not_apply_when: tuple[str, ...]
    procedure_steps: tuple[str, ...]
    target_files: tuple[str, ...]
    acceptance_checks: tuple[str, ...]
    failure_counterexamples: tuple[str, ...]
    evidence_refs: tuple[str, ...]
    authority_state: str = "candidate"
    promotion_status: str
    export_policy: ExportPolicy = ExportPolicy()


class TrainingCandidate(msgspec.Struct, frozen=True, kw_only=True):
    candidate_type: CandidateType
    source_ids: tuple[str, ...]
    label: Label
    export_ready: bool
    reason: str
    trace_derived_skill: TraceDerivedSkill | UnsetType = UNSET


def shown_skill(skill: Skill) -> TraceDerivedSkill:
    """The skill in the words of the contract."""
    return TraceDerivedSkill(
        candidate_id=skill.candidate_id,
        skill_name=skill.skill_name,
        source_trace_ids=skill.source_trace_ids,
        source_signal_ids=skill.source_signal_ids,
        applies_when=skill.applies_when,
        does_not_apply_when=skill.does_not_apply_when,
        procedure_steps=skill.procedure_steps,
        target_files=skill.target_files,
        acceptance_checks=skill.acceptance_checks,
        failure_counterexamples=skill.failure_counterexamples,
        evidence_refs=skill.evidence_refs,
        promotion_status=skill.promotion_status,
    )


def as_candidate(skill: Skill) -> TrainingCandidate:
    """A skill among the training candidates."""
    return TrainingCandidate(
        candidate_type="trace_derived_skill",
        source_ids=skill.source_ids,
        label=skill.label,
        export_ready=skill.export_ready,
        reason=skill.reason,
        trace_derived_skill=shown_skill(skill),
    )


def training_candidates(
    trial: Trial, report: KernelReport, skills: Sequence[Skill], *, sufficient: bool
) -> tuple[TrainingCandidate, ...]:
    """One for each thing that the run could teach and has sources for; skills last."""
    handoffs = [use for use in trial.uses if use.node is not None and use.node.kind == "handoff"]
    blocked = trial.on("do_not_use")
    weighed = [use for use in trial.uses if use.weak or use.item.served_surface == "inspect_before_use"]
    taught: tuple[tuple[CandidateType, Kernel, str, Sequence[Use]], ...] = (
        ("handoff_distillation", report.continuity, "continuity", [use for use in handoffs if use.credited]),
        ("transfer_judge", report.continuity, "continuity", [use for use in trial.uses if use.credited]),
        ("workflow_selector", report.learning, "learning", [use for use in trial.helped if use.workflow]),
        ("forgetting_suppression", report.forgetting, "forgetting", blocked),
        ("authority_judgment", report.learning_control, "learning_control", weighed),
    )
    plain = tuple(_candidate(*entry, report, sufficient=sufficient) for entry in taught if entry[-1])
    return (*plain, *map(as_candidate, skills))


def _candidate(
    kind: CandidateType,
    kernel: Kernel,
    name: str,
    uses: Sequence[Use],
    report: KernelReport,
    *,
    sufficient: bool,
) -> TrainingCandidate:
    label: Label = kernel.label if sufficient else "insufficient_evidence"
    return TrainingCandidate(
        candidate_type=kind,
        source_ids=tuple(use.memory_id for use in uses),
        label=label,
        export_ready=label == "positive" and report.status == "pass",
        reason=f"{name} kernel {label}",
    )
