"""The parts of which bodies with evidence are made: bounded words, and the free objects of which some words are read.

`Slots` are free, but the words in them that memfw reads are of their type: another type is an error with its path.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from firewall.core.evidence import NodeLifecycle
from firewall.service.govern.candidates import moment_of
from firewall.service.strict_body import Identifier, Name, require_shallow

TEXT_CHARS = 65_536
Text = Annotated[str, Field(max_length=TEXT_CHARS)]
Title = Annotated[str, Field(max_length=512)]
Note = Annotated[str, Field(max_length=4_000)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Identifiers = Annotated[list[Identifier], Field(default_factory=list, max_length=256)]
Notes = Annotated[list[Note], Field(default_factory=list, max_length=256)]
Free = Annotated[dict[str, object], AfterValidator(require_shallow)]
FreeList = Annotated[list[Free], Field(default_factory=list, max_length=64)]


def _moment(value: object) -> float:
    moment = moment_of(value)
    if moment is None or moment < 0:
        raise PydanticCustomError("moment", "Not an ISO 8601 time or seconds since the epoch")
    return moment


Moment = Annotated[float, BeforeValidator(_moment)]

RoleWord = Literal["agent", "planner", "worker", "verifier", "reviewer"]
LaneWord = Literal["private", "shared"]
TypeWord = Literal["event", "entity", "topic", "rule", "evidence", "concept", "procedure", "self_model"]
TierWord = Literal["hot", "warm", "cold", "archive"]


class Loose(BaseModel):
    """An object that may hold anything besides what is read of it."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _shallow(cls, value: object) -> object:
        return require_shallow(value) if isinstance(value, dict) else value


class ResultSummary(Loose):
    evidence_refs: Identifiers


class EvidenceItem(Loose):
    ref: Identifier | None = None
    id: Identifier | None = None


class Slots(Loose):
    lifecycle_state: NodeLifecycle | None = None
    task_signature: Identifier | None = None
    workflow_signature: Identifier | None = None
    evidence_refs: Identifiers
    memory_ids: Identifiers
    workflow_steps: Notes
    procedure_steps: Notes
    acceptance_checks: Notes
    handoff_target: Name | None = None
    execution_result_summary: ResultSummary = ResultSummary.model_validate({})


class ExecutionSlots(Slots):
    agent_role: RoleWord | None = None
    actor_role: RoleWord | None = None


NO_SLOTS = Slots.model_validate({})
NO_EXECUTION_SLOTS = ExecutionSlots.model_validate({})
