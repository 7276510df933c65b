"""The answers of the skill candidate routes: review rows, and the draft of a procedure."""

import msgspec

from firewall.core.evidence import Skill
from firewall.core.measure.training import TraceDerivedSkill, shown_skill
from firewall.core.procedure import ReviewRow, ReviewStatus
from firewall.core.prompt import one_line
from firewall.core.visibility import Lane
from firewall.service.contract import SourceMap
from firewall.service.moments import iso

TITLE_CHARS = 200
_GATE = "observe_commit_and_admission_gate"


class ReviewItem(msgspec.Struct, frozen=True, kw_only=True):
    candidate_id: str
    tenant_id: str
    scope: str
    status: ReviewStatus
    skill_name: str
    label: str
    export_ready: bool
    promotion_status: str
    measurement_id: str
    candidate: TraceDerivedSkill
    reviewer_id: str | None
    review_reason: str | None
    created_at: str
    reviewed_at: str | None


class QueueAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_skill_candidate_queue_result_v1"
    tenant_id: str
    scope: str
    measurement_id: str
    queued_count: int
    candidates: tuple[ReviewItem, ...]
    source_map: SourceMap


class ListAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`count` rows match; the oldest of them are written out, as far as the limit goes."""

    contract_version: str = "aionis_skill_candidate_list_result_v1"
    tenant_id: str
    scope: str
    status: str
    count: int
    candidates: tuple[ReviewItem, ...]
    source_map: SourceMap


class ReviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_skill_candidate_review_result_v1"
    tenant_id: str
    scope: str
    candidate: ReviewItem
    memory_runtime_mutation: bool = False
    source_map: SourceMap


class DraftReview(msgspec.Struct, frozen=True, kw_only=True):
    review_status: ReviewStatus
    reviewer_id: str
    review_reason: str
    reviewed_at: str | None
    candidate_reason: str
    label: str
    promotion_status: str
    export_ready: bool


class WritePolicy(msgspec.Struct, frozen=True, kw_only=True):
    requires_observe_commit: bool = True
    agent_prompt_included: bool = False
    runtime_mutation: bool = False
    required_gate: str = _GATE


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_procedure_memory_draft_v1"
    source_candidate_id: str
    source: str = "trace_derived_skill"
    memory_kind: str = "procedure"
    authority_state: str = "reviewed_candidate"
    skill_name: str
    title: str
    summary: str
    source_trace_ids: tuple[str, ...]
    source_signal_ids: tuple[str, ...]
    applies_when: tuple[str, ...]
    does_not_apply_when: tuple[str, ...]
    procedure_steps: tuple[str, ...]
    target_files: tuple[str, ...]
    acceptance_checks: tuple[str, ...]
    failure_counterexamples: tuple[str, ...]
    evidence_refs: tuple[str, ...]
    review: DraftReview
    write_policy: WritePolicy = WritePolicy()


class ProcedureSlots(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    lifecycle_state: str
    compression_layer: str
    task_signature: str = ""
    workflow_signature: str = ""
    procedure_steps: tuple[str, ...] = ()
    acceptance_checks: tuple[str, ...] = ()


class ProcedureMemory(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "procedure"
    title: str
    text_summary: str
    target_files: tuple[str, ...]
    slots: ProcedureSlots


class ObservePayload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A body of `POST /v1/observe`, to be posted as it is."""

    tenant_id: str
    scope: str
    memory_kind: str
    memory_lane: Lane
    owner_team_id: str = ""
    owner_agent_id: str = ""
    memory: ProcedureMemory


class Safety(msgspec.Struct, frozen=True, kw_only=True):
    agent_prompt_included: bool = False
    memory_runtime_mutation: bool = False
    requires_observe_commit: bool = True
    required_gate: str = _GATE


class MaterializeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_skill_candidate_materialize_result_v1"
    tenant_id: str
    scope: str
    candidate_id: str
    draft: Draft
    recommended_observe_payload: ObservePayload
    safety: Safety = Safety()
    source_map: SourceMap


def shown_row(row: ReviewRow, tenant: str, scope: str) -> ReviewItem:
    """A row of the queue."""
    skill = row.skill
    return ReviewItem(
        candidate_id=skill.candidate_id,
        tenant_id=tenant,
        scope=scope,
        status=row.status,
        skill_name=skill.skill_name,
        label=skill.label,
        export_ready=skill.export_ready,
        promotion_status=skill.promotion_status,
        measurement_id=row.measurement_id,
        candidate=shown_skill(skill),
        reviewer_id=row.reviewer_id or None,
        review_reason=row.review_reason or None,
        created_at=iso(row.created_at),
        reviewed_at=None if row.reviewed_at is None else iso(row.reviewed_at),
    )


def draft_of(row: ReviewRow) -> Draft:
    """The procedure that a promoted candidate would be."""
    skill = row.skill
    return Draft(
        source_candidate_id=skill.candidate_id,
        skill_name=skill.skill_name,
        title=_title(skill),
        summary=_summary(skill),
        source_trace_ids=skill.source_trace_ids,
        source_signal_ids=skill.source_signal_ids,
        applies_when=skill.applies_when,
        does_not_apply_when=skill.does_not_apply_when,
        procedure_steps=skill.procedure_steps,
        target_files=skill.target_files,
        acceptance_checks=skill.acceptance_checks,
        failure_counterexamples=skill.failure_counterexamples,
        evidence_refs=skill.evidence_refs,
        review=DraftReview(
            review_status=row.status,
            reviewer_id=row.reviewer_id,
            review_reason=row.review_reason,
            reviewed_at=None if row.reviewed_at is None else iso(row.reviewed_at),
            candidate_reason=skill.reason,
            label=skill.label,
            promotion_status=skill.promotion_status,
            export_ready=skill.export_ready,
        ),
    )


def payload_of(skill: Skill, tenant: str, scope: str) -> ObservePayload:
    """What the host observes, if it wants the procedure, for the audience that the measured guide had.

    What failed is left out of it: a procedure that names a failed route is withheld as a mention of that route.
    """
    audience = skill.audience
    private = audience.lane == "private"
    owner = audience.agent or ("" if audience.team else audience.writer)
    return ObservePayload(
        tenant_id=tenant,
        scope=scope,
        memory_kind="execution_workflow",
        memory_lane=audience.lane,
        owner_team_id=audience.team,
        owner_agent_id=owner if private else "",
        memory=ProcedureMemory(
            title=_title(skill),
            text_summary=_summary(skill),
            target_files=skill.target_files,
            slots=ProcedureSlots(
                lifecycle_state="active",
                compression_layer="L2",
                task_signature=skill.task_signature,
                workflow_signature=skill.workflow_signature,
                procedure_steps=skill.procedure_steps,
                acceptance_checks=skill.acceptance_checks,
            ),
        ),
    )


def _title(skill: Skill) -> str:
    return one_line(f"Procedure: {skill.skill_name}", TITLE_CHARS)


def _summary(skill: Skill) -> str:
    """One line a step, then one a check; each was made one line when the skill was derived."""
    steps = (f"{number}. {step}" for number, step in enumerate(skill.procedure_steps, start=1))
    return "\n".join((*steps, *(f"check: {check}" for check in skill.acceptance_checks)))
