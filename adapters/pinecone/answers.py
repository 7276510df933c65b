"""Reading an upstream answer: where the rows are, what candidates they are, whether there are more of them.

Rows keep their bytes. An answer that is not whole, not JSON or not of the documented shape is UpstreamError 502; nothing of
it is used.
"""

from collections.abc import Mapping, Sequence

import msgspec

from adapters.pinecone.bodies import RawObject
from adapters.pinecone.plans import PineconePlan, normal
from adapters.pinecone.reads import MAX_TOP_K, resized
from adapters.pinecone.routes import Shape
from adapters.pinecone.rows import LAYOUTS, Layout, Source, row_of
from firewall.core.model import Candidate
from firewall.core.wire.requests import encoded
from firewall.core.wire.splice import broken, items, members, object_of, tree
from firewall.ports import Answer, WireRequest, WireResponse

Raw = msgspec.Raw
#: The members that an answer is documented to have; any other goes on only where it holds no string.
_ENVELOPE = frozenset({"matches", "result", "vectors", "documents", "namespace", "usage", "pagination"})
_NO_USAGE = Raw(b'{"read_units":0}')
_TOKENS: Mapping[Shape, str] = {
    Shape.vector_map: "paginationToken",
    Shape.document_map: "pagination_token",
}


class PineconeAnswer(Answer, frozen=True, kw_only=True):
    """`rows` are the raw items, with `keys` where they stand in a map; `envelope` is what stands around them."""

    rows: list[Raw] = msgspec.field(default_factory=list)
    keys: list[str] = msgspec.field(default_factory=list)
    envelope: RawObject = msgspec.field(default_factory=dict)
    next_token: str = ""


def read(plan: PineconePlan, response: WireResponse, text_keys: Sequence[str]) -> PineconeAnswer:
    """The answer, parsed as the route's shape says; the shapes without memory text are read when they are rebuilt."""
    layout = LAYOUTS.get(plan.shape)
    if layout is None:
        return PineconeAnswer(candidates=[])
    envelope = {
        key: raw for key, raw in members(response.body).items() if key in _ENVELOPE or b'"' not in bytes(raw)
    }
    if plan.shape is Shape.hits:
        envelope.setdefault("usage", _NO_USAGE)  # its clients do not take an answer without
    source = Source(plan.upstream, _owner(envelope, plan), text_keys)
    keys, given = _rows(envelope, layout)
    both = [row_of(raw, plan.shape, source) for raw in given]
    candidates = [candidate for candidate, _ in both]
    token = _token(envelope)
    return PineconeAnswer(
        candidates=list(map(_named, candidates, keys)) if layout.mapped else candidates,
        rows=[raw for _, raw in both],
        keys=keys,
        envelope=envelope,
        next_token=token,
        more=bool(token) if plan.shape in _TOKENS else _has_more(plan, len(given)),
        held=len(envelope),
    )


def _has_more(plan: PineconePlan, count: int) -> bool:
    """Whether a larger read could bring more rows: this one was full, and nobody said that it would be too large."""
    asked = plan.asked
    return asked is not None and plan.request is not plan.fallback and asked <= count and asked < MAX_TOP_K


def _owner(envelope: RawObject, plan: PineconePlan) -> Mapping[str, str]:
    """That of every row: in the namespace that the answer states, where it states one."""
    raw = envelope.get("namespace")
    stated = None if raw is None else tree(raw)
    if stated is None:
        return plan.owner
    if not isinstance(stated, str):
        raise broken("the upstream's answer has a namespace that is no string")
    if normal(stated) == plan.owner["namespace"]:
        return plan.owner
    envelope["namespace"] = Raw(encoded(plan.namespace))  # of a foreign one not even the name goes on
    return {**plan.owner, "namespace": normal(stated)}


def _rows(envelope: RawObject, layout: Layout) -> tuple[list[str], list[Raw]]:
    """The rows, with their keys where they stand in a map. None at all is how some servers say that there are none."""
    where = envelope
    for step in layout.path[:-1]:
        if step not in where:
            raise broken(f"the upstream's answer has no {step}")
        where = members(where[step])
    raw = where.get(layout.path[-1])
    if raw is None or bytes(raw) == b"null":
        return [], []
    if not layout.mapped:
        return [], items(raw)
    mapped = members(raw)
    return list(mapped), list(mapped.values())


def _named(candidate: Candidate, key: str) -> Candidate:
    """A row goes by the key it stands under; where it calls itself otherwise, that is text like any other."""
    if candidate.id == key:
        return candidate
    return msgspec.structs.replace(candidate, id=key, attached=(*candidate.attached, key, candidate.id))


def _token(envelope: RawObject) -> str:
    """The token of the next page. A null instead of none makes older clients ask for ever: it is taken out."""
    raw = envelope.get("pagination")
    page = None if raw is None else tree(raw)
    token = page.get("next") if isinstance(page, dict) else None
    if isinstance(token, str) and token:
        return token
    envelope.pop("pagination", None)
    return ""


def more(plan: PineconePlan, answer: PineconeAnswer, wanted: int) -> WireRequest | None:
    """A larger ranked read, or the page after this one; None where there is no more."""
    if not answer.more:
        return None
    token = _TOKENS.get(plan.shape)
    if token is not None:
        body = {**plan.body, token: Raw(encoded(answer.next_token))} if plan.body else None
        return None if body is None else msgspec.structs.replace(plan.request, body=object_of(body))
    assert plan.asked is not None  # there is more of a ranked read only
    plan.asked = min(MAX_TOP_K, max(plan.asked * 2, wanted))
    return msgspec.structs.replace(plan.request, body=object_of(resized(plan.shape, plan.body, plan.asked)))


def joined(plan: PineconePlan, first: PineconeAnswer, second: PineconeAnswer) -> PineconeAnswer:
    """A larger ranked read replaces the first one; a further page follows it. What both cost is added up."""
    envelope = second.envelope
    if "usage" in first.envelope and "usage" in envelope:
        envelope = {**envelope, "usage": _summed(first.envelope["usage"], envelope["usage"])}
    if plan.shape not in _TOKENS:
        return msgspec.structs.replace(second, envelope=envelope)
    return msgspec.structs.replace(
        second,
        envelope=envelope,
        candidates=[*first.candidates, *second.candidates],
        rows=[*first.rows, *second.rows],
        keys=[*first.keys, *second.keys],
    )


def _summed(first: Raw, second: Raw) -> Raw:
    one, other = tree(first), tree(second)
    if not isinstance(one, dict) or not isinstance(other, dict):
        return second
    numbers = {key: value for key, value in one.items() if isinstance(value, int | float)}
    total = {
        key: value + numbers.get(key, 0) if isinstance(value, int | float) else value
        for key, value in other.items()
    }
    return Raw(encoded({**numbers, **total}))
