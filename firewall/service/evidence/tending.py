"""`POST /v1/rehydrate` and `/v1/forget`: what is at hand, and what is stopped for a while. Nothing is ever deleted.

Rehydrating restores availability only: it never clears what failed or is contested, and never makes anything a
`use_now`. Suppressing is a stop-loss; lifting it gives back what was so before, not more. Memory of an upstream can be
suppressed; its text is not ours to archive or to bring back, so those change nothing there.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from firewall.core.events import ScopeKey
from firewall.core.evidence import NATIVE, Tended, Tier
from firewall.core.route_tables import TEXT_CHARS
from firewall.core.state import State
from firewall.errors import CallerError, Issue
from firewall.service.contract import ForgetEffect, SourceMap
from firewall.service.desk import Call, Desk, Reply, Work, operation_of
from firewall.service.evidence.handout import Handout
from firewall.service.evidence.payload import Payload, payload_of
from firewall.service.evidence.shelf import Kept, Shelf
from firewall.service.evidence.tending_body import ForgetBody, Named, RehydrateBody
from firewall.service.identity import viewer_of
from firewall.service.moments import iso
from firewall.service.principals import Principal, Role
from firewall.service.strict_body import decode, invalid, validated

REHYDRATE = "POST /v1/rehydrate"
FORGET = "POST /v1/forget"
#: Memories of a scope that may be suppressed at a time.
MOST_SUPPRESSIONS = 50_000

_WARMTH: dict[Tier, int] = {"archive": 0, "cold": 1, "warm": 2, "hot": 3}

Operation = Literal["suppress", "unsuppress", "archive", "rehydrate"]


class Tending(msgspec.Struct, frozen=True, kw_only=True):
    """One memory that is named. `kept` is None for memory of an upstream."""

    upstream: str
    memory_id: str
    wire_id: str
    client_id: str | None = None
    kept: Kept | None = None


class Names(msgspec.Struct, frozen=True):
    """What a body names, each once; `anchor` is also among them."""

    memories: tuple[Tending, ...]
    anchor: Kept | None


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """In the reference's words. An id that names nothing is a 404, so none is ever missing."""

    requested_node_ids: int
    requested_client_ids: int
    resolved_node_ids: int
    found_nodes: int
    moved_nodes: int
    noop_nodes: int
    missing_node_ids: tuple[str, ...] = ()
    missing_client_ids: tuple[str, ...] = ()
    moved_ids: tuple[str, ...]
    noop_ids: tuple[str, ...]


class TendResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`rehydrated` for that operation, `changed` for the others; `payload` where an anchor was named."""

    rehydrated: Moved | None = None
    changed: Moved | None = None
    target_tier: str | None = None
    mode: str | None = None
    until: str | None = None
    payload: Payload | None = None


class TendAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str
    tenant_id: str
    scope: str
    operation: Operation
    target: str
    forget_effect: ForgetEffect
    result: TendResult
    source_map: SourceMap


async def rehydrate(desk: Desk, call: Call) -> Reply:
    """Bring evidence back to hand. CallerError 404 `memory_not_found`."""
    decoded = decode(call.raw)
    return await _tend(desk, call, validated(RehydrateBody, decoded), decoded, "rehydrate")


async def forget(desk: Desk, call: Call) -> Reply:
    """Suppress, unsuppress, archive or rehydrate. CallerError 400 `use_feedback` for `activate`."""
    decoded = decode(call.raw)
    body = validated(ForgetBody, decoded)
    if body.operation == "activate":
        raise CallerError(400, "use_feedback", "activation is feedback: send it to POST /v1/feedback")
    return await _tend(desk, call, body, decoded, body.operation)


async def _tend(
    desk: Desk, call: Call, body: RehydrateBody | ForgetBody, decoded: object, doing: Operation
) -> Reply:
    route = FORGET if isinstance(body, ForgetBody) else REHYDRATE
    key = call.key(body.tenant_id, body.scope)
    operation = operation_of(key, call, route, body.operation_id, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    wish = _wish(body, doing, call.principal.name, desk.now())
    viewer = viewer_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    state = await desk.state(key, after=call.after)
    shelf = Shelf(projections=desk.projections, key=key, state=state, viewer=viewer)
    named = await _named(body, shelf, frozenset(desk.sources))
    events = [_event(one, wish) for one in named.memories if _changes(one, wish, state)]
    if doing == "suppress":
        _refuse_full(state, events)
    _refuse_frozen(state, events, call.principal)
    payload = None
    if doing == "rehydrate" and named.anchor is not None:
        handout = Handout(desk, shelf, call.principal)
        adjudication = body.adjudication if isinstance(body, RehydrateBody) else None
        payload = await payload_of(named.anchor, shelf, handout, body.depth, body.reason, adjudication)
    answer = _answer(key, body, wish, named, events, payload)
    return await desk.store(key, Work(events, answer), operation)


def _refuse_frozen(state: State, events: Sequence[Tended], principal: Principal) -> None:
    """A freeze is its setter's: nobody else lifts it or puts a shorter one in its place, but a reviewer or admin."""
    if principal.role in {Role.reviewer, Role.admin}:
        return
    for event in events:
        held = state.suppressions.get((event.upstream, event.memory_id))
        if (
            held is not None
            and held.frozen
            and held.holds(event.at)
            and event.operation in {"suppress", "unsuppress"}
            and held.principal != principal.name
        ):
            raise CallerError(403, "memory_frozen", "this memory was frozen by somebody else")


def _wish(body: RehydrateBody | ForgetBody, doing: Operation, principal: str, now: float) -> Tended:
    """What is to be done, of no memory yet."""
    until = body.until if isinstance(body, ForgetBody) else None
    if until is not None and until <= now:
        raise invalid([Issue("until", "Has to lie in the future")])
    freezes = isinstance(body, ForgetBody) and body.mode == "hard_freeze"
    return Tended(
        operation=doing,
        upstream=NATIVE,
        memory_id="",
        mode="hard_freeze" if freezes else "shadow_learn",
        until=until,
        tier="archive" if doing == "archive" else body.target_tier,
        reason=body.reason,
        principal=principal,
        at=now,
    )


async def _named(body: Named, shelf: Shelf, upstreams: frozenset[str]) -> Names:
    """Every memory that the body names, once. CallerError 404 with the path of each that there is not."""
    named: dict[str, Tending] = {}
    missing: list[Issue] = []
    asked = [
        *((f"memory_ids.{place}", ref, "") for place, ref in enumerate(body.memory_ids)),
        *((f"node_ids.{place}", ref, "") for place, ref in enumerate(body.node_ids)),
        *((f"client_ids.{place}", shelf.id_of_client(ref), ref) for place, ref in enumerate(body.client_ids)),
    ]
    for path, ref, client_id in asked:
        upstream, separator, bare = ref.partition(":")
        found: Tending | None = None
        if separator and upstream != NATIVE and "://" not in ref:
            if bare and upstream in upstreams:
                found = Tending(upstream=upstream, memory_id=bare, wire_id=ref)
        elif (kept := await shelf.find(shelf.id_of(ref))) is not None:
            found = _of(kept, client_id)
        if found is None:
            missing.append(Issue(path, "no such memory"))
        else:
            named.setdefault(found.wire_id, found)
    anchor = await shelf.anchor(body.anchor_id, body.anchor_uri) if body.anchored else None
    if anchor is not None:
        named.setdefault(anchor.event.node_id, _of(anchor, ""))
    elif body.anchored:
        missing.append(Issue("anchor_id" if body.anchor_id else "anchor_uri", "no such anchor"))
    if missing:
        raise CallerError(404, "memory_not_found", "no such memory in this scope", issues=missing)
    return Names(tuple(named.values()), anchor)


