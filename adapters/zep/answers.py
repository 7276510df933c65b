"""Reading an upstream's answer and putting the caller's together; how a read goes on where nothing may be shown."""

from collections.abc import Sequence

import msgspec

from adapters.zep.events import Event, put_events, read_events
from adapters.zep.layouts import QUERY
from adapters.zep.planning import MAX_TOP
from adapters.zep.plans import ZepPlan
from firewall.core.model import Candidate
from firewall.core.wire.graph_items import prose_of, stated
from firewall.core.wire.layouts import One, Reading
from firewall.core.wire.pieces import Fields, Listed, Piece, Rows, cut_of
from firewall.core.wire.requests import encoded, json_object, query_of
from firewall.core.wire.splice import Raw, for_caller, tree, with_firewall
from firewall.core.wire.temporal import Edge
from firewall.ports import Answer, Disclosure, WireRequest, WireResponse, header


class ZepAnswer(Answer, frozen=True, kw_only=True):
    """`piece` is the answer over its own bytes, None where it holds no memory; `events` those of a stream."""

    piece: Piece | None = None
    events: list[Event] | None = None
    edges: Sequence[Edge] = ()
    body: bytes = b""
    cursor: str = ""


def read(plan: ZepPlan, response: WireResponse) -> ZepAnswer:
    """UpstreamError 502 for what is not of the route's form; nothing of it is used."""
    return _read(plan, response, _reading(plan))


def _reading(plan: ZepPlan, first: ZepAnswer | None = None) -> Reading:
    return Reading(
        plan.source,
        husk=plan.husk,
        unparsed=plan.unparsed,
        candidates=None if first is None else list(first.candidates),
        edges=None if first is None else list(first.edges),
    )


def _read(plan: ZepPlan, response: WireResponse, reading: Reading) -> ZepAnswer:
    body = response.body
    layout = plan.layout
    if layout is None or (plan.husk and not body.strip()):
        return ZepAnswer(candidates=[], body=body)
    if layout is QUERY and _is_stream(response):
        events = read_events(reading, body)
        reading.link()
        since, until = reading.span()
        return ZepAnswer(candidates=reading.candidates, events=events, body=body, since=since, until=until)
    piece = reading.read(layout, Raw(body), plan.name if isinstance(layout, One) else "")
    reading.link()
    cursor = _cursor(plan, piece)
    # There may be more in it than the list that the limit counts.
    unlimited = plan.limit is not None and _rows(piece, plan.rows) != len(reading.candidates)
    since, until = reading.span()
    if plan.states and not reading.candidates and not plan.source.owner:
        reading.add(_empty(plan, body))
    return ZepAnswer(
        candidates=reading.candidates,
        piece=piece,
        edges=reading.edges,
        body=body,
        cursor=cursor,
        more=not unlimited and _has_more(plan, piece, cursor),
        unlimited=unlimited,
        since=since,
        until=until,
        held=reading.held,
    )


def _is_stream(response: WireResponse) -> bool:
    return (header(response.headers, "content-type") or "").lower().startswith("text/event-stream")


def _empty(plan: ZepPlan, body: bytes) -> Candidate:
    """A thread without messages still says whose it is."""
    value = tree(body)
    source = plan.source
    if isinstance(value, dict):
        source = msgspec.structs.replace(source, owner=stated(value, source))
    return prose_of("", plan.name, source)


def _rows(piece: Piece, key: str) -> int:
    part = piece.parts.get(key) if isinstance(piece, Fields) and key else piece
    return len(part.rows) if isinstance(part, Rows | Listed) else 0


def _cursor(plan: ZepPlan, piece: Piece) -> str:
    """Where the next page begins, as the upstream says it."""
    value: object = None
    if plan.paged == "cursor" and isinstance(piece, Fields) and "next_cursor" in piece.fields:
        value = tree(piece.fields["next_cursor"])
    elif plan.paged == "uuid" and isinstance(piece, Rows | Listed) and piece.rows:
        last = tree(piece.rows[-1])
        value = last.get("uuid") if isinstance(last, dict) else None
    return value if isinstance(value, str) else ""


def _has_more(plan: ZepPlan, piece: Piece, cursor: str) -> bool:
    if plan.paged == "cursor":
        return bool(cursor)
    if plan.paged == "uuid":
        return bool(cursor) and plan.top is not None and _rows(piece, "") >= plan.top
    return plan.top is not None and plan.top < MAX_TOP and _rows(piece, plan.rows) >= plan.top


def more(plan: ZepPlan, answer: ZepAnswer, wanted: int) -> WireRequest | None:
    """A larger search, or the page after this one; None where there is no more."""
    request = plan.request
    if not answer.more:
        return None
    if plan.paged == "cursor":
        query = query_of(request.query)
        if query.get("cursor") == answer.cursor:  # no page of its own: it would never end
            return None
        turned = query.without("cursor").plus({"cursor": answer.cursor})
        return msgspec.structs.replace(request, query=turned.raw)
    body = json_object(request.body)
    if plan.paged == "uuid":
        if body.get("uuid_cursor") == answer.cursor:
            return None
        body["uuid_cursor"] = answer.cursor
    else:
        plan.top = min(MAX_TOP, max((plan.top or 0) * 2, wanted))
        body["limit"] = plan.top
    return msgspec.structs.replace(request, body=encoded(body))


def joined(plan: ZepPlan, first: ZepAnswer, second: ZepAnswer) -> ZepAnswer:
    """A larger search replaces the first one; a further page follows it."""
    if not plan.paged:
        return second
    after = _read(plan, WireResponse(status=200, body=second.body), _reading(plan, first))
    piece = _one_after(first.piece, after.piece)
    return msgspec.structs.replace(after, piece=piece, more=second.more, cursor=second.cursor)


def _one_after(first: Piece | None, second: Piece | None) -> Piece | None:
    if isinstance(first, Rows | Listed) and isinstance(second, Rows | Listed):
        return Listed(raw=Raw(b""), parts=[*first.parts, *second.parts])
    if isinstance(first, Fields) and isinstance(second, Fields):
        inner = _one_after(first.parts.get("items"), second.parts.get("items"))
        if inner is not None:
            return msgspec.structs.replace(second, parts={**second.parts, "items": inner})
    return second


def rebuild(plan: ZepPlan, answer: ZepAnswer, response: WireResponse, disclosure: Disclosure) -> WireResponse:
    """The answer for the caller: where nothing is taken out, the same bytes and the `firewall` object."""
    if answer.piece is None and answer.events is None:
        return response
    cut = cut_of(answer.candidates, disclosure.admitted, disclosure.annotations, plan.source.now)
    if answer.events is not None:
        body = put_events(answer.events, cut, disclosure.firewall)
        headers = (*for_caller(response.headers)[:-1], ("Content-Type", "text/event-stream"))
        return WireResponse(status=response.status, headers=headers, body=body)
    assert answer.piece is not None
    put = answer.piece.put(cut)
    body = with_firewall(b"{}" if put is None else bytes(put), disclosure.firewall)
    return WireResponse(status=response.status, headers=for_caller(response.headers), body=body)
