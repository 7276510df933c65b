"""Reading an upstream answer: where the rows are, what candidates they are, whether there are more of them.

Rows keep their bytes. An answer that is not whole, not JSON or not of the documented shape is UpstreamError 502; nothing of
it is used.
"""

from collections.abc import Callable, Sequence

import msgspec

from adapters.mem0.listed import memory_rows
from adapters.mem0.plans import Mem0Plan
from adapters.mem0.records import event_rows, history_rows, object_row, written_row
from adapters.mem0.routes import Shape
from adapters.mem0.rows import RowSource, memory_row
from firewall.core.model import Candidate
from firewall.core.wire.requests import encoded, json_object, query_of
from firewall.core.wire.splice import broken
from firewall.core.wire.splice import tree as tree_of
from firewall.errors import CallerError
from firewall.ports import Answer, WireRequest, WireResponse

MAX_TOP_K = 1_000

Raw = msgspec.Raw
Envelope = dict[str, Raw]


class Page(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The usual envelopes, read in one go; any other goes through a dict."""

    results: list[Raw]
    count: int | msgspec.UnsetType = msgspec.UNSET
    next: str | msgspec.UnsetType | None = msgspec.UNSET
    previous: str | msgspec.UnsetType | None = msgspec.UNSET


class Mem0Answer(Answer, frozen=True, kw_only=True):
    """`rows` are the raw items, `envelope` what stands around them (None: a bare list), `next_url` the page after this one.

    `candidate_of[i]` is the place of row i's candidate, -1 where the row holds no memory text.
    """

    rows: list[Raw]
    candidate_of: list[int] | None = None
    envelope: Envelope | None = None
    body: bytes = b""
    next_url: str | None = None


_page_decoder = msgspec.json.Decoder(Page)
_envelope_decoder = msgspec.json.Decoder(Envelope)
_list_decoder = msgspec.json.Decoder(list[Raw])


def read(plan: Mem0Plan, response: WireResponse) -> Mem0Answer:
    """The answer, parsed as the route's shape says."""
    match plan.shape:
        case Shape.rows:  # first: nearly every answer is one
            return _list(plan, response.body, memory_rows)
        case Shape.plain:
            return Mem0Answer(candidates=[], rows=[], body=response.body)
        case Shape.row | Shape.whole:
            return _object(plan, response.body)
        case Shape.written:
            return _written(plan, response.body)
        case Shape.entities:
            rows, envelope, next_url = _rows(response.body)
            return Mem0Answer(candidates=[], rows=rows, envelope=envelope, next_url=next_url)
        case Shape.history:
            return _list(plan, response.body, history_rows)
        case Shape.events:
            return _list(plan, response.body, event_rows)


def _list(
    plan: Mem0Plan, body: bytes, reader: Callable[[Sequence[Raw], RowSource, bytes], list[Candidate]]
) -> Mem0Answer:
    rows, envelope, next_url = _rows(body)
    return Mem0Answer(
        candidates=reader(rows, source_of(plan), b"" if envelope is None else body),
        rows=rows,
        envelope=envelope,
        next_url=next_url,
        more=next_url is not None if plan.top_k is None else plan.top_k <= len(rows) < MAX_TOP_K,
        held=len(envelope or ()),
    )


def source_of(plan: Mem0Plan) -> RowSource:
    return RowSource(plan.upstream, plan.vouched, plan.scope, plan.owner)


def _rows(body: bytes) -> tuple[list[Raw], Envelope | None, str | None]:
    """Rows, envelope and next URL of a list answer, whether it is bare or not."""
    try:
        if body.lstrip()[:1] == b"[":
            return _list_decoder.decode(body), None, None
        try:
            page = _page_decoder.decode(body)
        except msgspec.ValidationError:
            return _odd_envelope(_envelope_decoder.decode(body))
    except (ValueError, RecursionError):
        raise broken("the upstream's answer is not a list of memories") from None
    envelope: Envelope = {}
    if page.count is not msgspec.UNSET:
        envelope["count"] = Raw(encoded(page.count))
    if page.next is not msgspec.UNSET:
        envelope["next"] = Raw(encoded(page.next))
    if page.previous is not msgspec.UNSET:
        envelope["previous"] = Raw(encoded(page.previous))
    envelope["results"] = Raw()
    return page.results, envelope, page.next or None


def _odd_envelope(envelope: Envelope) -> tuple[list[Raw], Envelope, str | None]:
    results = envelope.get("results")
    if results is None:
        raise broken("the upstream's answer has no results")
    rows = _list_decoder.decode(results) if bytes(results) != b"null" else []
    link = envelope.get("next")
    next_url = msgspec.json.decode(link, type=str | None) if link is not None else None
    return rows, envelope, next_url or None


def _object(plan: Mem0Plan, body: bytes) -> Mem0Answer:
    tree = tree_of(body)
    if plan.shape is Shape.whole:
        return Mem0Answer(candidates=[object_row(tree, plan.item_id, source_of(plan))], rows=[], body=body)
    if tree is None and plan.bare:  # how the open-source server says that it knows no such id
        return Mem0Answer(candidates=[], rows=[], body=body)
    return Mem0Answer(candidates=[memory_row(body, source_of(plan))], rows=[], body=body)


def _written(plan: Mem0Plan, body: bytes) -> Mem0Answer:
    """The answer of a write: rows, one row, or just a message. A body that is empty says nothing."""
    if not body.strip():
        return Mem0Answer(candidates=[], rows=[], body=body)
    tree = tree_of(body)
    if isinstance(tree, list) or (isinstance(tree, dict) and isinstance(tree.get("results"), list)):
        rows, envelope, _ = _rows(body)
    elif isinstance(tree, dict):
        rows, envelope = [Raw(body)], None
    else:
        raise broken("the upstream's answer to a write is not an object")
    candidates: list[Candidate] = []
    candidate_of: list[int] = []
    for row in rows:
        candidate = written_row(row, source_of(plan))
        candidate_of.append(-1 if candidate is None else len(candidates))
        if candidate is not None:
            candidates.append(candidate)
    whole = b"" if isinstance(tree, list) or envelope is not None else body
    return Mem0Answer(
        candidates=candidates, rows=rows, candidate_of=candidate_of, envelope=envelope, body=whole
    )


def more(plan: Mem0Plan, answer: Mem0Answer, wanted: int) -> WireRequest | None:
    """A larger ranked read, or the page after this one; None where there is no more."""
    request = plan.request
    if not answer.more:
        return None
    if plan.top_k is not None:
        body = json_object(request.body)
        plan.top_k = min(MAX_TOP_K, max(plan.top_k * 2, wanted))
        for key in ("top_k", "limit"):
            if key in body:
                body[key] = plan.top_k
        return msgspec.structs.replace(request, body=encoded(body))
    if answer.next_url is None:
        return None
    query = query_of(request.query)
    kept = {key: value for key, value in _parameters(answer.next_url) if key in _PAGING}
    turned = query.without(*kept).plus(kept)
    if sorted(turned.pairs) == sorted(query.pairs):  # no page of its own: it would never end
        return None
    return msgspec.structs.replace(request, query=turned.raw)


def _parameters(url: str) -> tuple[tuple[str, str], ...]:
    """The parameters of a page's URL; one that cannot be read leads nowhere."""
    try:
        return query_of(query_part(url)).pairs
    except CallerError:
        return ()


_PAGING = frozenset({"page", "page_size", "cursor", "offset", "limit"})


def query_part(url: str) -> str:
    """The query of a URL; host, path and fragment of it are not ours to follow."""
    return url.partition("#")[0].partition("?")[2]


def joined(plan: Mem0Plan, first: Mem0Answer, second: Mem0Answer) -> Mem0Answer:
    """A larger ranked read replaces the first one; a further page follows it."""
    if plan.top_k is not None:
        return second
    return Mem0Answer(
        candidates=[*first.candidates, *second.candidates],
        rows=[*first.rows, *second.rows],
        envelope=second.envelope if first.envelope is not None else None,
        next_url=second.next_url,
        more=second.more,
    )
