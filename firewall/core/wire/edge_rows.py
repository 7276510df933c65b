"""Facts exactly as they are documented, read in one go: a list of them at once, where what rows share is read once.

Any other item goes the careful way of `graph_items`, with the same result.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from firewall.core.model import NO_CLAIMS, Candidate, Kind
from firewall.core.stamp import STAMP_KEY, governed_in, lifted
from firewall.core.wire.graph_items import MAX_REFS, ItemSource, ReadItem, Sort, item_of
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.said import NOTHING_SAID, said_by, seconds_in
from firewall.core.wire.splice import tree
from firewall.core.wire.temporal import NO_TIMES, Edge, Times, inspected

_NONE: tuple[str, ...] = ()


class EdgeRow(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What Zep of both versions and Graphiti say of a fact."""

    uuid: str
    fact: str
    name: str | None = None
    created_at: str | None = None
    valid_at: str | None = None
    invalid_at: str | None = None
    expired_at: str | None = None
    source_node_uuid: str | None = None
    target_node_uuid: str | None = None
    source_node_name: str | None = None
    target_node_name: str | None = None
    source_node_labels: list[str] | None = None
    target_node_labels: list[str] | None = None
    episodes: list[str] | None = None
    episode_uuids: list[str] | None = None
    attributes: dict[str, object] | None = None
    score: float | None = None
    relevance: float | None = None
    selection_rank: int | None = None
    scope: str | None = None
    hyperedge_uuid: str | None = None
    graph_uuid: str | None = None
    user_uuid: str | None = None
    group_id: str | None = None


_decode: Callable[[bytes | msgspec.Raw], EdgeRow] = msgspec.json.Decoder(EdgeRow).decode
_decode_list: Callable[[bytes | msgspec.Raw], list[EdgeRow]] = msgspec.json.Decoder(list[EdgeRow]).decode
_copy = msgspec.structs.replace


def edge_of(raw: msgspec.Raw, source: ItemSource) -> ReadItem | None:
    """The fact; None where it is not exactly as documented."""
    try:
        return _read(_decode(raw), source)
    except (ValueError, RecursionError):
        return None


def edges_of(
    raws: Sequence[msgspec.Raw], listed: msgspec.Raw, place: str, source: ItemSource, first: int
) -> tuple[list[Candidate], list[Edge]]:
    """The candidate of each fact of a list, and what links it to others; the first of them has the place `first` among the
    candidates. `listed` is the list, `place` its name. UpstreamError 502 for an item that is no object."""
    rows = _rows(raws, listed)
    candidates, edges, names = _alike(raws, rows, place, source, first)
    # All identifiers are looked at as one text: hardly ever does one of them say something to a reader.
    if is_prose("".join(filter(None, names))):
        read = [_alone(raw, place, number, source) for number, raw in enumerate(raws)]
        return [each.candidate for each in read], [each.edge(at) for at, each in enumerate(read, first)]
    return candidates, edges


# One loop, with no call in it that a fact of the usual kind does not need.
def _alike(
    raws: Sequence[msgspec.Raw], rows: Sequence[EdgeRow | None], place: str, source: ItemSource, first: int
) -> tuple[list[Candidate], list[Edge], list[str | None]]:
    """The candidates, what links them, and the identifiers of the rows that were read here: it counts if none of those is
    prose."""
    candidates: list[Candidate] = []
    edges: list[Edge] = []
    names: list[str | None] = []
    times = NO_TIMES
    shared: object = None
    like = plain = Candidate(
        id="", upstream=source.upstream, backend=source.backend, text="", kind=Kind.fact, owner=source.owner
    )
    for number, row in enumerate(rows):
        if row is None or row.attributes:
            read = _alone(raws[number], place, number, source)
            candidates.append(read.candidate)
            edges.append(read.edge(first + number))
            continue
        dates = (row.valid_at, row.invalid_at, row.expired_at)
        its_own = (
            dates,
            row.name,
            row.episodes,
            row.episode_uuids,
            row.user_uuid,
            row.graph_uuid,
            row.group_id,
            row.source_node_labels,
            row.target_node_labels,
        )
        try:
            created_at = None if row.created_at is None else seconds_in(row.created_at)
            if its_own != shared:
                times = _times(row)
                like = _copy(
                    plain,
                    title=row.name or "",
                    owner=_owner(row, source),
                    expires_at=times.expires_at,
                    invalid_at=times.invalid_at,
                    claims=inspected(NO_CLAIMS) if times.doubtful(source.now) else NO_CLAIMS,
                    evidence_refs=_refs(row),
                    attached=_said_beside(row, _NONE),
                )
                names += (row.user_uuid, row.graph_uuid, row.group_id, *_episodes(row))
                shared = its_own
        except ValueError:
            read = _alone(raws[number], place, number, source)
            candidates.append(read.candidate)
            edges.append(read.edge(first + number))
            continue
        from_node, to_node = row.source_node_uuid, row.target_node_uuid
        names += (row.uuid, from_node, to_node, row.scope, row.hyperedge_uuid)
        candidate = _copy(like, id=row.uuid, text=row.fact, created_at=created_at)
        if row.source_node_name or row.target_node_name:
            called = filter(is_prose, filter(None, (row.source_node_name, row.target_node_name)))
            candidate = _copy(candidate, attached=(*like.attached, *called))
        candidates.append(candidate)
        edges.append(Edge(first + number, from_node or "", like.title, to_node or "", times))
    return candidates, edges, names


