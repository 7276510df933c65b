"""The bodies of `POST /v1/rehydrate`, `/v1/forget` and the payload rehydration of an anchor.

Memory is named by `memory_ids` or `node_ids` (ours, or `<upstream>:<id>`), by `client_ids`, or by an anchor: the id or
URI of evidence, or the anchor of a handoff.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from firewall.service.evidence.parts import Free, Moment, Note, Text, Unit
from firewall.service.strict_body import Identifier, Name, Strict

_Ids = Annotated[list[Identifier], Field(default_factory=list, max_length=200)]
_Uri = Annotated[str, Field(min_length=1, max_length=4_096)]
PayloadMode = Literal["summary_only", "partial", "full", "differential"]
Target = Literal["pattern", "archive", "payload", "memory"]
_SUPPRESSIONS = frozenset({"shadow_learn", "hard_freeze"})


class Named(Strict):
    """What every body names: memory, and who asks."""

    tenant_id: Name | None = None
    scope: Name | None = None
    operation_id: Name | None = None
    reason: Note = Field(min_length=1)
    memory_ids: _Ids
    node_ids: _Ids
    client_ids: _Ids
    anchor_id: Identifier | None = None
    anchor_uri: _Uri | None = None
    target_tier: Literal["warm", "hot"] = "warm"
    include_linked_decisions: bool = True
    actor: Name | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None
    input_text: Text | None = None
    input_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None

    @property
    def anchored(self) -> bool:
        return self.anchor_id is not None or self.anchor_uri is not None


class Adjudicated(Strict):
    """What the caller found out of a payload: it only ranks what a differential answer shows."""

    operation: Literal["rehydrate_payload"] = "rehydrate_payload"
    disposition: Literal["recommend", "reject", "insufficient_evidence"] | None = None
    target_kind: Literal["none", "decision", "workflow", "execution"] | None = None
    target_level: Name | None = None
    reason: Note
    confidence: Unit
    strategic_value: Literal["low", "medium", "high"] | None = None
    keep_details: Annotated[list[Note], Field(default_factory=list, max_length=24)]
    drop_details: Annotated[list[Note], Field(default_factory=list, max_length=24)]
    related_memory_ids: _Ids
    related_decision_ids: _Ids
    expected_task_signature: Identifier | None = None
    expected_error_signature: Identifier | None = None
    notes: Free | None = None


class RehydrateBody(Named):
    mode: PayloadMode = "partial"
    target: Literal["archive", "payload", "memory"] | None = None
    adjudication: Adjudicated | None = None

    @property
    def depth(self) -> PayloadMode:
        return self.mode

    @model_validator(mode="after")
    def _names_memory(self) -> Self:
        _require_names(self)
        return self


class ForgetBody(Named):
    """`activate` is feedback: its fields are known here so that the answer can say so."""

    operation: Literal["suppress", "unsuppress", "archive", "rehydrate", "activate"]
    target: Target | None = None
    mode: PayloadMode | Literal["shadow_learn", "hard_freeze"] | None = None
    until: Moment | None = None
    guide_trace_id: Name | None = None
    used_memory_ids: _Ids
    outcome: Literal["positive", "negative", "neutral"] | None = None
    run_id: Name | None = None
    used_surface: Name | None = None

    @property
    def depth(self) -> PayloadMode:
        """How much of an anchor's payload is asked for."""
        match self.mode:
            case None | "shadow_learn" | "hard_freeze":
                return "partial"
            case mode:
                return mode

    @model_validator(mode="after")
    def _names_memory(self) -> Self:
        if self.operation == "activate":
            return self
        stops = self.operation == "suppress"
        if self.until is not None and not stops:
            raise PydanticCustomError("until", "until belongs to the operation suppress")
        if self.mode is not None and (self.mode in _SUPPRESSIONS) is not stops:
            raise PydanticCustomError("mode", "The mode does not belong to the operation")
        _require_names(self)
        return self


class PayloadBody(Strict):
    """The reference's three paths of payload rehydration: a read."""

    tenant_id: Name | None = None
    scope: Name | None = None
    anchor_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    anchor_uri: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    mode: PayloadMode = "partial"
    include_linked_decisions: bool = True
    reason: Annotated[str, Field(max_length=1_000)] = ""
    actor: Name | None = None
    adjudication: Adjudicated | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None

    @model_validator(mode="after")
    def _names_an_anchor(self) -> Self:
        if self.anchor_id is None and self.anchor_uri is None:
            raise PydanticCustomError("no_anchor", "One of anchor_id, anchor_uri is needed")
        return self


def _require_names(body: Named) -> None:
    if not (body.memory_ids or body.node_ids or body.client_ids or body.anchored):
        raise PydanticCustomError(
            "no_ids", "One of memory_ids, node_ids, client_ids, anchor_id, anchor_uri is needed"
        )
