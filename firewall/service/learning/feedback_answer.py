"""The answers of `POST /v1/feedback` as structs, field by field the reference's."""

from typing import Literal

import msgspec

from firewall.core.attribution import Strength
from firewall.core.evidence import Served
from firewall.service.contract import ForgetEffect, SourceMap


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """A memory that this feedback counted for, and how it will be served from now on."""

    memory_id: str
    next_posture: Served
    attribution_strength: Strength


class LearningControl(msgspec.Struct, frozen=True, kw_only=True):
    """`inspect_candidate_memory_ids` were passed by again and again: said, never acted on."""

    attribution_strength: Strength
    authority_mutation: bool = False
    affected: tuple[Affected, ...] = ()
    inspect_candidate_memory_ids: tuple[str, ...] = ()


class Activated(msgspec.Struct, frozen=True, kw_only=True):
    updated_nodes: int
    updated_ids: tuple[str, ...]
    outcome: str
    activate: bool = True


class MemoryResult(msgspec.Struct, frozen=True, kw_only=True):
    activated: Activated


class MemoryFeedbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_feedback_result_v1"
    tenant_id: str
    scope: str
    operation: str = "activate"
    target: str = "memory"
    forget_effect: ForgetEffect
    feedback_learning_control: LearningControl
    result: MemoryResult
    source_map: SourceMap


class ToolNoted(msgspec.Struct, frozen=True, kw_only=True):
    guide_trace_id: str
    decision_id: str
    run_id: str
    selected_tool: str
    outcome: str
    authority_mutation: bool = False


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    tool_selection: ToolNoted


class ToolFeedbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_feedback_result_v1"
    tenant_id: str
    scope: str
    operation: str = "tool_feedback"
    target: Literal["tool", "all"]
    forget_effect: ForgetEffect
    result: ToolResult
    source_map: SourceMap
