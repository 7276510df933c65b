"""The body of `POST /v1/measure`: a run, and either the guides that it went by or observations made by hand.

Guides are free objects, because they are copies of answers: only their trace id is read, and every score comes from what
was recorded under it. Accepted and of no effect: `forget_result`, `evidence_ids`, `sufficient_evidence`.
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from firewall.core.measure import observation as core
from firewall.core.measure.effect import Mode
from firewall.service.evidence.parts import Free
from firewall.service.strict_body import Identifier, Name, Strict

TRACE_CHARS = 256


def _as_count(value: object) -> object:
    """What is counted may be told as a yes or no."""
    return int(value) if isinstance(value, bool) else value


def _traced(guide: dict[str, object]) -> dict[str, object]:
    trace = guide.get("guide_trace_id")
    if trace is not None and not (isinstance(trace, str) and 0 < len(trace) <= TRACE_CHARS):
        raise PydanticCustomError(
            "guide_trace_id",
            "Its guide_trace_id is a string of 1 to {most} characters",
            {"most": TRACE_CHARS},
        )
    return guide


GuideCopy = Annotated[Free, AfterValidator(_traced)]
Count = Annotated[int, BeforeValidator(_as_count), Field(ge=0, le=1_000_000)]


class Counted(Strict):
    """A part of an observation; names in camel case, all of them needed."""

    model_config = ConfigDict(alias_generator=to_camel)


class ContinuityPart(Counted):
    repeated_discovery_steps: Count
    continuity_guidance_correct: bool
    recovered_state_facts: Count
    expected_state_facts: Count
    verified_facts_carried: Count
    verified_facts_expected: Count


class LearningPart(Counted):
    workflow_reused: bool
    stable_workflow_reused: bool
    provisional_memories_written: Count
    trusted_promotions: Count
    weak_evidence_promoted: Count
    counter_evidence_demotions: Count


class ForgettingPart(Counted):
    context_items: Count
    useful_context_items: Count
    stale_memory_surfaced: Count
    stale_memory_suppressed: Count
    archived_memory_rehydrated_on_demand: Count
    unnecessary_rehydrations: Count


class ControlPart(Counted):
    weak_evidence_blocked: Count
    authority_requires_evidence: bool
    blocked_authority_visible: bool
    unverified_authority_applied: bool


class ObservationPart(Strict):
    label: Name | None = None
    continuity: ContinuityPart
    learning: LearningPart
    forgetting: ForgettingPart
    learning_control: ControlPart

    def counted(self, label: str) -> core.Observation:
        """The observation as the core scores it."""
        return core.Observation(
            label=self.label or label,
            continuity=core.Continuity(**self.continuity.model_dump()),
            learning=core.LearningSeen(**self.learning.model_dump()),
            forgetting=core.Forgetting(**self.forgetting.model_dump()),
            learning_control=core.LearningControl(**self.learning_control.model_dump()),
        )


class TaskPart(Strict):
    task_id: Identifier
    run_id: Identifier
    task_signature: Identifier
    task_family: Identifier | None = None
    workflow_signature: Identifier | None = None


class ProductTrace(Strict):
    """`baseline` is another name for `before_guide`."""

    baseline: GuideCopy | None = None
    before_guide: GuideCopy | None = None
    after_guide: GuideCopy
    forget_result: Free | None = None
    evidence_ids: Annotated[list[Identifier], Field(max_length=1024)] | None = None
    sufficient_evidence: bool | None = None

    @property
    def after_trace(self) -> str:
        return _trace_of(self.after_guide)

    @property
    def before_trace(self) -> str:
        return _trace_of(self.before_guide or self.baseline or {})


class ComparisonPart(Strict):
    mode: Mode | None = None
    baseline_run_id: Identifier | None = None
    aionis_run_id: Identifier | None = None


class MeasureBody(Strict):
    tenant_id: Name | None = None
    scope: Name | None = None
    operation_id: Name | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None
    task: TaskPart
    product_trace: ProductTrace | None = None
    baseline: ObservationPart | None = None
    aionis: ObservationPart | None = None
    min_effect_delta: float = Field(0.1, ge=0.0, le=1.0, alias="minEffectDelta")
    min_aionis_score: float = Field(0.7, ge=0.0, le=1.0, alias="minAionisScore")
    comparison: ComparisonPart = ComparisonPart()


def _trace_of(guide: dict[str, object]) -> str:
    trace = guide.get("guide_trace_id")
    return trace if isinstance(trace, str) else ""
