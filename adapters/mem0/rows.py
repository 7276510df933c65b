"""One row of an answer as a candidate: read where the row is as documented, careful where it is not.

A row without an id or a text is no row: 502. A row with anything else unexpected is still judged, with every string of it
attached, and has to be inspected. Rows are never changed: what is admitted goes on as the same bytes.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import msgspec

from adapters.mem0.scope import APP_KEY, UNCHECKED, Scope
from firewall.core.model import Candidate, Claims, EvidenceRequirement
from firewall.core.stamp import STAMP_KEY, governed_in, lifted
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.said import NOTHING_SAID, label_of, moment, said_by, seconds_of, worse
from firewall.core.wire.splice import broken
from firewall.core.wire.splice import tree as tree_of

BACKEND = "mem0"

TEXTS = ("memory", "text", "data")
_IDS = ("user_id", "agent_id", "app_id", "run_id", "session_id")
DATES = ("created_at", "updated_at")
NONE: tuple[str, ...] = ()
_END_OF_DAY = timedelta(days=1)


class Row(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A memory exactly as documented. Anything else goes the careful way."""

    id: str
    memory: str
    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None
    session_id: str | None = None
    metadata: dict[str, object] | None = None
    categories: list[str] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expiration_date: str | None = None
    structured_attributes: object = None
    replaced_by: str | None = None
    synthesized: bool | None = None
    lifecycle_state: str | None = None
    hash: str | None = None
    score: float | None = None
    score_breakdown: object = None
    score_details: object = None
    role: str | None = None
    actor_id: str | None = None
    attributed_to: str | None = None
    immutable: bool | None = None


class RowSource(msgspec.Struct, frozen=True):
    """What all rows of one answer have in common. `owner` counts where a row states none itself."""

    upstream: str
    vouched: bool = True
    scope: Scope = UNCHECKED
    owner: Mapping[str, str] = {}


decode_row: Callable[[bytes | msgspec.Raw], Row] = msgspec.json.Decoder(Row).decode


def memory_row(raw: bytes | msgspec.Raw, source: RowSource) -> Candidate:
    """The candidate of one memory."""
    try:
        row = decode_row(raw)
    except (ValueError, RecursionError):
        return careful(tree_of(raw), source)
    expires_at = end_of(row.expiration_date)
    if expires_at is None and row.expiration_date is not None:
        return careful(tree_of(raw), source)
    stamp, governed = ("", b"") if row.metadata is None else stamp_in(row.metadata)
    said = NOTHING_SAID if row.metadata is None else said_by(row.metadata)
    claims = said.claims
    if row.lifecycle_state is not None:
        claims = _labelled(claims, row.lifecycle_state)
    created_at, updated_at, claimed_at = _times(
        None if row.created_at is None else seconds_of(row.created_at),
        None if row.updated_at is None else seconds_of(row.updated_at),
        said.claimed_at,
        source,
    )
    return Candidate(
        id=row.id,
        upstream=source.upstream,
        backend=BACKEND,
        text=row.memory,
        kind=said.kind,
        title=said.title,
        owner=owner_of(row, source, row.metadata),
        created_at=created_at,
        updated_at=updated_at,
        claimed_at=claimed_at,
        expires_at=expires_at,
        superseded_by=row.replaced_by or said.superseded_by,
        claims=claims,
        writer=row.actor_id or said.writer or row.attributed_to or row.role or "",
        source_class=said.source_class,
        target_files=said.target_files,
        task_signature=said.task_signature,
        evidence_refs=said.evidence_refs,
        attached=_attached(row),
        stamp=stamp,
        governed=governed,
    )


def stamp_in(metadata: dict[str, object]) -> tuple[str, bytes]:
    """The stamp, taken out of the metadata, and what of the rest it may bind."""
    stamp = lifted(metadata) if STAMP_KEY in metadata else ""
    return (stamp, governed_in(metadata)) if stamp else ("", b"")


def _times(
    created: float | None, updated: float | None, claimed: float | None, source: RowSource
) -> tuple[float | None, float | None, float | None]:
    """Created and updated as the upstream vouches for them, and what is only claimed.

    In a self-hosted Mem0 whoever writes metadata can write the row's own dates, and the row does not show it.
    """
    if source.vouched:
        return created, updated, claimed
    latest = max(filter(None, (created, updated)), default=None)
    return None, None, min(filter(None, (latest, claimed)), default=None)


class Owned(Protocol):
    """What of a row says whose it is."""

    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    session_id: str | None


