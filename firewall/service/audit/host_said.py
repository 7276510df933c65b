"""What a host hands back of earlier answers, read as far as it is used: everything else in it is not even kept.

These are the host's words, not ours: they are shown as such, and lose against what was recorded. The prompt is
counted and dropped.
"""

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from firewall.core.evidence import Served
from firewall.service.strict_body import MemoryId, Name

MOST = 1_000

#: A code may end in the id of another memory.
Reason = Annotated[str, Field(min_length=1, max_length=2_048)]
Ids = Annotated[list[MemoryId], Field(max_length=MOST)]


class Said(BaseModel):
    """Unknown fields are ignored: the host sends whole answers, of this and of later versions."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class SaidHint(Said):
    memory_id: MemoryId


class SaidExecution(Said):
    execution_outcome_role: Name | None = None


class SaidPosture(Said):
    memory_id: MemoryId
    surface: Name = "context"
    execution_state: SaidExecution | None = None


class SaidEvidence(Said):
    workflow_ids: Ids = []


class SaidContext(Said):
    """`agent_context` of a guide."""

    history_used: bool = False
    actionable_history_used: bool = False
    prompt_text: Annotated[str, Field(max_length=2_000_000)] = ""
    memory_ids: Ids = []
    use_now_memory_ids: Ids = []
    inspect_before_use_memory_ids: Ids = []
    do_not_use_memory_ids: Ids = []
    rehydrate_hints: Annotated[list[SaidHint], Field(max_length=MOST)] = []
    command_posture: Annotated[list[SaidPosture], Field(max_length=MOST)] = []
    evidence_refs: SaidEvidence | None = None


class SaidDecision(Said):
    """A row of a decision trace, a use receipt or an admission record."""

    memory_id: MemoryId
    agent_surface: Served = Field(
        validation_alias=AliasChoices("agent_surface", "served_surface", "admission_action")
    )
    reason_codes: Annotated[list[Reason], Field(max_length=64)] = []


Decisions = Annotated[list[SaidDecision], Field(max_length=MOST)]


class SaidTrace(Said):
    guide_trace_id: Name | None = None
    decisions: Decisions = []


class SaidReceipt(Said):
    guide_trace_id: Name | None = None
    prompt_char_count: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    history_used: bool = False
    actionable_history_used: bool = False
    decision_summaries: Decisions = []


class SaidRecords(Said):
    entries: Decisions = []


class SaidSnapshot(Said):
    memory_use_receipt: SaidReceipt | None = None


class SaidGuide(Said):
    guide_trace_id: Name | None = None
    agent_context: SaidContext | None = None


class SaidProductTrace(Said):
    after_guide: SaidGuide


class SaidEffect(Said):
    affected_memory_ids: Ids = []


class SaidActivated(Said):
    outcome: Literal["positive", "negative", "neutral"] | None = None


class SaidResult(Said):
    activated: SaidActivated | None = None


class SaidFeedback(Said):
    """Either the body of a feedback, or its answer."""

    run_id: Name | None = None
    outcome: Literal["positive", "negative", "neutral"] | None = None
    used_memory_ids: Ids = []
    forget_effect: SaidEffect | None = None
    result: SaidResult | None = None

    @property
    def ids(self) -> list[str]:
        if self.used_memory_ids or self.forget_effect is None:
            return self.used_memory_ids
        return self.forget_effect.affected_memory_ids

    @property
    def said(self) -> Literal["positive", "negative", "neutral"] | None:
        activated = None if self.result is None else self.result.activated
        return self.outcome or (None if activated is None else activated.outcome)


class SaidSkill(Said):
    promotion_status: Name = "candidate_only"
    evidence_refs: Ids = []


class SaidCandidate(Said):
    candidate_type: Name
    label: Name = "insufficient_evidence"
    export_ready: bool = False
    trace_derived_skill: SaidSkill | None = None


class SaidImpact(Said):
    changed_future_behavior: bool = False
    impact_direction: Name = "insufficient_evidence"


class SaidComparison(Said):
    sufficient_evidence: bool = False


class SaidReport(Said):
    """`effect_report` of a measurement."""

    history_impact: SaidImpact | None = None
    comparison: SaidComparison | None = None
    training_candidates: Annotated[list[SaidCandidate], Field(max_length=MOST)] = []
