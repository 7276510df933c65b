"""`GET /v1/quarantine` and `GET /v1/quarantine/{id}`: what is held, in the order in which it came, a page at a time.

Agents see an item whose id they know, and not the list; hosts see both; the text is for reviewers. An item of another scope
does not exist for the caller, and neither does another's held write for one who does not review.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter

import msgspec

from firewall.core.quarantine import HeldItem, HeldWrite, TextKey
from firewall.core.reasons import head
from firewall.core.state import State
from firewall.core.tiers import Tier
from firewall.errors import CallerError
from firewall.service.desk import Call, Desk, Reply, digest_of, read_reply
from firewall.service.principals import Principal, Role
from firewall.service.review import cursor
from firewall.service.review.body import ListQuery, Placed, list_query
from firewall.service.review.room import HeldRequest, decoded_request, reviews
from firewall.service.review.shown import RequestRow, Row, text_row, write_row
from firewall.service.review.vault import HeldText
from firewall.service.strict_body import validated


class Listed(msgspec.Struct, frozen=True):
    """One item of the queue: a text with its key, or a write."""

    seq: int
    key: TextKey | None
    item: HeldItem | HeldWrite


class ListAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`open` counts what waits for a decision in the whole scope, by tier. `cursor` is None on the last page."""

    tenant_id: str
    scope: str
    open: dict[Tier, int]
    items: tuple[Row, ...]
    cursor: str | None


class ItemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`text` of a held memory and `request` of a held write, where the caller may see them and they were kept."""

    tenant_id: str
    scope: str
    item: Row
    text: HeldText | None = None
    request: RequestRow | None = None


async def listed(desk: Desk, call: Call) -> Reply:
    """A page of the queue, the oldest first. CallerError 400 `invalid_cursor`."""
    query = list_query(call.query)
    key = call.key(query.tenant_id, query.scope)
    if call.principal.role is Role.agent:
        raise CallerError(403, "role_denied", "an agent's key sees single items only")
    state = await desk.state(key, after=call.after)
    now = desk.now()
    asked = digest_of(query.model_dump(exclude={"cursor", "limit", "tenant_id", "scope"}))
    after = cursor.place(desk.review.ring, key, asked, query.cursor)
    inside = reviews(call.principal)
    found = (
        one for one in queue(state, after) if matches(one, query, now) and _sees(call.principal, one.item)
    )
    page = list(islice(found, query.limit + 1))
    more = len(page) > query.limit
    page = page[: query.limit]
    counts = state.quarantine.open
    answer = ListAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        open={"operational": counts.get("operational", 0), "person": counts.get("person", 0)},
        items=tuple(row_of(one, now, inside=inside) for one in page),
        cursor=cursor.token(desk.review.ring, key, asked, page[-1].seq) if more else None,
    )
    return read_reply(answer)


async def shown(desk: Desk, call: Call) -> Reply:
    """One item. CallerError 404 `quarantine_unknown`."""
    query = validated(Placed, dict(call.query))
    key = call.key(query.tenant_id, query.scope)
    one = found_in(await desk.state(key, after=call.after), call.params["id"])
    if not _sees(call.principal, one.item):
        raise unknown()
    inside = reviews(call.principal)
    text, request = None, None
    if inside and one.key is not None:
        text = await desk.review.vault.text(key, one.item.id)
    elif inside:
        content = await desk.review.vault.reveal(key, one.item.id)
        request = None if content is None else _request_row(decoded_request(content))
    row = row_of(one, desk.now(), inside=inside)
    return read_reply(ItemAnswer(tenant_id=key.tenant, scope=key.scope, item=row, text=text, request=request))


def queue(state: State, after: int = 0) -> Iterator[Listed]:
    """Texts and writes of a scope in the order in which they came, behind that place."""
    texts = (Listed(item.seq, key, item) for key, item in state.held.items() if item.seq > after)
    if not state.quarantine.writes:
        return texts
    writes = (
        Listed(write.seq, None, write) for write in state.quarantine.writes.values() if write.seq > after
    )
    return heapq.merge(texts, writes, key=attrgetter("seq"))


def knows(state: State, id_: str) -> bool:
    """Whether there is an item of that id."""
    return id_ in state.quarantine.keys or id_ in state.quarantine.writes


def found_in(state: State, id_: str) -> Listed:
    """The item of that id. CallerError 404 `quarantine_unknown`."""
    key = state.quarantine.keys.get(id_)
    if key is not None:
        item = state.held[key]
        return Listed(item.seq, key, item)
    write = state.quarantine.writes.get(id_)
    if write is None:
        raise unknown()
    return Listed(write.seq, None, write)


def matches(one: Listed, query: ListQuery, now: float) -> bool:
    """Whether an item is one that was asked for."""
    item, key = one.item, one.key
    if query.status != "all":
        if isinstance(item, HeldWrite):
            wanted = item.open if query.status == "open" else item.status == query.status
        else:
            status = item.status_at(now)
            wanted = status == ("held" if query.status == "open" else query.status)
        if not wanted:
            return False
    if query.kind != "all" and (query.kind == "text") is not (key is not None):
        return False
    return names(one, reason=query.reason, digest=query.digest, upstream=query.upstream) and (
        query.tier is None or item.tier == query.tier
    )


def names(one: Listed, *, reason: str | None, digest: str | None, upstream: str | None) -> bool:
    """Whether an item is of that reason (whole or its head), text and upstream, where those are said."""
    item = one.item
    if isinstance(item, HeldWrite):
        its_upstream, its_digest = item.upstream, item.digest
    else:
        its_upstream, _, its_digest = one.key or ("", "", "")
    if (upstream is not None and its_upstream != upstream) or (digest is not None and its_digest != digest):
        return False
    return reason is None or any(reason in {said, head(said)} for said in item.reasons)


def row_of(one: Listed, now: float, *, inside: bool) -> Row:
    if isinstance(one.item, HeldWrite):
        return write_row(one.item, inside=inside)
    return text_row(one.key or ("", "", ""), one.item, now, inside=inside)


def unknown() -> CallerError:
    return CallerError(404, "quarantine_unknown", "nothing of that id is held in this scope")


def _sees(principal: Principal, item: HeldItem | HeldWrite) -> bool:
    return isinstance(item, HeldItem) or reviews(principal) or item.writer == principal.name


def _request_row(held: HeldRequest) -> RequestRow:
    return RequestRow(
        method=held.method,
        path=held.path,
        query=held.query,
        body=held.body.decode("utf-8", "replace"),
        pin=dict(held.pin),
    )
