"""The bodies of `POST /v1/handoff/store` and `/v1/handoff/recover`, and of the handoff that an observation may hold."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from firewall.service.evidence.parts import (
    NO_SLOTS,
    Free,
    FreeList,
    Identifiers,
    LaneWord,
    Note,
    Notes,
    RoleWord,
    Slots,
    Text,
    Title,
)
from firewall.service.strict_body import Identifier, Name, Strict

KindWord = Literal["patch_handoff", "review_handoff", "task_handoff"]


class HandoffPart(Strict):
    """A handoff without the scope that it is for. `handoff_target` is the role that it is meant for."""

    actor: Name | None = None
    agent_role: RoleWord | None = None
    anchor: Identifier
    handoff_kind: KindWord
    client_id: Name | None = None
    title: Title | None = None
    file_path: Identifier | None = None
    repo_root: Identifier | None = None
    symbol: Identifier | None = None
    summary: Text
    handoff_text: Text
    risk: Note | None = None
    acceptance_checks: Notes
    tags: Identifiers
    target_files: Identifiers
    next_action: Note | None = None
    must_change: Notes
    must_keep: Notes
    must_remove: Notes
    handoff_target: Name | None = None
    run_id: Name | None = None
    task_id: Name | None = None
    task_family: Name | None = None
    task_signature: Identifier | None = None
    workflow_signature: Identifier | None = None
    memory_lane: LaneWord | None = None
    producer_agent_id: Name | None = None
    owner_agent_id: Name | None = None
    owner_team_id: Name | None = None
    execution_result_summary: Free | None = None
    execution_artifacts: FreeList
    execution_evidence: FreeList
    execution_state_v1: Free | None = None
    execution_packet_v1: Free | None = None
    slots: Slots = NO_SLOTS

    @model_validator(mode="after")
    def _has_its_file(self) -> Self:
        if self.file_path is None and self.handoff_kind != "task_handoff":
            raise PydanticCustomError("no_file", "A handoff of this kind needs file_path")
        return self


class HandoffStoreBody(HandoffPart):
    tenant_id: Name | None = None
    scope: Name | None = None
    operation_id: Name | None = None
    auto_embed: bool = False
    input_text: Text | None = None


class HandoffRecoverBody(Strict):
    """At least one of `anchor`, `handoff_id`, `handoff_uri`; whatever is named has to fit. The whole handoff comes
    back always, so `include_payload` changes nothing; `limit` is how many are looked at when the newest are withheld."""

    tenant_id: Name | None = None
    scope: Name | None = None
    anchor: Identifier | None = None
    handoff_id: Identifier | None = None
    handoff_uri: str | None = Field(None, min_length=1, max_length=4_096)
    handoff_kind: KindWord | None = None
    repo_root: Identifier | None = None
    file_path: Identifier | None = None
    symbol: Identifier | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None
    include_payload: bool = False
    limit: int = Field(5, ge=1, le=20)

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.anchor is None and self.handoff_id is None and self.handoff_uri is None:
            raise PydanticCustomError("no_selector", "One of anchor, handoff_id, handoff_uri is needed")
        return self
