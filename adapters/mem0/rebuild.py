"""Putting the caller's answer together: the admitted rows as the same bytes, in the same order, and the `firewall` object.

What is withheld from a list is missing from it; a withheld object is a 403; the answer of a write keeps its ids without the
text, because the write has happened.
"""

from collections.abc import Mapping, Sequence
from itertools import compress

import msgspec

from adapters.mem0.answers import Envelope, Mem0Answer, Raw, query_part
from adapters.mem0.filters import ENTITY_KEYS
from adapters.mem0.plans import Mem0Plan
from adapters.mem0.routes import Shape
from firewall.core.wire.requests import encoded
from firewall.core.wire.splice import FIREWALL, JSON, broken, for_caller, object_of, with_firewall
from firewall.core.wire.splice import tree as tree_of
from firewall.ports import Disclosure, WireResponse

_row_decoder = msgspec.json.Decoder(Envelope)


def refusal(
    status: int, code: str, message: str, extra: Mapping[str, object], *, firewall: bytes | None = None
) -> WireResponse:
    """An error that Mem0's clients turn into their own exceptions, with everything in its `details`."""
    body: dict[str, object] = {"detail": message, "code": code, **extra}
    if firewall is not None:
        body[FIREWALL] = Raw(firewall)
    return WireResponse(status=status, headers=(JSON,), body=encoded(body))


def rebuild(
    plan: Mem0Plan, answer: Mem0Answer, response: WireResponse, disclosure: Disclosure
) -> WireResponse:
    """The answer for the caller. Always JSON, also where the upstream said nothing."""
    status = 200 if response.status == 204 else response.status
    body = answer.body
    match plan.shape:
        case Shape.rows | Shape.history | Shape.events:  # first: nearly every answer is one
            body = _listed(_admitted(plan, answer, disclosure), answer.envelope, plan, disclosure.firewall)
        case Shape.plain:
            if body.strip():
                return response
            body = b"{}"
        case Shape.row | Shape.whole:
            if not all(disclosure.admitted):
                return refusal(
                    403, "memory_withheld", "the memory was withheld", {}, firewall=disclosure.firewall
                )
            if plan.shape is Shape.row and answer.candidates:
                body = bytes(_emitted(Raw(body), answer.candidates[0].id, plan, disclosure))
            body = with_firewall(body, disclosure.firewall)
        case Shape.written:
            body = _written(answer, disclosure)
        case Shape.entities:
            rows = [row for row in answer.rows if _own(row, plan)]
            envelope = _counted(answer, len(rows)) if plan.pin else answer.envelope
            body = _listed(rows, envelope, plan, None)
    return WireResponse(status=status, headers=for_caller(response.headers), body=body)


def _admitted(plan: Mem0Plan, answer: Mem0Answer, disclosure: Disclosure) -> list[Raw]:
    if len(answer.rows) != len(disclosure.admitted):
        raise ValueError("a decision for each row is needed")
    rows = list(compress(answer.rows, disclosure.admitted))
    if not (plan.fields or disclosure.annotations) or plan.shape is not Shape.rows:
        return rows
    ids = [
        candidate.id for candidate, goes in zip(answer.candidates, disclosure.admitted, strict=True) if goes
    ]
    return [_emitted(row, name, plan, disclosure) for row, name in zip(rows, ids, strict=True)]


def _emitted(row: Raw, name: str, plan: Mem0Plan, disclosure: Disclosure) -> Raw:
    """The row as it is; with the caller's projection or our annotation, each value of it as it is."""
    notes = disclosure.annotations.get(name)
    if plan.fields is None and not notes:
        return row
    fields = _row_decoder.decode(row)
    if notes:
        kept = tree_of(fields["metadata"]) if "metadata" in fields else None
        fields["metadata"] = Raw(encoded({**(kept if isinstance(kept, dict) else {}), **notes}))
    if plan.fields is not None:
        fields = {key: value for key, value in fields.items() if key in plan.fields}
    return Raw(object_of(fields))


def _listed(rows: Sequence[Raw], envelope: Envelope | None, plan: Mem0Plan, firewall: bytes | None) -> bytes:
    if envelope is not None and len(envelope) == 1 and rows and firewall is not None:
        # As nearly every search answers: written once, it may be long.
        pieces = [b'{"results":[%b' % rows[0], *rows[1:]]
        pieces[-1] = b'%b],"firewall":%b}' % (pieces[-1], firewall)
        return b",".join(pieces)
    results = b"[%b]" % b",".join(rows)
    if envelope is None:
        return results
    fields: dict[str, Raw | bytes] = {**envelope}
    if rows or bytes(envelope["results"]) != b"null":
        fields["results"] = results
    for key in ("next", "previous"):
        if key in fields:
            fields[key] = _rebased(envelope[key], plan)
    fields.pop(FIREWALL, None)
    if firewall is not None:
        fields[FIREWALL] = firewall
    return object_of(fields)


def _rebased(link: Raw, plan: Mem0Plan) -> bytes:
    """A page's URL on our own address: of the upstream's only the query counts, the route is the one that was asked."""
    try:
        url = msgspec.json.decode(link, type=str | None)
    except (ValueError, RecursionError):
        raise broken("the upstream's answer has a page that is no URL") from None
    if url is None:
        return b"null"
    query = query_part(url)
    return encoded(plan.public_base.rstrip("/") + plan.match.path + (f"?{query}" if query else ""))


def _written(answer: Mem0Answer, disclosure: Disclosure) -> bytes:
    places = answer.candidate_of or []
    rows = [
        row if place < 0 or disclosure.admitted[place] else _without_text(row)
        for row, place in zip(answer.rows, places, strict=True)
    ]
    if answer.body:
        return with_firewall(bytes(rows[0]), disclosure.firewall)
    if not answer.rows and answer.envelope is None:
        return b"{}"
    if answer.envelope is None:
        return b"[" + b",".join(rows) + b"]"
    fields: dict[str, Raw | bytes] = {**answer.envelope, "results": b"[" + b",".join(rows) + b"]"}
    fields.pop(FIREWALL, None)
    if disclosure.firewall is not None:
        fields[FIREWALL] = disclosure.firewall
    return object_of(fields)


def _without_text(row: Raw) -> Raw:
    """What happened to which memory, without what it says."""
    fields = _row_decoder.decode(row)
    return Raw(object_of({key: fields[key] for key in ("id", "event") if key in fields}))


def _own(row: Raw, plan: Mem0Plan) -> bool:
    """Whether a pinned caller may see that entity."""
    tree = tree_of(row)
    if not isinstance(tree, dict):
        raise broken("a row of the upstream's answer is not an object")
    if not plan.pin:
        return True
    kind = tree.get("type")
    key = ENTITY_KEYS.get(kind) if isinstance(kind, str) else None
    return key is not None and plan.pin.get(key) is not None and _name(tree) == plan.pin[key]


def _name(tree: Mapping[str, object]) -> object:
    """The open-source server's entities have no name: their id is it."""
    return tree["name"] if "name" in tree else tree.get("id")


def _counted(answer: Mem0Answer, count: int) -> Envelope | None:
    """The envelope without the totals of everybody."""
    if answer.envelope is None:
        return None
    kept = {key: value for key, value in answer.envelope.items() if not key.startswith("total_")}
    return {**kept, "count": Raw(encoded(count))} if "count" in kept else kept
