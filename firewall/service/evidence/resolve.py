"""`POST /v1/memory/resolve`: stored evidence by its id, as it was observed, for whoever may see it.

A prompt holds pointers; this is where they lead. An id that names nothing and one that the caller may not see get the
same entry. Hostile text is withheld with its reasons. Reading is no endorsement: `lifecycle` and `outcome` say what
the evidence is worth.
"""

from typing import Annotated, Literal, Self

import msgspec
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from firewall.core.evidence import Observed
from firewall.errors import CallerError
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Reply, read_reply
from firewall.service.evidence.handout import Handed, Handout
from firewall.service.evidence.shelf import Kept, Shelf
from firewall.service.evidence.uri import uri_of
from firewall.service.identity import viewer_of
from firewall.service.moments import iso
from firewall.service.strict_body import Identifier, Name, Strict, decode, validated

_Ids = Annotated[list[Identifier], Field(default_factory=list, max_length=100)]
_Uri = Annotated[str, Field(min_length=1, max_length=4_096)]


class ResolveBody(Strict):
    """`uri` alone asks in the reference's way, and is answered so as well."""

    tenant_id: Name | None = None
    scope: Name | None = None
    uri: _Uri | None = None
    uris: Annotated[list[_Uri], Field(default_factory=list, max_length=100)]
    memory_ids: _Ids
    node_ids: _Ids
    client_ids: _Ids
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None
    include_meta: bool = True
    include_payload: bool = True
    include_slots: bool = False
    include_slots_preview: bool = False
    slots_preview_keys: int = Field(10, ge=1, le=50)

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.uri is None and not (self.uris or self.memory_ids or self.node_ids or self.client_ids):
            raise PydanticCustomError(
                "no_ids", "One of uri, uris, memory_ids, node_ids, client_ids is needed"
            )
        return self


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """`lifecycle` and `tier` are those of now; of evidence that was let go from memory, `archived`."""

    tier: str
    lifecycle: str
    role: str
    verified: bool
    memory_lane: str
    producer_agent_id: str
    owner_agent_id: str | None
    owner_team_id: str | None
    task_signature: str | None
    run_id: str | None
    target_files: tuple[str, ...]
    evidence_refs: tuple[str, ...]
    confidence: float | None
    superseded_by: str | None
    created_at: str
    observed_at: str
    commit_id: str
    commit_uri: str


class ResolvedMemory(msgspec.Struct, frozen=True, kw_only=True):
    """`status` withheld: `reasons` say why. `deferred`: the answer was full, ask for it by itself."""

    memory_id: str
    id: str
    uri: str
    type: str
    kind: str
    status: Literal["resolved", "withheld", "deferred"]
    client_id: str | None
    outcome: str | None
    title: str | None = None
    text: str | None = None
    text_summary: str | None = None
    slots: dict[str, object] | None = None
    payload: msgspec.Raw | None = None
    reasons: tuple[str, ...] = ()
    meta: Meta | None = None


class Unresolved(msgspec.Struct, frozen=True, kw_only=True):
    requested: str
    by: str
    status: str = "unresolved"


class ResolveSummary(msgspec.Struct, frozen=True, kw_only=True):
    summary_version: str = "resolve_summary_v1"
    resolved_type: str | None
    payload_kind: str = "node"
    include_meta: bool
    slots_mode: str
    related_uris: tuple[str, ...]
    related_uri_count: int


class ResolveAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_resolve_result_v1"
    tenant_id: str
    scope: str
    uri: str | None
    type: str | None
    node: ResolvedMemory | None
    resolve_summary: ResolveSummary
    resolved: tuple[ResolvedMemory, ...]
    unresolved: tuple[Unresolved, ...]
    source_map: SourceMap = SourceMap(
        routes_used=("/v1/memory/resolve",), internal_surfaces_used=("evidence_log", "admission")
    )


