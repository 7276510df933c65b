"""A held write that was released goes upstream, once.

    releasing (recorded) -> sent to the upstream -> sent | failed (recorded, with the upstream's status)

What is recorded first is an operation of the log, so that of two who release at once one is refused. Where nobody knows
what became of the request (the upstream was late, the connection broke, memfw died in between) the write stays `releasing`,
and only a reviewer who says `force` sends it again.
"""

import msgspec

from firewall.core.events import Event, ScopeKey, WriteMoved
from firewall.core.quarantine import HeldWrite, Move
from firewall.errors import CallerError, StateError
from firewall.service.desk import Desk, Operation, Reply, Work
from firewall.service.review.room import HeldRequest, Sends, decoded_request


class Releasing(msgspec.Struct, frozen=True, kw_only=True):
    """Who releases what, and why."""

    key: ScopeKey
    write: HeldWrite
    reviewer: str
    note: str
    force: bool
    operation: Operation | None


class SentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`request_erased` is false where the kept request could not be erased at once: `POST /v1/erase` does it later."""

    tenant_id: str
    scope: str
    id: str
    status: str
    upstream_status: int
    request_erased: bool


async def send_released(desk: Desk, asked: Releasing) -> Reply:
    """CallerError 409 `release_needs_inject`, `release_pending`, `item_settled`, `request_not_kept`; UpstreamError where the
    outcome is unknown."""
    key, write = asked.key, asked.write
    # One attempt has one name in the log, and no two who try it the same digest. It is that of the write as it is now: the
    # write changes while we wait.
    attempt = f"quarantine/send\x1f{write.id}\x1f{write.seq}\x1f{write.attempts}"
    sender, held = await _ready(desk, asked)
    try:
        await desk.projections.append(
            key, [_moved(desk, asked, "releasing")], operation=attempt, body_digest=desk.new_id()
        )
    except CallerError as error:
        if error.code == "operation_conflict":
            raise _pending() from None
        raise
    now = (await desk.state(key)).quarantine.writes.get(write.id)
    if now is None or now.status != "releasing":
        raise _settled("erased" if now is None else now.status)  # somebody else decided first
    try:
        status = await sender.send(key, held)
    except CallerError:
        # Nothing was sent: the write is refused before it leaves us.
        await desk.projections.append(key, [_moved(desk, asked, "failed")])
        raise
    to: Move = "sent" if status < 300 else "failed"
    moved = _moved(desk, asked, to, status)
    answer = SentAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        id=write.id,
        status=to,
        upstream_status=status,
        request_erased=to == "sent",
    )
    reply = await desk.store(key, Work([moved], answer), asked.operation)
    if to == "failed":
        return reply
    try:
        await desk.review.vault.erase(key, write.id)
    except StateError:
        kept = msgspec.structs.replace(answer, request_erased=False)
        return msgspec.structs.replace(reply, body=msgspec.json.encode(kept))
    return reply


async def _ready(desk: Desk, asked: Releasing) -> tuple[Sends, HeldRequest]:
    """The way to the upstream and the request, if the write can be sent now."""
    write = asked.write
    if write.status not in {"held", "failed", "releasing"}:
        raise _settled(write.status)
    if write.status == "releasing" and not asked.force:
        raise _pending()
    sender = desk.review.senders.get(write.upstream)
    if sender is None or not sender.injects:
        raise CallerError(
            409,
            "release_needs_inject",
            "memfw has no credential for this upstream: the client's was not kept",
        )
    content = await desk.review.vault.reveal(asked.key, write.id)
    if content is None:
        raise CallerError(409, "request_not_kept", "the request of this write is not kept any more")
    return sender, decoded_request(content)


def _moved(desk: Desk, asked: Releasing, to: Move, status: int = 0) -> Event:
    return WriteMoved(
        hold_id=asked.write.id,
        to=to,
        reviewer=asked.reviewer,
        note=asked.note,
        answered=status,
        at=desk.now(),
    )


def _settled(status: str) -> CallerError:
    return CallerError(409, "item_settled", f"this write is {status}")


def _pending() -> CallerError:
    return CallerError(
        409,
        "release_pending",
        "this write is being sent, or nobody knows whether it was: look at the upstream, then release it with force",
    )
