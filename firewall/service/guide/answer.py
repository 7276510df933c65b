"""The answer of `POST /v1/guide`, and the parts of it that only this route has."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from firewall.core.evidence import ExposedItem, Served
from firewall.core.guide.answer import AgentContext
from firewall.core.guide.packet_shapes import GuidePacket, MemoryPacket
from firewall.service.contract import SourceMap


class ServedItem(msgspec.Struct, frozen=True, kw_only=True):
    memory_id: str
    served_surface: Served


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """What was served and recorded: only these ids may be credited later."""

    contract_version: str = "aionis_guide_feedback_attribution_v1"
    status: Literal["available"] = "available"
    guide_trace_id: str
    episode_id: str
    exposure_event_id: str
    item_set_sha256: str
    served_surface_sha256: str
    projection_complete: bool
    projection_incomplete_reason_codes: tuple[str, ...]
    items: tuple[ServedItem, ...]


class NoAttribution(msgspec.Struct, frozen=True, kw_only=True):
    """What was served could not be recorded: nothing of it can be credited."""

    contract_version: str = "aionis_guide_feedback_attribution_v1"
    status: Literal["unavailable"] = "unavailable"
    reason_code: str = "learning_exposure_not_persisted"


class ToolSelection(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_tool_selection_receipt_v1"
    decision_id: str
    decision_uri: str
    run_id: str | None
    selected_tool: str
    candidates: tuple[str, ...]
    policy_sha256: str
    source_rule_ids: tuple[str, ...] = ()
    created_at: str


class GuideAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_guide_result_v1"
    guide_trace_id: str
    tenant_id: str
    scope: str
    agent_context: AgentContext
    feedback_attribution_v1: Attribution | NoAttribution
    memory_packet: MemoryPacket | UnsetType = UNSET
    guide_packet: GuidePacket | UnsetType = UNSET
    tool_selection: ToolSelection | UnsetType = UNSET
    source_map: SourceMap


def served_items(items: tuple[ExposedItem, ...]) -> tuple[ServedItem, ...]:
    """The items as they stand in the answer."""
    return tuple(ServedItem(memory_id=item.memory_id, served_surface=item.served_surface) for item in items)