def _of(kept: Kept, client_id: str) -> Tending:
    node_id = kept.event.node_id
    return Tending(
        upstream=NATIVE, memory_id=node_id, wire_id=node_id, client_id=client_id or None, kept=kept
    )


def _changes(one: Tending, wish: Tended, state: State) -> bool:
    """Whether the operation changes anything. Rehydrating only ever warms."""
    held = state.suppressions.get((one.upstream, one.memory_id))
    if wish.operation == "unsuppress":
        return held is not None
    if wish.operation == "suppress":
        return held is None or (held.until, held.frozen) != (wish.until, wish.mode == "hard_freeze")
    if one.kept is None:
        return False
    node = one.kept.node
    if wish.operation == "archive":
        return node is not None and node.tier != "archive"
    return node is None or node.lifecycle == "archived" or _WARMTH[node.tier] < _WARMTH[wish.tier]


def _event(one: Tending, wish: Tended) -> Tended:
    event = msgspec.structs.replace(wish, upstream=one.upstream, memory_id=one.memory_id)
    kept = one.kept
    if wish.operation != "rehydrate" or kept is None or kept.node is not None:
        return event
    # The payload stays where it is in the log, and memory holds no more of the text than this.
    restored = msgspec.structs.replace(kept.event, payload=b"", text=kept.event.text[:TEXT_CHARS])
    return msgspec.structs.replace(event, restored=restored, origin=kept.offset)


def _refuse_full(state: State, events: list[Tended]) -> None:
    held = state.suppressions
    opened = sum((event.upstream, event.memory_id) not in held for event in events)
    if opened and len(held) + opened > MOST_SUPPRESSIONS:
        raise CallerError(409, "scope_full", "this scope has as many suppressions as it can hold")


def _answer(
    key: ScopeKey,
    body: RehydrateBody | ForgetBody,
    wish: Tended,
    named: Names,
    events: list[Tended],
    payload: Payload | None,
) -> TendAnswer:
    rehydrates, anchored = wish.operation == "rehydrate", named.anchor is not None
    route = "forget" if isinstance(body, ForgetBody) else "rehydrate"
    target = body.target or ("payload" if anchored else "archive" if rehydrates else "memory")
    changed = {(event.upstream, event.memory_id) for event in events}
    moved = tuple(one.wire_id for one in named.memories if (one.upstream, one.memory_id) in changed)
    result = Moved(
        requested_node_ids=len(body.memory_ids) + len(body.node_ids) + anchored,
        requested_client_ids=len(body.client_ids),
        resolved_node_ids=len(named.memories),
        found_nodes=len(named.memories),
        moved_nodes=len(moved),
        noop_nodes=len(named.memories) - len(moved),
        moved_ids=moved,
        noop_ids=tuple(one.wire_id for one in named.memories if one.wire_id not in moved),
    )
    return TendAnswer(
        contract_version=f"aionis_{route}_result_v1",
        tenant_id=key.tenant,
        scope=key.scope,
        operation=wish.operation,
        target=target,
        forget_effect=ForgetEffect(
            action=wish.operation,
            target=target,
            changed_count=len(events),
            affected_memory_ids=moved,
            affected_client_ids=tuple(
                one.client_id for one in named.memories if one.client_id is not None and one.wire_id in moved
            ),
            anchor_id=body.anchor_id,
            anchor_uri=body.anchor_uri,
        ),
        result=TendResult(
            rehydrated=result if rehydrates else None,
            changed=None if rehydrates else result,
            target_tier=wish.tier if rehydrates else None,
            mode=wish.mode if wish.operation == "suppress" else None,
            until=None if wish.until is None else iso(wish.until),
            payload=payload,
        ),
        source_map=SourceMap(routes_used=(f"/v1/{route}",), internal_surfaces_used=("lifecycle",)),
    )
