"""Payload rehydration: what an anchor points at, in one of four depths. A read; it makes nothing an instruction.

An anchor is any evidence: it points at what its slots (`anchor_v1.payload_refs.node_ids`), its `memory_ids` and its
evidence refs name. Refs that name nothing here are of other systems, and are not missed. Served under three paths,
because the reference's documents and its server name different ones.
"""

import msgspec

from firewall.core.evidence import Observed
from firewall.core.route_words import words_of
from firewall.errors import CallerError
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Reply, read_reply
from firewall.service.evidence.handout import Handout
from firewall.service.evidence.resolve import slots_of
from firewall.service.evidence.shelf import Kept, Shelf
from firewall.service.evidence.tending_body import Adjudicated, PayloadBody, PayloadMode
from firewall.service.evidence.uri import uri_of
from firewall.service.identity import viewer_of
from firewall.service.strict_body import decode, validated

_LINKS = 64
_SELECTED = 2
_SHORTEST_WORD = 3
#: What a linked memory is worth to a differential answer.
_RELATED, _KEEP, _DROP = 100, 12, 16


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    uri: str
    type: str
    title: str | None
    text_summary: str | None
    tier: str
    anchor_v1: object | None
    withheld: tuple[str, ...] = ()


class LinkedNode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """With `full` also what stands below `commit_uri`."""

    id: str
    uri: str
    type: str
    title: str | None
    text_summary: str | None
    commit_id: str
    commit_uri: str
    tier: str | None = None
    confidence: float | None = None
    slots: dict[str, object] | None = None
    evidence_refs: tuple[str, ...] = ()
    status: str = "resolved"
    withheld: tuple[str, ...] = ()


class PayloadSummary(msgspec.Struct, frozen=True, kw_only=True):
    linked_node_count: int
    linked_decision_count: int = 0
    linked_run_count: int
    linked_commit_count: int
    resolved_nodes: int
    resolved_decisions: int = 0
    resolved_commits: int = 0
    missing_node_ids: tuple[str, ...]
    missing_decision_ids: tuple[str, ...] = ()
    missing_commit_ids: tuple[str, ...] = ()
    differential_selected_node_ids: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    differential_selected_decision_ids: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    differential_rationale: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class Rehydrated(msgspec.Struct, frozen=True, kw_only=True):
    nodes: tuple[LinkedNode, ...]
    decisions: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    summary: PayloadSummary


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    mode: PayloadMode
    anchor: Anchor
    rehydrated: Rehydrated


class PayloadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_payload_rehydrate_result_v1"
    tenant_id: str
    scope: str
    mode: PayloadMode
    anchor: Anchor
    rehydrated: Rehydrated
    source_map: SourceMap = SourceMap(
        routes_used=("/v1/memory/anchors/rehydrate_payload",),
        internal_surfaces_used=("evidence_log", "admission"),
    )


async def rehydrate_payload(desk: Desk, call: Call) -> Reply:
    """The payload of an anchor. CallerError 404 `anchor_not_found_in_scope_or_visibility`."""
    body = validated(PayloadBody, decode(call.raw))
    key = call.key(body.tenant_id, body.scope)
    viewer = viewer_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    state = await desk.state(key, after=call.after)
    shelf = Shelf(projections=desk.projections, key=key, state=state, viewer=viewer)
    anchor = await shelf.anchor(body.anchor_id, body.anchor_uri)
    if anchor is None:
        raise CallerError(
            404, "anchor_not_found_in_scope_or_visibility", "anchor was not found in this scope/visibility"
        )
    handout = Handout(desk, shelf, call.principal)
    payload = await payload_of(anchor, shelf, handout, body.mode, body.reason, body.adjudication)
    return read_reply(
        PayloadAnswer(
            tenant_id=key.tenant,
            scope=key.scope,
            mode=payload.mode,
            anchor=payload.anchor,
            rehydrated=payload.rehydrated,
        )
    )