def owner_of(
    row: Owned, source: RowSource, metadata: Mapping[str, object] | None = None
) -> Mapping[str, str]:
    """Whose memory the upstream says that it is, with what the request's filter says of that."""
    owner = dict(source.owner) if source.owner else {}
    if row.user_id is not None:
        owner["user_id"] = row.user_id
    if row.agent_id is not None:
        owner["agent_id"] = row.agent_id
    if row.app_id is not None:
        owner["app_id"] = row.app_id
    elif not source.vouched and metadata is not None:
        kept = metadata.get(APP_KEY)
        if isinstance(kept, str):
            owner["app_id"] = kept
    if row.run_id is not None:
        owner["run_id"] = row.run_id
    elif row.session_id is not None:
        owner["run_id"] = row.session_id
    return owner if source.scope.tree is None else source.scope.marked(owner)


def _attached(row: Row) -> tuple[str, ...]:
    """Every other string of the row. Identifiers and keys count as strings where they say something to a reader."""
    scored = strings((row.structured_attributes, row.score_breakdown, row.score_details))
    return (*strings(row.metadata), *(row.categories or ()), *scored, *_spoken(row))


def _spoken(row: Row) -> tuple[str, ...]:
    """The identifiers of a row, where any of them is prose."""
    owners = (row.user_id, row.agent_id, row.app_id, row.run_id, row.session_id)
    others = (row.replaced_by, row.lifecycle_state, row.hash, row.role, row.actor_id, row.attributed_to)
    names = tuple(filter(None, (row.id, *owners, *others)))
    return names if is_prose("".join(names)) else NONE


def _labelled(claims: Claims, state: object) -> Claims:
    return msgspec.structs.replace(claims, lifecycle=worse(claims.lifecycle, label_of((state,))))


def careful(row: object, source: RowSource) -> Candidate:
    """A row that is not exactly as documented: nothing of it is guessed, all of it is looked at."""
    if not isinstance(row, dict):
        raise broken("a row of the upstream's answer is not an object")
    text_key = next((key for key in TEXTS if isinstance(row.get(key), str)), None)
    if not isinstance(row.get("id"), str) or text_key is None:
        raise broken("a row of the upstream's answer has no id or no text")
    metadata = row.get("metadata")
    odd = metadata is not None and not isinstance(metadata, dict)
    stamp, governed = stamp_in(metadata) if isinstance(metadata, dict) else ("", b"")
    said = said_by(metadata) if isinstance(metadata, dict) else NOTHING_SAID
    owner = dict(source.owner)
    for key in _IDS:
        value = row.get(key)
        name = "run_id" if key == "session_id" else key
        if isinstance(value, str):
            if key != "session_id" or name not in owner or row.get(name) is None:
                owner[name] = value
        elif value is not None:
            odd = True
            owner.pop(name, None)
    times = {}
    for key in DATES:
        value = row.get(key)
        times[key] = moment(value) if isinstance(value, str) else None
        odd = odd or (value is not None and times[key] is None)
    expires_at = end_of(row.get("expiration_date"))
    odd = odd or (row.get("expiration_date") is not None and expires_at is None)
    successor = row.get("replaced_by")
    odd = odd or not isinstance(successor, str | None)
    claims = _labelled(said.claims, row["lifecycle_state"]) if row.get("lifecycle_state") else said.claims
    created_at, updated_at, claimed_at = _times(
        times["created_at"], times["updated_at"], said.claimed_at, source
    )
    rest = {key: value for key, value in row.items() if key not in {"metadata", text_key, *DATES}}
    return Candidate(
        id=row["id"],
        upstream=source.upstream,
        backend=BACKEND,
        text=row[text_key],
        kind=said.kind,
        title=said.title,
        owner=source.scope.marked(owner),
        created_at=created_at,
        updated_at=updated_at,
        claimed_at=claimed_at,
        expires_at=expires_at,
        superseded_by=(successor if isinstance(successor, str) else None) or said.superseded_by,
        claims=_inspected(claims) if odd else claims,
        writer=first(row.get("actor_id"), said.writer, row.get("attributed_to"), row.get("role")),
        source_class=said.source_class,
        target_files=said.target_files,
        task_signature=said.task_signature,
        evidence_refs=said.evidence_refs,
        attached=(*strings(metadata), *strings(rest)),
        stamp=stamp,
        governed=governed,
    )


def _inspected(claims: Claims) -> Claims:
    if claims.evidence not in (None, EvidenceRequirement.none):
        return claims
    return msgspec.structs.replace(claims, evidence=EvidenceRequirement.inspect_before_use)


def first(*values: object) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")


def end_of(value: object) -> float | None:
    """When an expiration date is over: the end of that day in UTC, or the moment itself; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return moment(value)
    try:
        return (datetime(day.year, day.month, day.day, tzinfo=UTC) + _END_OF_DAY).timestamp()
    except OverflowError:  # the last day of the calendar has no end
        return None
