"""One row of an answer as a candidate: fast where the row is as documented, careful where it is not.

A row without an id is no row: 502. A row with anything else unexpected is judged with every string of it attached. What is
admitted goes on as the same bytes, unless it lacks what clients cannot do without: a score, or values that are a list.
"""

from collections.abc import Mapping, Sequence

import msgspec

from adapters.pinecone.routes import Shape
from adapters.pinecone.texts import NOTHING, text_of
from firewall.core.model import Candidate
from firewall.core.stamp import STAMP_KEY, governed_in, lifted
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.said import KNOWN, NOTHING_SAID, moment, said_by
from firewall.core.wire.splice import broken, members, object_of, tree

BACKEND = "pinecone"

Raw = msgspec.Raw
_ENDS = ("expires_at", "expired_at", "expiration_date")
_INVALID = "invalid_at"
_ENDING = frozenset({*_ENDS, _INVALID})
_DAY = 86_400.0
_SHORT = 64
_DATE_CHARS = 10  # a date without a time


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer's rows stand, and what of a row is what. `inside` is empty where the fields stand beside the id.

    `needed` are members that clients fail without, `never_null` those that they fail on as null; each with what is put.
    """

    path: tuple[str, ...]
    id_key: str
    inside: str
    mapped: bool = False
    score: str = ""
    needed: Mapping[str, bytes] = {}
    never_null: Mapping[str, bytes] = {}


LAYOUTS: Mapping[Shape, Layout] = {
    Shape.matches: Layout(
        path=("matches",),
        id_key="id",
        inside="metadata",
        score="score",
        needed={"score": b"0.0"},
        never_null={"values": b"[]"},
    ),
    Shape.hits: Layout(
        path=("result", "hits"),
        id_key="_id",
        inside="fields",
        score="_score",
        needed={"_score": b"0.0", "fields": b"{}"},
    ),
    Shape.documents: Layout(
        path=("matches",), id_key="_id", inside="", score="_score", needed={"_score": b"0.0"}
    ),
    Shape.vector_map: Layout(
        path=("vectors",), id_key="id", inside="metadata", mapped=True, never_null={"values": b"[]"}
    ),
    Shape.document_map: Layout(path=("documents",), id_key="_id", inside="", mapped=True),
}


class Source(msgspec.Struct, frozen=True):
    """What all rows of one answer have in common."""

    upstream: str
    owner: Mapping[str, str]
    text_keys: Sequence[str]


class _Sparse(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    indices: list[int] | None = None
    values: list[float] | None = None


class _Vector(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A match or a fetched vector as documented."""

    id: str
    score: float | msgspec.UnsetType = msgspec.UNSET
    values: Raw = Raw(b"[]")
    sparse: _Sparse | None = msgspec.field(name="sparseValues", default=None)
    fields: dict[str, object] | None = msgspec.field(name="metadata", default=None)


class _Hit(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A hit of a records search as documented."""

    id: str = msgspec.field(name="_id")
    score: float = msgspec.field(name="_score")
    fields: dict[str, object]


_vectors = msgspec.json.Decoder(_Vector)
_hits = msgspec.json.Decoder(_Hit)


def row_of(raw: Raw, shape: Shape, source: Source) -> tuple[Candidate, Raw]:
    """The candidate of one row, and the row as clients can take it."""
    layout = LAYOUTS[shape]
    try:
        if shape is Shape.matches or shape is Shape.vector_map:
            row = _vectors.decode(raw)
            numbers = bytes(row.values)
            scored = row.score is not msgspec.UNSET or layout.mapped
            if scored and numbers[:1] == b"[" and b'"' not in numbers:
                return _candidate(row.id, row.fields, NOTHING, source), raw
        elif shape is Shape.hits:
            hit = _hits.decode(raw)
            return _candidate(hit.id, hit.fields, NOTHING, source), raw
    except (ValueError, RecursionError):
        pass  # not as documented, or no JSON at all: the careful way tells
    return _careful(raw, layout, source)


def _careful(raw: Raw, layout: Layout, source: Source) -> tuple[Candidate, Raw]:
    # Of numbers alone nothing can be read, and a row may hold thousands: lists of them are left as they are.
    row = {key: tree(value) for key, value in members(raw).items() if _may_speak(bytes(value))}
    name = row.get(layout.id_key)
    if not isinstance(name, str):
        raise broken("a row of the upstream's answer has no id")
    rest = {key: value for key, value in row.items() if key not in {layout.id_key, layout.score}}
    score = row.get(layout.score)
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
        raise broken("a row of the upstream's answer has a score that is no number")
    if not layout.inside:
        return _candidate(name, rest, NOTHING, source), _mended(raw, row, layout)
    fields = row.get(layout.inside)
    if isinstance(fields, dict):
        del rest[layout.inside]
    elif fields is not None and layout.inside in layout.needed:
        raise broken("a row of the upstream's answer has fields that are no object")
    return (
        _candidate(name, fields if isinstance(fields, dict) else None, strings(rest), source),
        _mended(raw, row, layout),
    )


def _may_speak(value: bytes) -> bool:
    return value[:1] not in (b"[", b"{") or b'"' in value or len(value) < _SHORT


def _mended(raw: Raw, row: Mapping[str, object], layout: Layout) -> Raw:
    """The row, with what clients fail without."""
    put = {key: value for key, value in layout.needed.items() if row.get(key) is None}
    put |= {key: value for key, value in layout.never_null.items() if key in row and row[key] is None}
    return Raw(object_of({**members(raw), **put})) if put else raw


def _candidate(
    name: str, fields: dict[str, object] | None, others: tuple[str, ...], source: Source
) -> Candidate:
    if is_prose(name):
        others = (*others, name)
    stamp = lifted(fields) if fields and STAMP_KEY in fields else ""
    if not fields:
        return Candidate(
            id=name, upstream=source.upstream, backend=BACKEND, text="", owner=source.owner, attached=others
        )
    text, attached = text_of(fields, source.text_keys)
    said = NOTHING_SAID if KNOWN.isdisjoint(fields) else said_by(fields)
    ends = not _ENDING.isdisjoint(fields)
    return Candidate(
        id=name,
        upstream=source.upstream,
        backend=BACKEND,
        text=text,
        kind=said.kind,
        title=said.title,
        owner=source.owner,
        claimed_at=said.claimed_at,
        expires_at=_first_end(fields) if ends else None,
        invalid_at=moment(fields.get(_INVALID)) if ends else None,
        superseded_by=said.superseded_by,
        claims=said.claims,
        writer=said.writer,
        source_class=said.source_class,
        target_files=said.target_files,
        task_signature=said.task_signature,
        evidence_refs=said.evidence_refs,
        attached=(*attached, *others),
        stamp=stamp,
        governed=governed_in(fields) if stamp else b"",
    )


def _first_end(fields: Mapping[str, object]) -> float | None:
    """The earliest end that the metadata states; a bare date ends with its day."""
    ends: list[float] = []
    for key in _ENDS:
        value = fields.get(key)
        at = moment(value)
        if at is not None:
            ends.append(at + _DAY if isinstance(value, str) and len(value) <= _DATE_CHARS else at)
    return min(ends, default=None)
