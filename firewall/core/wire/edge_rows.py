"""A fact exactly as it is documented, read in one go. Any other item goes the careful way of `graph_items`, with the same result."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from firewall.core.model import Candidate, Kind
from firewall.core.stamp import STAMP_KEY, governed_in, lifted
from firewall.core.wire.graph_items import MAX_REFS, ItemSource, ReadItem
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.said import NOTHING_SAID, said_by, seconds_of
from firewall.core.wire.temporal import NO_TIMES, Times, inspected

_NO_REFS: tuple[str, ...] = ()


class EdgeRow(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What Zep of both versions and Graphiti say of a fact."""

    uuid: str
    fact: str
    name: str | None = None
    created_at: datetime | None = None
    valid_at: datetime | None = None
    invalid_at: datetime | None = None
    expired_at: datetime | None = None
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


def edge_of(raw: msgspec.Raw, source: ItemSource) -> ReadItem | None:
    """The fact; None where it is not exactly as documented."""
    try:
        row = _decode(raw)
    except (ValueError, RecursionError):
        return None
    if not row.uuid:
        return None
    times = _times(row)
    stamp = lifted(row.attributes) if row.attributes and STAMP_KEY in row.attributes else ""
    said = said_by(row.attributes) if row.attributes else NOTHING_SAID
    claims = said.claims
    if times is not NO_TIMES and times.doubtful(source.now):
        claims = inspected(claims)
    owner = source.owner
    for key, kept in source.stating.items():
        name = getattr(row, key, None)
        if name:
            owner = {**owner, kept: name}
    refs = row.episodes if row.episodes is not None else row.episode_uuids
    candidate = Candidate(
        id=row.uuid,
        upstream=source.upstream,
        backend=source.backend,
        text=row.fact,
        kind=said.kind if said.kind is not Kind.unknown else Kind.fact,
        title=row.name or "",
        owner=owner,
        created_at=None if row.created_at is None else seconds_of(row.created_at),
        claimed_at=said.claimed_at,
        expires_at=times.expires_at,
        invalid_at=times.invalid_at,
        superseded_by=said.superseded_by,
        claims=claims,
        writer=said.writer,
        source_class=said.source_class,
        target_files=said.target_files,
        task_signature=said.task_signature,
        evidence_refs=said.evidence_refs + (tuple(refs[:MAX_REFS]) if refs else _NO_REFS),
        attached=_attached(row),
        stamp=stamp,
        governed=governed_in(row.attributes) if stamp and row.attributes else b"",
    )
    return ReadItem(candidate, times, row.source_node_uuid or "", row.name or "", row.target_node_uuid or "")


def _times(row: EdgeRow) -> Times:
    valid, invalid, expired = row.valid_at, row.invalid_at, row.expired_at
    if valid is None and invalid is None and expired is None:
        return NO_TIMES
    return Times(
        None if valid is None else seconds_of(valid),
        None if invalid is None else seconds_of(invalid),
        None if expired is None else seconds_of(expired),
    )


def _attached(row: EdgeRow) -> tuple[str, ...]:
    """Every other string of the row; identifiers only where they say something."""
    found = [] if row.name is None else [row.name]
    if row.attributes:
        found += strings(row.attributes)
    found += row.source_node_labels or ()
    found += row.target_node_labels or ()
    nodes = (row.source_node_uuid, row.target_node_uuid, row.source_node_name, row.target_node_name)
    owners = (row.uuid, row.scope, row.hyperedge_uuid, row.graph_uuid, row.user_uuid, row.group_id)
    names = [name for name in (*nodes, *owners, *(row.episodes or ()), *(row.episode_uuids or ())) if name]
    if is_prose("".join(names)):
        found += filter(is_prose, names)
    return tuple(found)
