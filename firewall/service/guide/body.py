"""The body of `POST /v1/guide`: exactly these fields, of exactly these types, within bounds.

`sources` is ours: the upstreams that are asked as well, and `source_owners` says of whom, beside the key's pin. The
execution tree, state, packet and trajectory of a host are accepted as free objects and not consulted: what a guide
says rests on what was observed. Accepted and of no effect: `tool_strict`, `include_shadow`, `rules_limit` and the host's
task envelope.
"""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from firewall.core.guide.memory import Role
from firewall.service.evidence.parts import TEXT_CHARS, Free
from firewall.service.strict_body import Identifier, Name, Strict, require_shallow

MOST_SOURCES = 8

Profile = Literal[
    "general",
    "coding_verifier",
    "document_integrity",
    "long_qa",
    "multi_agent_handoff",
    "loop_engineering",
]


class TaskContext(Strict):
    """What is known of the task. Further keys are the host's own; they are bounded and not looked at."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    task_id: Name | None = None
    task_signature: Identifier | None = None
    task_family: Name | None = None
    workflow_signature: Identifier | None = None

    @model_validator(mode="before")
    @classmethod
    def _shallow(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        if len(value) > 256:
            raise PydanticCustomError("too_many", "May have {most} keys at most", {"most": 256})
        return require_shallow(value)


class GuideBody(Strict):
    tenant_id: Name | None = None
    scope: Name | None = None
    operation_id: Name | None = None
    query_text: Annotated[str, Field(max_length=TEXT_CHARS)]
    host_task_envelope_v1: Free | None = None
    mode: Literal["standard", "full_power"] = "full_power"
    context_mode: Literal["standard", "full_power", "compact_agent"] | None = None
    task_context_profile: Profile = "general"
    agent_role: Role | None = None
    run_id: Name | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None
    context: TaskContext = Field(default_factory=TaskContext)
    tool_candidates: list[Name] = Field(default_factory=list, max_length=256)
    tool_strict: bool | None = None
    include_shadow: bool | None = None
    rules_limit: Annotated[int, Field(ge=0, le=10_000)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 10
    context_token_budget: Annotated[int, Field(ge=1, le=256_000)] | None = None
    context_char_budget: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    context_compaction_profile: Literal["balanced", "aggressive"] = "balanced"
    execution_tree_v1: Free | None = None
    execution_state_v1: Free | None = None
    execution_packet_v1: Free | None = None
    trajectory: Free | None = None
    include_packets: bool = False
    sources: list[Name] = Field(default_factory=list, max_length=MOST_SOURCES)
    source_owners: dict[Name, Annotated[dict[Name, Name], Field(max_length=16)]] = Field(
        default_factory=dict, max_length=MOST_SOURCES
    )

    @field_validator("query_text")
    @classmethod
    def _asks(cls, text: str) -> str:
        if not text.strip():
            raise PydanticCustomError("blank", "A query cannot be blank")
        return text

    @field_validator("sources", "tool_candidates")
    @classmethod
    def _once(cls, names: list[str]) -> list[str]:
        if len(set(names)) != len(names):
            raise PydanticCustomError("repeated", "A name may stand here once")
        return names

    @model_validator(mode="after")
    def _owned(self) -> Self:
        if not self.source_owners.keys() <= set(self.sources):
            raise PydanticCustomError("unasked", "An owner is given for a source that is not asked")
        return self

    @property
    def not_consulted(self) -> tuple[str, ...]:
        """The names of the free objects that came and were set aside."""
        free = {
            "execution_tree_v1": self.execution_tree_v1,
            "execution_state_v1": self.execution_state_v1,
            "execution_packet_v1": self.execution_packet_v1,
            "trajectory": self.trajectory,
        }
        return tuple(name for name, value in free.items() if value is not None)