def _rows(raws: Sequence[msgspec.Raw], listed: msgspec.Raw) -> Sequence[EdgeRow | None]:
    """Each row, None where it is not as documented. All in one call where all are: a call a row costs more."""
    try:
        rows: Sequence[EdgeRow | None] = _decode_list(listed)
    except (ValueError, RecursionError):
        rows = [*map(_row_or_none, raws)]
    return [row if row is not None and row.uuid else None for row in rows]


def _row_or_none(raw: msgspec.Raw) -> EdgeRow | None:
    try:
        return _decode(raw)
    except (ValueError, RecursionError):
        return None


def _alone(raw: msgspec.Raw, place: str, number: int, source: ItemSource) -> ReadItem:
    """One fact of a list, read from its bytes; the careful way where it is not as documented."""
    read = edge_of(raw, source)
    if read is not None:
        return read
    return item_of(tree(raw), Sort.edge, f"{place}/{number}" if place else str(number), source)


def _read(row: EdgeRow, source: ItemSource) -> ReadItem | None:
    """The fact, whatever its attributes say; None without an id. ValueError for a date that is none."""
    if not row.uuid:
        return None
    created_at = None if row.created_at is None else seconds_in(row.created_at)
    times = _times(row)
    stamp = lifted(row.attributes) if row.attributes and STAMP_KEY in row.attributes else ""
    said = said_by(row.attributes) if row.attributes else NOTHING_SAID
    claims = said.claims
    if times is not NO_TIMES and times.doubtful(source.now):
        claims = inspected(claims)
    nodes = (row.source_node_uuid, row.target_node_uuid, row.source_node_name, row.target_node_name)
    owners = (row.uuid, row.scope, row.hyperedge_uuid, row.graph_uuid, row.user_uuid, row.group_id)
    names = [name for name in (*nodes, *owners, *_episodes(row)) if name]
    candidate = Candidate(
        id=row.uuid,
        upstream=source.upstream,
        backend=source.backend,
        text=row.fact,
        kind=said.kind if said.kind is not Kind.unknown else Kind.fact,
        title=row.name or "",
        owner=_owner(row, source),
        created_at=created_at,
        claimed_at=said.claimed_at,
        expires_at=times.expires_at,
        invalid_at=times.invalid_at,
        superseded_by=said.superseded_by,
        claims=claims,
        writer=said.writer,
        source_class=said.source_class,
        target_files=said.target_files,
        task_signature=said.task_signature,
        evidence_refs=said.evidence_refs + _refs(row),
        attached=_said_beside(row, filter(is_prose, names) if is_prose("".join(names)) else _NONE),
        stamp=stamp,
        governed=governed_in(row.attributes) if stamp and row.attributes else b"",
    )
    return ReadItem(candidate, times, row.source_node_uuid or "", row.name or "", row.target_node_uuid or "")


def _times(row: EdgeRow) -> Times:
    valid, invalid, expired = row.valid_at, row.invalid_at, row.expired_at
    if valid is None and invalid is None and expired is None:
        return NO_TIMES
    return Times(
        None if valid is None else seconds_in(valid),
        None if invalid is None else seconds_in(invalid),
        None if expired is None else seconds_in(expired),
    )


def _owner(row: EdgeRow, source: ItemSource) -> Mapping[str, str]:
    owner = source.owner
    for key, kept in source.stating.items():
        name = getattr(row, key, None)
        if name:
            owner = {**owner, kept: name}
    return owner


def _refs(row: EdgeRow) -> tuple[str, ...]:
    refs = row.episodes if row.episodes is not None else row.episode_uuids
    return tuple(refs[:MAX_REFS]) if refs else _NONE


def _episodes(row: EdgeRow) -> Sequence[str]:
    return (*(row.episodes or ()), *(row.episode_uuids or ()))


def _said_beside(row: EdgeRow, names: Iterable[str]) -> tuple[str, ...]:
    """Every other string of the row; identifiers only where they say something."""
    found = [] if row.name is None else [row.name]
    if row.attributes:
        found += strings(row.attributes)
    found += row.source_node_labels or ()
    found += row.target_node_labels or ()
    return (*found, *names)
