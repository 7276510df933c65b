"""The items of a temporal graph as candidates: facts, entities, episodes, messages, and what else holds text.

An item that lacks a member is still judged: every string of it that says something to a reader goes with it. An item that is
no object is no item: 502.
"""

import enum
from collections.abc import Mapping

import msgspec

from firewall.core.model import NO_CLAIMS, Candidate, Claims, Kind
from firewall.core.stamp import STAMP_KEY, governed_in, lifted
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.said import NOTHING_SAID, moment, said_by
from firewall.core.wire.splice import broken
from firewall.core.wire.temporal import NO_TIMES, Edge, Times, inspected, times_of

MAX_REFS = 64
_CREATED = frozenset({"created_at", "reference_time"})
_REFS = ("episodes", "episode_uuids", "episode_ids")
_ENDS = frozenset({"valid_at", "invalid_at", "expired_at"})
_DATED = _CREATED | _ENDS
_SAYING = ("metadata", "attributes", "episode_metadata")


class Sort(enum.Enum):
    """What sort of item it is: where its text stands, and what kind of memory that is."""

    __hash__ = object.__hash__

    edge = enum.auto()
    node = enum.auto()
    episode = enum.auto()
    message = enum.auto()
    derived = enum.auto()
    loose = enum.auto()


class _Reading(msgspec.Struct, frozen=True):
    texts: tuple[str, ...]
    kind: Kind
    temporal: bool = False
    titled: bool = True


_READINGS: Mapping[Sort, _Reading] = {
    Sort.edge: _Reading(("fact",), Kind.fact, temporal=True),
    Sort.node: _Reading(("summary",), Kind.unknown),
    # A message or an episode tells what was said at its time: two of them never contradict each other.
    Sort.episode: _Reading(("content", "data"), Kind.event, titled=False),
    Sort.message: _Reading(("content",), Kind.event, titled=False),
    Sort.derived: _Reading(("summary", "content", "fact"), Kind.unknown),
    Sort.loose: _Reading((), Kind.unknown, titled=False),
}


class ItemSource(msgspec.Struct, frozen=True, kw_only=True):
    """What all items of one answer have in common.

    `owner` counts where an item states none; `stating` says which member of an item states which owner key.
    """

    upstream: str
    backend: str
    now: float
    owner: Mapping[str, str] = {}
    stating: Mapping[str, str] = {}


class ReadItem(msgspec.Struct, frozen=True):
    candidate: Candidate
    times: Times = NO_TIMES
    source: str = ""
    name: str = ""
    target: str = ""

    def edge(self, index: int) -> Edge:
        return Edge(index, self.source, self.name, self.target, self.times)


def item_of(value: object, sort: Sort, place: str, source: ItemSource) -> ReadItem:
    """One item as a candidate; `place` is its name where it states no id."""
    if not isinstance(value, dict):
        raise broken("an item of the upstream's answer is not an object")
    reading = _READINGS[sort]
    text_key = next((key for key in reading.texts if isinstance(value.get(key), str)), None)
    stamp, governed = _stamp(value)
    saying = _saying(value)
    said = said_by(saying) if saying else NOTHING_SAID
    claims = said.claims
    created_at, unread = _created(value)
    times = NO_TIMES
    dates = _CREATED
    if reading.temporal:
        times = times_of(value)
        unread += times.unread
        dates = _DATED
    if unread or (times is not NO_TIMES and times.doubtful(source.now)):
        claims = inspected(claims)
    attached = (*unread, *_attached(value, text_key, dates))
    if text_key is not None:
        text = value[text_key]
    else:
        text, attached = "\n".join(attached), ()
    name = _word(value.get("name"))
    candidate = Candidate(
        id=_word(value.get("uuid")) or _word(value.get("message_uuid")) or _word(value.get("id")) or place,
        upstream=source.upstream,
        backend=source.backend,
        text=text,
        kind=said.kind if said.kind is not Kind.unknown else reading.kind,
        title=name if reading.titled else said.title,
        owner=stated(value, source),
        created_at=created_at,
        claimed_at=said.claimed_at,
        expires_at=times.expires_at,
        invalid_at=times.invalid_at,
        superseded_by=said.superseded_by,
        claims=claims,
        writer=said.writer or _word(value.get("role_type")) or _word(value.get("role")),
        source_class=said.source_class or _word(value.get("source_description")),
        target_files=said.target_files,
        task_signature=said.task_signature,
        evidence_refs=said.evidence_refs + _refs(value),
        attached=attached,
        stamp=stamp,
        governed=governed,
    )
    if not reading.temporal:
        return ReadItem(candidate)
    source_node, target_node = value.get("source_node_uuid"), value.get("target_node_uuid")
    return ReadItem(candidate, times, _word(source_node), name, _word(target_node))