async def payload_of(
    anchor: Kept,
    shelf: Shelf,
    handout: Handout,
    mode: PayloadMode,
    reason: str,
    adjudication: Adjudicated | None,
) -> Payload:
    """What the anchor points at, as far as the viewer may see it and it may be handed out."""
    asked, optional = _links(anchor.event)
    found: dict[str, Kept] = {}
    missing: list[str] = []
    for ref in (*asked, *optional):
        kept = await shelf.find(shelf.id_of(ref))
        if kept is not None and kept.event.node_id != anchor.event.node_id:
            found[kept.event.node_id] = kept
        elif kept is None and ref in asked:
            missing.append(ref)
    shown = list(found.values())
    rationale: tuple[str, ...] = ()
    if mode == "differential":
        shown, rationale = _select(shown, reason, adjudication)
    differs = mode == "differential"
    return Payload(
        mode=mode,
        anchor=_anchor(anchor, shelf, handout),
        rehydrated=Rehydrated(
            nodes=()
            if mode == "summary_only"
            else tuple(_linked(kept, shelf, handout, full=mode == "full") for kept in shown),
            summary=PayloadSummary(
                linked_node_count=len(found) + len(missing),
                linked_run_count=len({kept.event.run_id for kept in found.values()} - {""}),
                linked_commit_count=len(found),
                resolved_nodes=len(found),
                missing_node_ids=tuple(missing),
                differential_selected_node_ids=tuple(kept.event.node_id for kept in shown)
                if differs
                else msgspec.UNSET,
                differential_selected_decision_ids=() if differs else msgspec.UNSET,
                differential_rationale=rationale if differs else msgspec.UNSET,
            ),
        ),
    )


def _links(event: Observed) -> tuple[list[str], list[str]]:
    """Refs that must be evidence of ours, and refs that may be."""
    anchor = slots_of(event).get("anchor_v1")
    refs = anchor.get("payload_refs") if isinstance(anchor, dict) else None
    ids = refs.get("node_ids") if isinstance(refs, dict) else None
    named = [ref for ref in ids if isinstance(ref, str)] if isinstance(ids, list) else []
    asked = list(dict.fromkeys((*named, *event.memory_ids)))[:_LINKS]
    return asked, list(event.evidence_refs)[:_LINKS]


def _select(
    kept: list[Kept], reason: str, adjudication: Adjudicated | None
) -> tuple[list[Kept], tuple[str, ...]]:
    """The best of the linked memories, and why."""
    keep = [reason]
    drop: list[str] = []
    related: frozenset[str] = frozenset()
    if adjudication is not None:
        keep += adjudication.keep_details
        keep += [adjudication.expected_task_signature or "", adjudication.expected_error_signature or ""]
        drop = adjudication.drop_details
        related = frozenset(adjudication.related_memory_ids)
    keep_words, drop_words = _words(keep), _words(drop)
    codes: set[str] = set()
    scored: list[tuple[int, str, Kept]] = []
    for one in kept:
        words = _words([one.event.title, one.event.text, one.event.run_id])
        parts = {
            "explicit_related_ids": _RELATED * (one.event.node_id in related),
            "reason_and_keep_details_match": _KEEP * len(words & keep_words),
            "drop_details_penalty": -_DROP * len(words & drop_words),
        }
        codes.update(code for code, worth in parts.items() if worth)
        scored.append((-sum(parts.values()), one.event.node_id, one))
    scored.sort(key=lambda entry: entry[:2])
    return [one for _, _, one in scored[:_SELECTED]], tuple(sorted(codes))


def _words(texts: list[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in words_of(text) if len(word) >= _SHORTEST_WORD)


def _anchor(kept: Kept, shelf: Shelf, handout: Handout) -> Anchor:
    event = kept.event
    handed = handout.hand(event)
    shown = handed.status == "resolved"
    return Anchor(
        id=event.node_id,
        uri=uri_of(shelf.key, event.node_type, event.node_id),
        type=event.node_type,
        title=event.title if shown else None,
        text_summary=event.text if shown else None,
        tier=kept.tier,
        anchor_v1=slots_of(event).get("anchor_v1") if shown else None,
        withheld=handed.reasons,
    )


def _linked(kept: Kept, shelf: Shelf, handout: Handout, *, full: bool) -> LinkedNode:
    event = kept.event
    handed = handout.hand(event)
    shown = handed.status == "resolved"
    more = shown and full
    return LinkedNode(
        id=event.node_id,
        uri=uri_of(shelf.key, event.node_type, event.node_id),
        type=event.node_type,
        title=event.title if shown else None,
        text_summary=event.text if shown else None,
        commit_id=event.node_id,
        commit_uri=uri_of(shelf.key, "commit", event.node_id),
        tier=kept.tier if more else None,
        confidence=event.confidence if more else None,
        slots=slots_of(event) if more else None,
        evidence_refs=event.evidence_refs if more else (),
        status=handed.status,
        withheld=handed.reasons,
    )
