"""`POST /v1/quarantine/release | confirm | expire`: one decision on many items, each atomic, the whole resumable.

    count (must be what the reviewer expects) -> BulkBegun (which items: those that wait by now) -> batches, in their order

A decision is one event, so an item is decided or not, never half. What was decided does not wait any more; so whoever calls
again with the same operation id goes on where it stopped, whatever stopped it, and once nothing is left gets the same
answer. Items that came later are not swept along. One call does `AT_ONCE` items at most and says how many are left.
Held writes are not released in bulk: each is a request to an upstream.
"""

import asyncio
from collections.abc import Iterable, Iterator

import msgspec

from firewall.core.events import BulkBegun, Event, ScopeKey
from firewall.core.quarantine import Bulk, HeldItem, HeldWrite
from firewall.core.state import State
from firewall.errors import CallerError, Issue
from firewall.service.desk import Call, Desk, Reply, digest_of
from firewall.service.principals import Principal
from firewall.service.review.body import BulkReleaseBody, BulkSettleBody
from firewall.service.review.deciding import Word, findings_among, is_own, released, settled
from firewall.service.review.listing import Listed, found_in, knows, names, queue
from firewall.service.review.room import require_reviewer
from firewall.service.strict_body import decode, invalid, validated

BATCH = 250
AT_ONCE = 2_000
#: Of those whose texts have to be erased one by one.
EXPIRED_AT_ONCE = 500


class BulkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`done` counts what this call decided, `left` what another call still has to. `own` are items that wait on because the
    reviewer's own key wrote them. `matching` is what the selection names now, for the next `expected`."""

    tenant_id: str
    scope: str
    decision: Word
    dry_run: bool
    matching: int
    done: int
    left: int
    own: int


class Chosen(msgspec.Struct, frozen=True):
    """What a selection means now: the items that are to be decided, and how many are the reviewer's own."""

    items: list[Listed]
    own: int


async def release_many(desk: Desk, call: Call) -> Reply:
    """Release the named findings from every item that has one of them. CallerError 409 `count_changed`."""
    return await _review(desk, call, "release", validated(BulkReleaseBody, decode(call.raw)))


async def confirm_many(desk: Desk, call: Call) -> Reply:
    """Withhold all of them for good. CallerError 409 `count_changed`."""
    return await _review(desk, call, "confirm", validated(BulkSettleBody, decode(call.raw)))


async def expire_many(desk: Desk, call: Call) -> Reply:
    """Take all of them out of the queue. CallerError 409 `count_changed`."""
    return await _review(desk, call, "expire", validated(BulkSettleBody, decode(call.raw)))


async def _review(desk: Desk, call: Call, word: Word, body: BulkSettleBody) -> Reply:
    key = call.key(body.tenant_id, body.scope)
    require_reviewer(call.principal)
    state = await desk.state(key, after=call.after)
    if body.dry_run:
        chosen = _chosen(state, body, call.principal, desk.now())
        return _reply(key, word, body, matching=len(chosen.items), done=0, own=chosen.own)
    bulk = await _begun(desk, key, state, word, body, call.principal)
    done, most = 0, EXPIRED_AT_ONCE if word == "expire" else AT_ONCE
    while done < most:
        state = await desk.state(key)
        chosen = _chosen(state, body, call.principal, desk.now(), bulk.upto)
        batch = chosen.items[:BATCH]
        if not batch:
            break
        await _decide(desk, key, word, body, batch, call.principal)
        done += len(batch)
        await asyncio.sleep(0)  # others are served between two batches
    state = await desk.state(key)
    chosen = _chosen(state, body, call.principal, desk.now(), bulk.upto)
    return _reply(key, word, body, matching=len(chosen.items), done=done, own=chosen.own, at=state.offset)


async def _begun(
    desk: Desk, key: ScopeKey, state: State, word: Word, body: BulkSettleBody, principal: Principal
) -> Bulk:
    """The review as it was begun, now or before. CallerError 409 `count_changed`, `operation_conflict`."""
    name = f"{principal.name}\x1f{body.operation_id}"
    digest = digest_of([word, body.model_dump()])
    bulk = state.quarantine.bulks.get(name)
    if bulk is None:
        matching = len(_chosen(state, body, principal, desk.now()).items)
        if matching != body.expected:
            raise CallerError(
                409, "count_changed", f"the selection names {matching} items now: look at them again"
            )
        event = BulkBegun(
            operation=name,
            decision=word,
            digest=digest,
            expected=matching,
            upto=state.offset,
            reviewer=principal.name,
            note=body.note,
            at=desk.now(),
        )
        await desk.projections.append(key, [event])
        bulk = (await desk.state(key)).quarantine.bulks.get(name)
    if bulk is None or bulk.digest != digest:
        raise CallerError(409, "operation_conflict", "this operation id was used with another body")
    return bulk


async def _decide(
    desk: Desk,
    key: ScopeKey,
    word: Word,
    body: BulkSettleBody,
    batch: Iterable[Listed],
    principal: Principal,
) -> None:
    """One append: each event is one item's decision."""
    now = desk.now()
    events: list[Event] = []
    erased: list[str] = []
    for one in batch:
        if word == "release":
            wanted = body.findings if isinstance(body, BulkReleaseBody) else ()
            until = body.until if isinstance(body, BulkReleaseBody) else None
            findings = findings_among(wanted, one.item.reasons)
            events.append(released(one, findings, until, principal, body.note, now))
        else:
            events.append(settled(one, word, principal, body.note, now))
            erased += [one.item.id] if word == "expire" else []
    # A text goes before its item leaves the queue: what is interrupted in between is found again.
    for id_ in erased:
        await desk.review.vault.erase(key, id_)
    await desk.projections.append(key, events)


def _chosen(
    state: State, body: BulkSettleBody, principal: Principal, now: float, upto: int | None = None
) -> Chosen:
    """What waits, is selected, and was there by `upto`. Before the review has begun (without `upto`) an id that there is
    not is CallerError 404; later it is one that was decided and left the memory."""
    wanted = body.findings if isinstance(body, BulkReleaseBody) else None
    listed = queue(state) if body.ids is None else _by_id(state, body.ids, begun=upto is not None)
    items: list[Listed] = []
    own = 0
    for one in listed:
        if (upto is not None and one.seq > upto) or not _waits(one.item, now):
            continue
        if not names(one, reason=body.reason, digest=body.digest, upstream=body.upstream):
            continue
        if wanted is not None:
            if isinstance(one.item, HeldWrite):
                if body.ids is not None:
                    raise invalid([Issue("ids", "Held writes are released one by one")])
                continue
            if not findings_among(wanted, one.item.reasons):
                continue
            if is_own(principal, one.item):
                own += 1
                continue
        items.append(one)
    return Chosen(items, own)


def _by_id(state: State, ids: Iterable[str], *, begun: bool) -> Iterator[Listed]:
    for id_ in dict.fromkeys(ids):
        if not begun or knows(state, id_):
            yield found_in(state, id_)


def _waits(item: HeldItem | HeldWrite, now: float) -> bool:
    if isinstance(item, HeldWrite):
        return item.status in {"held", "failed"}
    return item.status_at(now) == "held"


def _reply(
    key: ScopeKey,
    word: Word,
    body: BulkSettleBody,
    *,
    matching: int,
    done: int,
    own: int,
    at: int = 0,
) -> Reply:
    answer = BulkAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        decision=word,
        dry_run=body.dry_run,
        matching=matching,
        done=done,
        left=0 if body.dry_run else matching,
        own=own,
    )
    return Reply(msgspec.json.encode(answer), at if done else 0)
