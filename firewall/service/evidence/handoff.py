"""`POST /v1/handoff/store` and `/v1/handoff/recover`: an agent leaves word, and another one takes over.

A handoff is evidence like any other: it is for its audience, and it is judged when it is read. The newest one that
the caller may see and that is not withheld is recovered, whether it is still in memory or only in the log.
"""

import msgspec

from firewall.core.evidence import Observed
from firewall.errors import CallerError
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Reply, Work, operation_of, read_reply
from firewall.service.evidence.handoff_body import HandoffRecoverBody, HandoffStoreBody
from firewall.service.evidence.handoff_execution import (
    DelegationRecords,
    ExecutionContract,
    ExecutionPacket,
    ExecutionState,
    shapes_of,
)
from firewall.service.evidence.handoff_views import (
    ExecutionReady,
    Handoff,
    HandoffView,
    PromptSafe,
    execution_ready,
    handoff_of,
    prompt_safe,
    view_of,
)
from firewall.service.evidence.handout import withheld_for
from firewall.service.evidence.observing import handoff_event, stamp_of
from firewall.service.evidence.shelf import Kept, Shelf
from firewall.service.evidence.uri import uri_of
from firewall.service.identity import audience_of, viewer_of
from firewall.service.strict_body import decode, validated

STORE = "POST /v1/handoff/store"


class StoreAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_handoff_store_result_v1"
    operation_id: str | None
    tenant_id: str
    scope: str
    commit_id: str
    commit_uri: str
    handoff: HandoffView
    execution_result_summary: dict[str, object] | None
    execution_artifacts: tuple[dict[str, object], ...]
    execution_evidence: tuple[dict[str, object], ...]
    delegation_records_v1: DelegationRecords
    execution_contract_v1: ExecutionContract
    execution_state_v1: ExecutionState | dict[str, object]
    execution_packet_v1: ExecutionPacket | dict[str, object]
    source_map: SourceMap = SourceMap(
        routes_used=("/v1/handoff/store",), internal_surfaces_used=("memory_write",)
    )


