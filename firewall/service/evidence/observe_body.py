"""The body of `POST /v1/observe`: one observation of up to some hundred pieces of evidence.

Exactly these fields, within bounds; `slots`, `verification` and the entries of `evidence` and `artifacts` are free
objects. Accepted and of no effect: `auto_embed` and `distill` (nothing is embedded or distilled here).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from firewall.service.evidence.handoff_body import HandoffPart
from firewall.service.evidence.parts import (
    NO_EXECUTION_SLOTS,
    NO_SLOTS,
    EvidenceItem,
    ExecutionSlots,
    Free,
    FreeList,
    Identifiers,
    LaneWord,
    Moment,
    Notes,
    RoleWord,
    Slots,
    Text,
    TierWord,
    Title,
    TypeWord,
    Unit,
)
from firewall.service.strict_body import Identifier, Name, Strict

Outcome = Literal["succeeded", "failed", "blocked", "interrupted", "unknown"]


class MemoryPart(Strict):
    client_id: Name | None = None
    type: TypeWord | None = None
    title: Title | None = None
    text_summary: Text | None = None
    tier: TierWord = "hot"
    confidence: Unit | None = None
    salience: Unit | None = None
    importance: Unit | None = None
    raw_ref: Identifier | None = None
    evidence_ref: Identifier | None = None
    target_files: Identifiers
    slots: Slots = NO_SLOTS


class ClaimPart(Strict):
    client_id: Name | None = None
    title: Title | None = None
    claim: str = Field(min_length=1, max_length=65_536)
    confidence: Unit | None = None
    evidence_ref: Identifier | None = None
    evidence_refs: Identifiers
    target_files: Identifiers
    slots: Slots = NO_SLOTS


class ExecutionPart(Strict):
    client_id: Name | None = None
    run_id: Name | None = None
    task_id: Name | None = None
    task_family: Name | None = None
    task_signature: Identifier | None = None
    workflow_signature: Identifier | None = None
    title: Title | None = None
    summary: Text | None = None
    outcome: Outcome = "unknown"
    workflow_steps: Notes
    target_files: Identifiers
    tool_set: Identifiers
    acceptance_checks: Notes
    verifier: Annotated[list[Identifier | Free], Field(default_factory=list, max_length=64)]
    continuation_hint: Text | None = None
    resume_hint: Text | None = None
    reuse_hint: Text | None = None
    salience: Unit | None = None
    importance: Unit | None = None
    confidence: Unit | None = None
    evidence_ref: Identifier | None = None
    raw_ref: Identifier | None = None
    evidence: Annotated[list[EvidenceItem], Field(default_factory=list, max_length=64)]
    artifacts: FreeList
    verification: Free | None = None
    slots: ExecutionSlots = NO_EXECUTION_SLOTS


class EdgePart(Strict):
    """From the first piece of evidence of the body to `target`: an id, a client id or a URI."""

    type: (
        Literal["supersedes", "contradicts", "invalidates", "part_of", "related_to", "derived_from"] | None
    ) = None
    relation: (
        Literal["supersedes", "contradicts", "invalidates", "part_of", "related_to", "derived_from"] | None
    ) = None
    target: Identifier | None = None
    to: Identifier | None = None
    confidence: Unit = 1.0

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.type is None) == (self.relation is None) or (self.target is None) == (self.to is None):
            raise PydanticCustomError("edge", "An edge has one of type, relation and one of target, to")
        return self


class ObserveBody(Strict):
    operation_id: Name | None = None
    tenant_id: Name | None = None
    scope: Name | None = None
    actor: Name | None = None
    agent_role: RoleWord | None = None
    observed_at: Moment | None = None
    input_text: Text | None = None
    memory_kind: Literal["general_memory", "execution_workflow"] | None = None
    memory_lane: LaneWord | None = None
    producer_agent_id: Name | None = None
    owner_agent_id: Name | None = None
    owner_team_id: Name | None = None
    auto_embed: bool = False
    memory: MemoryPart | None = None
    execution: ExecutionPart | None = None
    handoff: HandoffPart | None = None
    claims: Annotated[list[ClaimPart], Field(default_factory=list, max_length=256)]
    nodes: Annotated[list[MemoryPart], Field(default_factory=list, max_length=256)]
    edges: Annotated[list[EdgePart], Field(default_factory=list, max_length=256)]
    distill: bool | Free | None = None

    @model_validator(mode="after")
    def _observes_something(self) -> Self:
        parts = (self.memory, self.execution, self.handoff)
        text = (self.input_text or "").strip()
        if not text and not self.claims and not self.nodes and all(part is None for part in parts):
            raise PydanticCustomError(
                "nothing", "One of input_text, memory, execution, handoff, claims, nodes is needed"
            )
        step = self.execution
        if step is not None and not (
            text or step.title or step.summary or step.target_files or step.workflow_signature
        ):
            raise PydanticCustomError(
                "nameless", "A step needs a title, a summary, target_files or a workflow_signature"
            )
        for number, part in enumerate((self.memory, *self.nodes)):
            speaks = text and number == 0 and step is None
            if part is not None and not (part.title or part.text_summary or speaks):
                raise PydanticCustomError("textless", "A memory needs a title or a text_summary")
        return self
