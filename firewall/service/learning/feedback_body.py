"""The two bodies of `POST /v1/feedback`: what used memory did for a run, and what a chosen tool did."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from firewall.service.learning.host_receipt import HostUseReceipt
from firewall.service.strict_body import Identifier, MemoryId, Name, Strict, require_shallow

TEXT_CHARS = 65_536

Text = Annotated[str, Field(min_length=1, max_length=TEXT_CHARS)]
Ids = Annotated[list[MemoryId], Field(min_length=1, max_length=200)]
Outcome = Literal["positive", "negative", "neutral"]


class MemoryFeedbackBody(Strict):
    """Exactly one list of ids; `used_memory_ids`, `memory_ids` and `node_ids` are three names of one thing."""

    tenant_id: Name | None = None
    scope: Name | None = None
    operation_id: Name | None = None
    feedback_kind: Literal["memory"] = "memory"
    target: Literal["memory"] = "memory"
    guide_trace_id: Name | None = None
    run_id: Name
    outcome: Outcome
    reason: Text
    used_surface: Literal["use_now", "inspect_before_use", "do_not_use", "explicit_host_assertion"]
    used_memory_ids: Ids | None = None
    memory_ids: Ids | None = None
    node_ids: Ids | None = None
    client_ids: Ids | None = None
    actor: Name | None = None
    agent_role: Literal["agent", "planner", "worker", "verifier", "reviewer"] | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None
    verifier_status: Literal["passed", "failed", "not_run", "unknown"] | None = None
    tool_status: Literal["succeeded", "failed", "not_run", "unknown"] | None = None
    runtime_signal_refs: list[Identifier] = Field(default_factory=list, max_length=32)
    host_use_receipt_v1: HostUseReceipt | None = None

    @property
    def ids(self) -> list[str]:
        """The memories by their id on the wire, sorted; none where client ids name them."""
        return sorted(self.used_memory_ids or self.memory_ids or self.node_ids or ())

    @model_validator(mode="after")
    def _names_memory_once(self) -> Self:
        given = [
            ids for ids in (self.used_memory_ids, self.memory_ids, self.node_ids, self.client_ids) if ids
        ]
        if self.guide_trace_id is not None and self.client_ids:
            raise PydanticCustomError(
                "client_ids", "What a guide exposed is named by its memory ids, not by client ids"
            )
        if len(given) != 1:
            raise PydanticCustomError("ids", "One list of used memory ids is needed, and only one")
        if len(set(given[0])) != len(given[0]):
            raise PydanticCustomError("ids", "A memory is named twice")
        return self


class ToolFeedbackBody(Strict):
    """`context`, `note` and the input only describe the run; nothing of them is stored."""

    tenant_id: Name | None = None
    scope: Name | None = None
    operation_id: Name | None = None
    feedback_kind: Literal["tool_selection"]
    guide_trace_id: Name
    decision_id: Name
    run_id: Name
    selected_tool: Name
    candidates: list[Name] = Field(min_length=1, max_length=256)
    outcome: Outcome
    context: dict[str, object]
    input_text: Text | None = None
    input_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    target: Literal["tool", "all"] = "tool"
    note: Text | None = None
    include_shadow: bool = False
    rules_limit: int | None = Field(None, ge=1, le=200)
    actor: Name | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None

    @field_validator("context")
    @classmethod
    def _shallow(cls, context: dict[str, object]) -> dict[str, object]:
        return require_shallow(context)

    @model_validator(mode="after")
    def _chose_a_candidate(self) -> Self:
        if self.selected_tool not in self.candidates:
            raise PydanticCustomError("selected_tool", "The selected tool is not among the candidates")
        return self
