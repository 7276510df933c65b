"""The rows of one answer as candidates: `rows.memory_row` for many rows at once, where they are like most rows are.

Nearly every row says nothing of its own life and holds no prose where an identifier belongs, and the rows of one answer
share owner and metadata: what they share is read once. Every other row goes to `memory_row`; a test holds the two
against each other.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from adapters.mem0.rows import BACKEND, NONE, RowSource, memory_row, owner_of, stamp_in
from firewall.core.model import Candidate
from firewall.core.wire.prose import CONTAINERS, is_prose, strings
from firewall.core.wire.said import KNOWN, NOTHING_SAID, Said, said_by, seconds_in

_Ids = tuple[str | None, ...]


_NULL = msgspec.Raw(b"null")


class _Usual(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A row that says nothing of its own life, nor who wrote it: the decoder tells it from others without a look of ours.

    What rows share is left as it stands, and looked into once.
    """

    id: str
    memory: str
    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None
    session_id: str | None = None
    metadata: msgspec.Raw = _NULL
    categories: msgspec.Raw = _NULL
    created_at: str | None = None
    updated_at: str | None = None
    structured_attributes: object = None
    synthesized: bool | None = None
    hash: str | None = None
    score: float | None = None
    score_breakdown: object = None
    immutable: bool | None = None
    expiration_date: None = None
    replaced_by: None = None
    lifecycle_state: None = None
    role: None = None
    actor_id: None = None
    attributed_to: None = None
    score_details: None = None


_decode_usual = msgspec.json.Decoder(_Usual).decode
_copy = msgspec.structs.replace


class _UsualPage(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    results: list[_Usual]
    count: object = None
    next: object = None
    previous: object = None


_decode_page = msgspec.json.Decoder(_UsualPage).decode
_decode_metadata = msgspec.json.Decoder(dict[str, object] | None).decode
_decode_categories = msgspec.json.Decoder(list[str] | None).decode


def memory_rows(raws: Sequence[msgspec.Raw], source: RowSource, body: bytes = b"") -> list[Candidate]:
    """The candidate of each memory. `body` is the page that they are the results of, where they are of one."""
    if source.vouched:
        candidates, names = _alike(raws, source, body)
        # All identifiers are looked at as one text: hardly ever does one of them say something to a reader.
        if not is_prose("".join(names)):
            return candidates
    return [memory_row(raw, source) for raw in raws]


def _alike(  # noqa: C901, PLR0912, PLR0915
    raws: Sequence[msgspec.Raw], source: RowSource, body: bytes
) -> tuple[list[Candidate], list[str]]:
    """The candidates, and the identifiers of the rows that were read here: it counts if none of those is prose.

    One loop, with no call in it that a row of the usual kind does not need.
    """
    upstream = source.upstream
    candidates: list[Candidate] = []
    names: list[str] = []
    owner: Mapping[str, str] = {}
    owners: dict[_Ids, Mapping[str, str]] = {}
    last_ids: _Ids = ()
    metadata, categories, stale = _NULL, _NULL, False
    fields: dict[str, object] = {}
    labels = NONE
    stamp, governed = "", b""
    said, attached = NOTHING_SAID, NONE
    like: Candidate | None = None  # what rows share, which is copied for each of them
    for raw, row in zip(raws, _usual(raws, body), strict=True):
        if row is None:
            candidates.append(memory_row(raw, source))
            continue
        created, updated = row.created_at, row.updated_at
        try:
            if row.metadata != metadata:
                own = _decode_metadata(row.metadata) or {}
                its_stamp = stamp_in(own)  # without it, metadata are alike again
                stale = stale or own != fields
                metadata, fields, (stamp, governed) = row.metadata, own, its_stamp
            if row.categories != categories:
                labels = tuple(_decode_categories(row.categories) or NONE)
                categories, stale = row.categories, True
            if stale:
                said, attached = _described(fields, labels, names)
                stale, like = False, None
            created_at = None if created is None else seconds_in(created)
            # A memory that was never changed has one date, which is read once.
            updated_at = (
                created_at if updated == created else None if updated is None else seconds_in(updated)
            )
        except (ValueError, RecursionError):
            candidates.append(memory_row(raw, source))
            continue
        if not said.plain:
            candidates.append(memory_row(raw, source))
            continue
        ids = (row.user_id, row.agent_id, row.app_id, row.run_id, row.session_id)
        if ids != last_ids:
            last_ids = ids
            if ids not in owners:
                owners[ids] = owner_of(row, source)
                names += filter(None, ids)
            owner = owners[ids]
            like = None
        names.append(row.id)
        if row.hash is not None:
            names.append(row.hash)
        if like is None:
            like = Candidate(
                id="",
                upstream=upstream,
                text="",
                backend=BACKEND,
                kind=said.kind,
                title=said.title,
                owner=owner,
                writer=said.writer,
                source_class=said.source_class,
                attached=attached,
            )
        candidate = _copy(like, id=row.id, text=row.memory, created_at=created_at, updated_at=updated_at)
        if stamp:
            candidate = _copy(candidate, stamp=stamp, governed=governed)
        if row.score_breakdown is not None or row.structured_attributes is not None:
            candidate = _copy(candidate, attached=(*attached, *_strings_beside(row, names)))
        candidates.append(candidate)
    return candidates, names


def _usual(raws: Sequence[msgspec.Raw], body: bytes) -> Iterable[_Usual | None]:
    """Each row, None where it is not of the usual kind. All in one call where all are: a call a row costs more."""
    try:
        rows = _decode_page(body or b'{"results":[%b]}' % b",".join(raws)).results
    except (ValueError, RecursionError):
        return map(_usual_or_none, raws)
    return rows if len(rows) == len(raws) else map(_usual_or_none, raws)


def _usual_or_none(raw: msgspec.Raw) -> _Usual | None:
    try:
        return _decode_usual(raw)
    except (ValueError, RecursionError):
        return None


def _described(
    metadata: Mapping[str, object], categories: tuple[str, ...], names: list[str]
) -> tuple[Said, tuple[str, ...]]:
    """What the metadata says, and every string of it and of the categories; its keys go to `names`."""
    if not metadata:
        return NOTHING_SAID, categories
    said = NOTHING_SAID if KNOWN.isdisjoint(metadata) else said_by(metadata)
    return said, (*_strings_in(metadata, names), *categories)


def _strings_beside(row: _Usual, names: list[str]) -> list[str]:
    """Those of what the upstream computed for the row: numbers, for the most part."""
    found: list[str] = []
    for value in (row.structured_attributes, row.score_breakdown):
        if type(value) is dict:
            found += _strings_in(value, names)
        elif value is not None:
            found += strings(value)
    return found


def _strings_in(fields: Mapping[str, object], names: list[str]) -> list[str]:
    """Every string of an object, which is hardly ever nested; its keys go to `names`."""
    names += fields
    found: list[str] = []
    for value in fields.values():
        if type(value) is str:
            found.append(value)
        elif type(value) in CONTAINERS:
            found += strings(value)
    return found