async def resolve(desk: Desk, call: Call) -> Reply:
    """What the ids stand for. CallerError, for the single `uri` only: 404 `memory_not_found`, 403 `memory_withheld`."""
    body = validated(ResolveBody, decode(call.raw))
    key = call.key(body.tenant_id, body.scope)
    viewer = viewer_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    state = await desk.state(key, after=call.after)
    shelf = Shelf(projections=desk.projections, key=key, state=state, viewer=viewer)
    handout = Handout(desk, shelf, call.principal)
    resolved: dict[str, ResolvedMemory] = {}
    unresolved: list[Unresolved] = []
    for by, requested, node_id in _asked(body, shelf):
        if node_id in resolved:
            continue
        kept = await shelf.find(node_id)
        if kept is None:
            unresolved.append(Unresolved(requested=requested, by=by))
        else:
            resolved[node_id] = _entry(shelf, kept, handout.hand(kept.event), body)
    node = None if body.uri is None else resolved.get(shelf.id_of(body.uri))
    if body.uri is not None:
        _require(node)
    every = tuple(resolved.values())
    related = tuple(one.uri for one in every)
    return read_reply(
        ResolveAnswer(
            tenant_id=key.tenant,
            scope=key.scope,
            uri=body.uri,
            type=None if node is None else node.type,
            node=node,
            resolve_summary=ResolveSummary(
                resolved_type=None if node is None else node.type,
                include_meta=body.include_meta,
                slots_mode=_slots_mode(body),
                related_uris=related,
                related_uri_count=len(related),
            ),
            resolved=every,
            unresolved=tuple(unresolved),
        )
    )


def _asked(body: ResolveBody, shelf: Shelf) -> list[tuple[str, str, str]]:
    """(field, what was asked, id) for each, in the order of the fields."""
    uris = [*([body.uri] if body.uri is not None else []), *body.uris]
    return [
        *(("uris", uri, shelf.id_of(uri) if "://" in uri else "") for uri in uris),
        *(("memory_ids", asked, shelf.id_of(asked)) for asked in body.memory_ids),
        *(("node_ids", asked, shelf.id_of(asked)) for asked in body.node_ids),
        *(("client_ids", asked, shelf.id_of_client(asked)) for asked in body.client_ids),
    ]


def _require(node: ResolvedMemory | None) -> None:
    if node is None:
        raise CallerError(404, "memory_not_found", "no such memory in this scope")
    if node.status == "withheld":
        raise CallerError(403, "memory_withheld", f"the memory is withheld: {', '.join(node.reasons)}")


def _entry(shelf: Shelf, kept: Kept, handed: Handed, body: ResolveBody) -> ResolvedMemory:
    event = kept.event
    shown = handed.status == "resolved"
    return ResolvedMemory(
        memory_id=event.node_id,
        id=event.node_id,
        uri=uri_of(shelf.key, event.node_type, event.node_id),
        type=event.node_type,
        kind=event.kind,
        status=handed.status,
        client_id=event.client_id if shown and event.client_id else None,
        outcome=event.outcome or None,
        title=event.title if shown else None,
        text=event.text if shown else None,
        text_summary=event.text if shown and body.uri is not None else None,
        slots=_slots(event, body) if shown else None,
        payload=msgspec.Raw(event.payload) if shown and body.include_payload and event.payload else None,
        reasons=handed.reasons,
        meta=_meta(shelf, kept) if shown and body.include_meta else None,
    )


def _meta(shelf: Shelf, kept: Kept) -> Meta:
    event, node = kept.event, kept.node
    return Meta(
        tier="archive" if node is None else node.tier,
        lifecycle="archived" if node is None else node.lifecycle,
        role=event.role,
        verified=event.verified,
        memory_lane=event.audience.lane,
        producer_agent_id=event.audience.writer,
        owner_agent_id=event.audience.agent or None,
        owner_team_id=event.audience.team or None,
        task_signature=event.task_signature or None,
        run_id=event.run_id or None,
        target_files=event.target_files,
        evidence_refs=event.evidence_refs,
        confidence=event.confidence,
        superseded_by=(node.superseded_by or None) if node is not None else None,
        created_at=iso(event.at),
        observed_at=iso(event.observed_at),
        commit_id=event.node_id,
        commit_uri=uri_of(shelf.key, "commit", event.node_id),
    )


def _slots_mode(body: ResolveBody) -> str:
    if body.include_slots:
        return "full"
    return "preview" if body.include_slots_preview else "none"


def _slots(event: Observed, body: ResolveBody) -> dict[str, object] | None:
    if _slots_mode(body) == "none" or not event.payload:
        return None
    slots = slots_of(event)
    if body.include_slots:
        return slots
    return {key: slots[key] for key in list(slots)[: body.slots_preview_keys]}


def slots_of(event: Observed) -> dict[str, object]:
    """The free slots that were sent with a piece of evidence."""
    sent: dict[str, dict[str, object] | object] = msgspec.json.decode(event.payload)
    part = sent.get(event.kind)
    slots = part.get("slots") if isinstance(part, dict) else None
    return slots if isinstance(slots, dict) else {}