def prose_of(text: str, name: str, source: ItemSource, *, claims: Claims = NO_CLAIMS) -> Candidate:
    """Plain text as a candidate of its own."""
    return Candidate(
        id=name,
        upstream=source.upstream,
        backend=source.backend,
        text=text,
        owner=source.owner,
        claims=claims,
    )


def stated(value: Mapping[str, object], source: ItemSource) -> Mapping[str, str]:
    """Whose the item is, as the upstream states it; a name that is no text makes it nobody's."""
    if source.stating.keys().isdisjoint(value):
        return source.owner
    owner = dict(source.owner)
    for key, kept in source.stating.items():
        name = value.get(key)
        if isinstance(name, str) and name:
            owner[kept] = name
        elif name is not None and name != "":
            owner.pop(kept, None)
    return owner


def _saying(value: Mapping[str, object]) -> Mapping[str, object]:
    """The metadata, or else the attributes: nobody vouches for either."""
    for key in _SAYING:
        part = value.get(key)
        if isinstance(part, dict) and part:
            return part
    return {}


def _stamp(value: Mapping[str, object]) -> tuple[str, bytes]:
    """The stamp, taken out of where it stands, and what it has to bind: that which is read, wherever the stamp stood."""
    for key in _SAYING:
        part = value.get(key)
        if isinstance(part, dict) and STAMP_KEY in part and (stamp := lifted(part)):
            return stamp, governed_in(_saying(value))
    return "", b""


def _created(value: Mapping[str, object]) -> tuple[float | None, tuple[str, ...]]:
    """Since when the upstream has the item, and the dates that are none."""
    found: float | None = None
    unread: tuple[str, ...] = ()
    for key in ("created_at", "reference_time"):
        part = value.get(key)
        if part is None:
            continue
        at = moment(part)
        if at is None:
            unread += strings(part) or (key,)
        elif found is None:
            found = at
    return found, unread


def _attached(value: Mapping[str, object], text_key: str | None, dates: frozenset[str]) -> list[str]:
    """Every other string of the item that may say something; dates have been read."""
    found: list[str] = []
    names: list[str] = []
    for key, part in value.items():
        if key == text_key or key in dates:
            continue
        if key not in _KNOWN:
            names.append(key)
        if isinstance(part, str):
            (found if key in _SPEAKING else names).append(part)
        elif part and isinstance(part, dict | list):
            (names if key in _REFS else found).extend(strings(part))
    if is_prose("".join(names)):  # hardly ever: identifiers say nothing
        found.extend(filter(is_prose, names))
    return found


#: Members that are read as words, whatever stands in them.
_SPEAKING = frozenset({"name", "summary", "content", "fact", "data", "role", "source_description"})
#: Members whose own names say nothing.
_KNOWN = _SPEAKING | frozenset(
    {"uuid", "source_node_uuid", "target_node_uuid", "graph_uuid", "user_uuid", "thread_uuid", "thread_id"}
    | {"source_node_name", "target_node_name", "attributes", "metadata", "labels", "score", "relevance"}
    | {"selection_rank", "created_at", "processed", "source", "role_type", "group_id", *_REFS, *_ENDS}
)


def _refs(value: Mapping[str, object]) -> tuple[str, ...]:
    """The episodes that the item was drawn from."""
    for key in _REFS:
        part = value.get(key)
        if isinstance(part, list):
            return tuple([name for name in part if isinstance(name, str)][:MAX_REFS])
    return ()


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