class WithheldHandoff(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    reasons: tuple[str, ...]


class RecoverAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`withheld` are newer ones at the same place that are not handed out."""

    contract_version: str = "aionis_handoff_recover_result_v1"
    tenant_id: str
    scope: str
    handoff_kind: str
    anchor: str
    matched_nodes: int
    handoff: HandoffView
    prompt_safe_handoff: PromptSafe
    execution_ready_handoff: ExecutionReady
    execution_result_summary: dict[str, object] | None
    execution_artifacts: tuple[dict[str, object], ...]
    execution_evidence: tuple[dict[str, object], ...]
    delegation_records_v1: DelegationRecords
    execution_contract_v1: ExecutionContract
    execution_state_v1: ExecutionState | dict[str, object]
    execution_packet_v1: ExecutionPacket | dict[str, object]
    withheld: tuple[WithheldHandoff, ...]
    source_map: SourceMap = SourceMap(
        routes_used=("/v1/handoff/recover",), internal_surfaces_used=("evidence_log", "admission")
    )


async def store(desk: Desk, call: Call) -> Reply:
    """Store a handoff under its anchor."""
    decoded = decode(call.raw)
    body = validated(HandoffStoreBody, decoded)
    key = call.key(body.tenant_id, body.scope)
    operation = operation_of(key, call, STORE, body.operation_id, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    audience = audience_of(
        call.principal,
        lane=body.memory_lane,
        writer=body.producer_agent_id or body.actor,
        owner_agent=body.owner_agent_id,
        owner_team=body.owner_team_id,
    )
    stamp = stamp_of(call.principal, role=body.agent_role, audience=audience, now=desk.now())
    event = handoff_event(body, stamp, desk.new_id())
    view, handoff = view_of(key, event), handoff_of(event)
    shapes = shapes_of(event, handoff, view.uri)
    answer = StoreAnswer(
        operation_id=body.operation_id,
        tenant_id=key.tenant,
        scope=key.scope,
        commit_id=view.commit_id,
        commit_uri=view.commit_uri,
        handoff=view,
        execution_result_summary=handoff.execution_result_summary,
        execution_artifacts=handoff.execution_artifacts,
        execution_evidence=handoff.execution_evidence,
        delegation_records_v1=shapes.delegation,
        execution_contract_v1=shapes.contract,
        execution_state_v1=shapes.state,
        execution_packet_v1=shapes.packet,
    )
    return await desk.store(key, Work([event], answer), operation)


async def recover(desk: Desk, call: Call) -> Reply:
    """The newest handoff that fits. CallerError 404 `handoff_not_found`, 403 `memory_withheld`."""
    body = validated(HandoffRecoverBody, decode(call.raw))
    key = call.key(body.tenant_id, body.scope)
    viewer = viewer_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    state = await desk.state(key, after=call.after)
    shelf = Shelf(projections=desk.projections, key=key, state=state, viewer=viewer)
    found = await _fitting(body, shelf)
    if not found:
        raise CallerError(404, "handoff_not_found", "handoff was not found in this scope")
    withheld: list[WithheldHandoff] = []
    for event in found[: body.limit]:
        reasons = withheld_for(event, desk, shelf, call.principal)
        if not reasons:
            return read_reply(_recovered(shelf, event, len(found), tuple(withheld)))
        withheld.append(WithheldHandoff(id=event.node_id, reasons=reasons))
    codes = ", ".join(dict.fromkeys(reason for one in withheld for reason in one.reasons))
    raise CallerError(403, "memory_withheld", f"the handoff is withheld: {codes}")


async def _fitting(body: HandoffRecoverBody, shelf: Shelf) -> list[Observed]:
    if body.handoff_id is not None:
        ids = [shelf.id_of(body.handoff_id)]
    elif body.handoff_uri is not None:
        ids = [shelf.id_of(body.handoff_uri)]
    else:
        ids = shelf.handoffs(body.anchor or "")
    if body.handoff_uri is not None and shelf.id_of(body.handoff_uri) not in ids:
        return []
    kept = [await shelf.find(node_id) for node_id in ids]
    return [one.event for one in kept if one is not None and _fits(one, body)]


def _fits(kept: Kept, body: HandoffRecoverBody) -> bool:
    if kept.event.kind != "handoff":
        return False
    handoff = handoff_of(kept.event)
    asked = (
        (body.anchor, handoff.anchor),
        (body.handoff_kind, handoff.handoff_kind),
        (body.repo_root, handoff.repo_root),
        (body.symbol, handoff.symbol),
    )
    if any(wanted is not None and wanted != held for wanted, held in asked):
        return False
    return body.file_path is None or body.file_path in (handoff.file_path, *handoff.files)


def _recovered(
    shelf: Shelf, event: Observed, matched: int, withheld: tuple[WithheldHandoff, ...]
) -> RecoverAnswer:
    handoff: Handoff = handoff_of(event)
    shapes = shapes_of(event, handoff, uri_of(shelf.key, event.node_type, event.node_id))
    return RecoverAnswer(
        tenant_id=shelf.key.tenant,
        scope=shelf.key.scope,
        handoff_kind=handoff.handoff_kind,
        anchor=handoff.anchor,
        matched_nodes=matched,
        handoff=view_of(shelf.key, event),
        prompt_safe_handoff=prompt_safe(handoff),
        execution_ready_handoff=execution_ready(handoff),
        execution_result_summary=handoff.execution_result_summary,
        execution_artifacts=handoff.execution_artifacts,
        execution_evidence=handoff.execution_evidence,
        delegation_records_v1=shapes.delegation,
        execution_contract_v1=shapes.contract,
        execution_state_v1=shapes.state,
        execution_packet_v1=shapes.packet,
        withheld=withheld,
    )
