"""What a guide served: its exposure as an event, and its answer."""

import hashlib

import msgspec
from msgspec import UNSET

from firewall.core.compiled import CompiledPolicy
from firewall.core.events import ScopeKey
from firewall.core.evidence import Exposed, ToolDecision
from firewall.core.guide.context import Identity, actionable, agent_context, drop_codes
from firewall.core.guide.contract import active_files
from firewall.core.guide.exposure import audience_of, item_set_sha256, items_of, served_surface_sha256
from firewall.core.guide.memory import Part
from firewall.core.guide.packet_shapes import PacketTask
from firewall.core.guide.packets import guide_packet, memory_packet
from firewall.core.guide.tools import chosen_tool
from firewall.service.contract import SourceMap
from firewall.service.evidence.uri import uri_of
from firewall.service.guide.answer import Attribution, GuideAnswer, ToolSelection, served_items
from firewall.service.guide.body import GuideBody
from firewall.service.guide.work import Asked, Guided
from firewall.service.moments import iso


def exposed_by(asked: Asked, guided: Guided, policy: CompiledPolicy) -> Exposed:
    """The record of what was served, for the log."""
    body, memories = asked.body, guided.compiled.memories
    items = items_of(memories)
    active = next((one.memory_id for one in memories if one.part is Part.current), "")
    tool = None
    if body.tool_candidates:
        tool = ToolDecision(
            decision_id=f"td-{guided.decision_id}",
            selected_tool=chosen_tool(body.tool_candidates, memories),
            candidates=tuple(body.tool_candidates),
            policy_sha256=hashlib.sha256(policy.label.encode()).hexdigest(),
        )
    return Exposed(
        guide_trace_id=f"gt-{guided.decision_id}",
        episode_id=f"ep-{guided.decision_id}",
        exposure_event_id=f"ex-{guided.decision_id}",
        run_id=body.run_id or "",
        task_signature=guided.recalled.task,
        role=asked.role,
        audience=audience_of(asked.viewer),
        principal=asked.principal,
        items=items,
        item_set_sha256=item_set_sha256(items),
        served_surface_sha256=served_surface_sha256(items),
        dropped=drop_codes(guided.dropped),
        target_files=active_files(memories),
        active_id=active,
        considered=len(guided.recalled.memories),
        actionable=actionable(memories),
        prompt_chars=len(guided.compiled.prompt_text),
        tool=tool,
        at=guided.now,
    )


def answer_of(asked: Asked, guided: Guided, exposed: Exposed) -> GuideAnswer:
    """The whole answer."""
    body, memories, key = asked.body, guided.compiled.memories, asked.key
    context = agent_context(
        guided.compiled,
        guided.layout,
        Identity(tenant=key.tenant, scope=key.scope, profile=body.task_context_profile),
        guided.dropped,
    )
    packets = body.include_packets
    return GuideAnswer(
        guide_trace_id=exposed.guide_trace_id,
        tenant_id=key.tenant,
        scope=key.scope,
        agent_context=context,
        feedback_attribution_v1=Attribution(
            guide_trace_id=exposed.guide_trace_id,
            episode_id=exposed.episode_id,
            exposure_event_id=exposed.exposure_event_id,
            item_set_sha256=exposed.item_set_sha256,
            served_surface_sha256=exposed.served_surface_sha256,
            projection_complete=not exposed.dropped,
            projection_incomplete_reason_codes=exposed.dropped,
            items=served_items(exposed.items),
        ),
        memory_packet=memory_packet(memories, context) if packets else UNSET,
        guide_packet=(
            guide_packet(memories, context, _task(body), revision=guided.offset) if packets else UNSET
        ),
        tool_selection=_tool(exposed, key, body.run_id),
        source_map=SourceMap(
            routes_used=("/v1/guide",),
            internal_surfaces_used=(
                "lexical_recall",
                "admission",
                *(f"source:{name}" for name in body.sources),
            ),
            omitted_internal_surfaces=("raw_slots", *body.not_consulted, *guided.omitted),
        ),
    )


def _task(body: GuideBody) -> PacketTask:
    task = body.context
    return PacketTask(
        task_id=task.task_id,
        run_id=body.run_id,
        task_signature=task.task_signature,
        task_family=task.task_family,
        workflow_signature=task.workflow_signature,
    )


def _tool(exposed: Exposed, key: ScopeKey, run_id: str | None) -> ToolSelection | msgspec.UnsetType:
    tool = exposed.tool
    if tool is None:
        return UNSET
    return ToolSelection(
        decision_id=tool.decision_id,
        decision_uri=uri_of(key, "decision", tool.decision_id),
        run_id=run_id,
        selected_tool=tool.selected_tool,
        candidates=tool.candidates,
        policy_sha256=tool.policy_sha256,
        created_at=iso(exposed.at),
    )
