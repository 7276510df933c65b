"""`POST /v1/quarantine/{id}/release | confirm | expire`: one reviewer's decision on one item, recorded with who, when and why.

A release removes exactly the findings that it names from exactly this text; a held write that is released is sent
(`sending`). Confirmed is withheld for good, whatever the detectors will say. Expired is no decision: the item leaves the
queue and its text goes, and another sighting holds it again. Nobody releases what the same key wrote, or the same agent's.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from firewall.core.events import Event, HeldExpired, Reviewed, ScopeKey, WriteMoved
from firewall.core.quarantine import MOVES, HeldItem, HeldWrite, TextKey
from firewall.core.reasons import head
from firewall.core.tiers import releasable
from firewall.errors import CallerError, Issue
from firewall.service.desk import Call, Desk, Operation, Reply, Work, operation_of, read_reply
from firewall.service.principals import Principal
from firewall.service.review.body import Decision, ReleaseBody, SettleBody
from firewall.service.review.listing import Listed, found_in
from firewall.service.review.room import require_reviewer
from firewall.service.review.sending import Releasing, send_released
from firewall.service.strict_body import decode, invalid, validated

Word = Literal["release", "confirm", "expire"]


class DecidedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: str
    scope: str
    id: str
    status: str
    findings: tuple[str, ...] = ()
    upstream_status: int = 0


async def release(desk: Desk, call: Call) -> Reply:
    """Let a text through again, or send a write. CallerError 403 `own_write`, 400 `finding_not_releasable`, 409."""
    decoded = decode(call.raw)
    body = validated(ReleaseBody, decoded)
    key, one, operation, done = await _begin(desk, call, body, body.digest, "release", decoded)
    if done is not None:
        return done
    _refuse_own(call.principal, one.item)
    now = desk.now()
    if isinstance(one.item, HeldWrite):
        if body.findings or body.until is not None:
            raise invalid(
                [Issue("findings", "A held write is sent as a whole: findings and until are for texts")]
            )
        asked = Releasing(
            key=key,
            write=one.item,
            reviewer=call.principal.name,
            note=body.note,
            force=body.force,
            operation=operation,
        )
        return await send_released(desk, asked)
    if body.until is not None and body.until <= now:
        raise invalid([Issue("until", "Has to lie in the future")])
    findings = _named(body.findings, one.item.reasons)
    event = released(one, findings, body.until, call.principal, body.note, now)
    answer = DecidedAnswer(
        tenant_id=key.tenant, scope=key.scope, id=one.item.id, status="released", findings=findings
    )
    return await desk.store(key, Work([event], answer), operation)


async def confirm(desk: Desk, call: Call) -> Reply:
    """Withhold a text for good; never send a write."""
    return await _settle(desk, call, "confirm")


async def expire(desk: Desk, call: Call) -> Reply:
    """Take an item out of the queue without a decision on it; its text is erased."""
    return await _settle(desk, call, "expire")


async def _settle(desk: Desk, call: Call, word: Literal["confirm", "expire"]) -> Reply:
    decoded = decode(call.raw) if call.raw else {}
    body = validated(SettleBody, decoded)
    key, one, operation, done = await _begin(desk, call, body, body.digest, word, decoded)
    if done is not None:
        return done
    event = settled(one, word, call.principal, body.note, desk.now())
    status = "confirmed" if word == "confirm" else "expired"
    answer = DecidedAnswer(tenant_id=key.tenant, scope=key.scope, id=one.item.id, status=status)
    if one.item.status == status:
        reply = read_reply(answer)  # said before, and true already
    else:
        reply = await desk.store(key, Work([event], answer), operation)
    if word == "expire":
        await desk.review.vault.erase(key, one.item.id)
    return reply


async def _begin(
    desk: Desk, call: Call, body: Decision, digest: str | None, word: Word, decoded: object
) -> tuple[ScopeKey, Listed, Operation | None, Reply | None]:
    """The item, the operation, and its answer where it was done before."""
    key = call.key(body.tenant_id, body.scope)
    require_reviewer(call.principal)
    # The item is part of what is done: one operation id is not the same operation on two of them.
    asked = {"id": call.params["id"], "body": decoded}
    operation = operation_of(key, call, f"POST /v1/quarantine/{word}", body.operation_id, asked)
    done = await desk.before(operation)
    one = found_in(await desk.state(key, after=call.after), call.params["id"])
    if digest is not None and digest != (one.key[2] if one.key else _digest(one.item)):
        raise CallerError(409, "digest_changed", "this item is of another text than the one that is meant")
    return key, one, operation, done


def released(
    one: Listed, findings: Sequence[str], until: float | None, principal: Principal, note: str, now: float
) -> Event:
    """The release of a text that can be released. CallerError 409 `item_erased`."""
    upstream, memory_id, digest = _text(one)
    return Reviewed(
        upstream=upstream,
        memory_id=memory_id,
        digest=digest,
        decision="release",
        findings=tuple(findings),
        until=until,
        reviewer=principal.name,
        note=note,
        at=now,
    )


def settled(
    one: Listed, word: Literal["confirm", "expire"], principal: Principal, note: str, now: float
) -> Event:
    """The other two decisions. CallerError 409 `item_settled`, `item_erased`."""
    if isinstance(one.item, HeldWrite):
        to: Literal["confirmed", "expired"] = "confirmed" if word == "confirm" else "expired"
        if one.item.status != to and one.item.status not in MOVES[to]:
            raise CallerError(409, "item_settled", f"this write is {one.item.status}")
        return WriteMoved(hold_id=one.item.id, to=to, reviewer=principal.name, note=note, at=now)
    upstream, memory_id, digest = _text(one)
    if word == "confirm":
        return Reviewed(
            upstream=upstream,
            memory_id=memory_id,
            digest=digest,
            decision="confirm",
            reviewer=principal.name,
            note=note,
            at=now,
        )
    if (status := one.item.status_at(now)) in {"released", "confirmed"}:
        raise CallerError(409, "item_settled", f"this text is {status}: only what waits can expire")
    return HeldExpired(
        upstream=upstream, memory_id=memory_id, digest=digest, reviewer=principal.name, note=note, at=now
    )


def findings_among(names: Iterable[str], reasons: Sequence[str]) -> tuple[str, ...]:
    """Those of the named findings that the item has and a reviewer may release."""
    known = {*reasons, *(head(reason) for reason in reasons)}
    return tuple(name for name in dict.fromkeys(names) if name in known and releasable(name))


def is_own(principal: Principal, item: HeldItem | HeldWrite) -> bool:
    """Whether the same key wrote it, or another key of the same agent."""
    return bool(item.writer) and (item.writer == principal.name or item.writer in principal.also)


def _named(names: Sequence[str], reasons: Sequence[str]) -> tuple[str, ...]:
    """CallerError 400 `invalid_request` for what the item has not, `finding_not_releasable` for what nobody may release."""
    if not names:
        raise invalid([Issue("findings", "Name the findings that are released")])
    if any(not releasable(name) for name in names):
        raise CallerError(
            400, "finding_not_releasable", "whose memory it is, and a false stamp, no reviewer can release"
        )
    found = findings_among(names, reasons)
    if len(found) < len(set(names)):
        raise invalid([Issue("findings", "Not among the reasons of this item")])
    return found


def _refuse_own(principal: Principal, item: HeldItem | HeldWrite) -> None:
    if is_own(principal, item):
        raise CallerError(403, "own_write", "nobody releases what the same key wrote")


def _text(one: Listed) -> TextKey:
    if one.key is None:
        raise ValueError("a text was expected")
    if one.item.status == "erased":
        raise CallerError(409, "item_erased", "the text of this item was erased")
    return one.key


def _digest(item: HeldItem | HeldWrite) -> str:
    return item.digest if isinstance(item, HeldWrite) else ""
