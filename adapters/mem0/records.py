"""The other records that hold memory text, as candidates: changes of a memory, events, whole objects, echoes of writes."""

from collections.abc import Sequence

import msgspec

from adapters.mem0.owners import stated_owner
from adapters.mem0.rows import BACKEND, DATES, TEXTS, RowSource, careful, first
from firewall.core.model import Candidate
from firewall.core.wire.prose import strings
from firewall.core.wire.said import NOTHING_SAID, said_by
from firewall.core.wire.splice import broken
from firewall.core.wire.splice import tree as tree_of


def history_rows(raws: Sequence[msgspec.Raw], source: RowSource, _body: bytes = b"") -> list[Candidate]:
    return [history_row(raw, source) for raw in raws]


def event_rows(raws: Sequence[msgspec.Raw], source: RowSource, _body: bytes = b"") -> list[Candidate]:
    return [event_row(raw, source) for raw in raws]


def history_row(raw: bytes | msgspec.Raw, source: RowSource) -> Candidate:
    """One change of a memory: the new text or the old one, and every other string with it, the raw input too."""
    row = tree_of(raw)
    if not isinstance(row, dict):
        raise broken("a row of the upstream's answer is not an object")
    name = next((row[key] for key in ("memory_id", "id") if isinstance(row.get(key), str)), None)
    if name is None:
        raise broken("a row of the upstream's answer has no id")
    text = first(row.get("new_memory"), row.get("old_memory"))
    metadata = row.get("metadata")
    said = said_by(metadata) if isinstance(metadata, dict) else NOTHING_SAID
    rest = {key: value for key, value in row.items() if key not in {"id", "memory_id", *DATES}}
    return Candidate(
        id=name,
        upstream=source.upstream,
        backend=BACKEND,
        text=text,
        owner={**source.owner, **stated_owner(row)},
        claimed_at=said.claimed_at,
        claims=said.claims,
        writer=first(row.get("actor_id"), said.writer, row.get("role")),
        source_class=said.source_class,
        attached=tuple(part for part in strings(rest) if part != text),
    )


def object_row(tree: object, name: str, source: RowSource) -> Candidate:
    """A free-shaped object as one candidate: all of its strings are judged, and all of it goes on or nothing."""
    return Candidate(
        id=name,
        upstream=source.upstream,
        backend=BACKEND,
        text="\n".join(strings(tree)),
        owner={**source.owner, **stated_owner(tree)},
    )


def event_row(raw: bytes | msgspec.Raw, source: RowSource) -> Candidate:
    """One event of the platform, with its payload and results."""
    tree = tree_of(raw)
    if not isinstance(tree, dict):
        raise broken("a row of the upstream's answer is not an object")
    name = first(tree.get("id"), tree.get("event_id"))
    if not name:
        raise broken("a row of the upstream's answer has no id")
    candidate = object_row(tree, name, source)
    if source.scope.tree is None:
        return candidate
    return msgspec.structs.replace(candidate, owner=source.scope.marked(candidate.owner))


def written_row(raw: bytes | msgspec.Raw, source: RowSource) -> Candidate | None:
    """What a write says it stored; None where it says no text."""
    tree = tree_of(raw)
    if not isinstance(tree, dict):
        raise broken("a row of the upstream's answer is not an object")
    data = tree.get("data")
    flat = {**tree, **data} if isinstance(data, dict) else tree
    if not any(isinstance(flat.get(key), str) for key in TEXTS):
        return None
    if not isinstance(flat.get("id"), str):
        flat["id"] = ""  # the write has happened: an answer about it is not refused for its form
    return careful(flat, source)
