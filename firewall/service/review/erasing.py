"""`POST /v1/erase`: what was kept of a text is gone afterwards; that it was there, why it was held and who erased it stays.

The text goes first, then the tombstone says so: what is interrupted in between is done again by asking again. What memfw
read last is forgotten in this process too. The memory at its upstream, and evidence that agents observed, are not ours to
erase here.
"""

from collections.abc import Iterator

import msgspec

from firewall.core.quarantine import quarantine_id
from firewall.core.state import State
from firewall.errors import StateError
from firewall.service.desk import Call, Desk, Reply, Work, operation_of
from firewall.service.review.body import EraseBody
from firewall.service.review.listing import unknown
from firewall.service.review.room import require_admin
from firewall.service.review.tombstones import tombstones
from firewall.service.strict_body import decode, validated

ROUTE = "POST /v1/erase"


class ErasedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`ids` are the items that were meant; `texts` counts those of which a text was still kept."""

    tenant_id: str
    scope: str
    ids: tuple[str, ...]
    texts: int


async def erase(desk: Desk, call: Call) -> Reply:
    """Erase the held texts of an item, of a digest, or of a memory. CallerError 404 `quarantine_unknown` for an id that
    there is not."""
    decoded = decode(call.raw)
    body = validated(EraseBody, decoded)
    key = call.key(body.tenant_id, body.scope)
    require_admin(call.principal)
    operation = operation_of(key, call, ROUTE, body.operation_id, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    # What was met a moment ago is still on its way to the store: it must not come after us.
    if not await desk.recorder.drain():
        raise StateError("log_unavailable", "the log is away: nothing was erased")
    state = await desk.state(key, after=call.after)
    meant = dict(_meant(state, body))
    if body.quarantine_id is not None and not meant:
        raise unknown()
    texts = 0
    for id_ in meant:
        texts += await desk.review.vault.erase(key, id_)
    desk.review.forget()
    said = tombstones(
        tuple(meant.items()),
        upstream=body.upstream or "",
        memory_id=body.memory_id or "",
        by=call.principal.name,
        why=body.why,
        at=desk.now(),
    )
    answer = ErasedAnswer(tenant_id=key.tenant, scope=key.scope, ids=tuple(meant), texts=texts)
    return await desk.store(key, Work(said, answer), operation)


def _meant(state: State, body: EraseBody) -> Iterator[tuple[str, str]]:
    """Ids with their digests. A text that was decided long ago left the queue's memory, but not the reviews'."""
    known = state.quarantine.keys.get(body.quarantine_id or "")
    if known is not None:
        yield quarantine_id(*known), known[2]
        return
    for key in dict.fromkeys((*state.held, *state.reviews)):
        if key[2] == body.digest or key[:2] == (body.upstream, body.memory_id):
            yield quarantine_id(*key), key[2]
        elif body.quarantine_id is not None and quarantine_id(*key) == body.quarantine_id:
            yield body.quarantine_id, key[2]
    for write in state.quarantine.writes.values():
        if write.id == body.quarantine_id or write.digest == body.digest or body.digest in write.texts:
            yield write.id, write.digest
