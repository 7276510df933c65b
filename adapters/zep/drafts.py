"""What a write would store, as candidates for the write gate; and the metadata keys that no client may write."""

from collections.abc import Iterator, Mapping, Sequence

from adapters.zep.plans import drafted
from adapters.zep.routes import Draft
from firewall.core.model import Candidate
from firewall.core.stamp import STAMP_KEY, governed_in
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.requests import JsonObject, invalid
from firewall.ports import Slot

#: Whose an item is and since when is not for its metadata to say.
_RESERVED = frozenset(
    {"user_id", "graph_id", "thread_id", "session_id", "group_id", "tenant_id"}
    | {"user_uuid", "graph_uuid", "thread_uuid"}
    | {"created_at", "updated_at", "deleted_at", "expires", "expires_at", "expired_at", "expiration_date"}
    | {"valid_at", "invalid_at"}
)
_OWN_PREFIX = "_fw_"
_TEXTS = ("content", "data", "fact", "summary", "template", "objective")
#: They name or date something; anything else may say something.
_NAMING = ("uuid", "uuids", "_id", "_ids", "_at", "_type", "type", "role", "reference_time")
_LISTS: Mapping[Draft, str] = {
    Draft.messages: "messages",
    Draft.edges: "edges",
    Draft.nodes: "nodes",
    Draft.episodes: "episodes",
    Draft.items: "items",
}


def drafts_of(kind: Draft, body: JsonObject | None) -> tuple[Candidate, ...]:
    """A draft for each item that the body would store. CallerError 400 `reserved_metadata`, `invalid_request`.

    A stamp that a client read and sends back is taken out of the body, wherever in it: what is written gets one of its own.
    """
    if body is not None:
        _take_stamps_out(body)
    if kind is Draft.nothing or body is None:
        return ()
    if kind is Draft.body:
        return (_draft(0, body),)
    listed = body.get(_LISTS[kind])
    if listed is None:  # the upstream says itself what it misses
        return ()
    if not isinstance(listed, list):
        raise invalid(f"{_LISTS[kind]} must be a list")
    return tuple(_draft(index, item) for index, item in enumerate(listed))


#: By route, where items that can be stamped stand (empty: the body is one), and which member of an item takes the stamp.
#: Zep keeps what it is told of a message, an episode or a fact; of anything else it draws texts of its own.
_STAMPED: Mapping[str, tuple[str, str]] = {
    "v2.graph.add": ("", "metadata"),
    "v2.graph.add_batch": ("episodes", "metadata"),
    "v2.graph.add_triple": ("", "edge_attributes"),
    "v2.thread.add": ("messages", "metadata"),
    "v2.thread.add_batch": ("messages", "metadata"),
    "v2.session.memory.add": ("messages", "metadata"),
    "v4.episode.add": ("", "metadata"),
    "v4.edges.add": ("edges", "attributes"),
    "v4.thread.add": ("messages", "metadata"),
}
#: The upstream's own limit.
_MAX_KEYS = 10


def slots_of(
    route: str, body: JsonObject | None, drafts: Sequence[Candidate], owner: Mapping[str, str]
) -> tuple[Slot, ...]:
    """A place for the stamp of each draft, where the upstream would keep it with the text."""
    if route not in _STAMPED or body is None or not drafts:
        return ()
    listed, member = _STAMPED[route]
    items = body[listed] if listed else [body]
    assert isinstance(items, list)  # or there were no drafts
    return tuple(_slot(draft, item, member, owner) for draft, item in zip(drafts, items, strict=True))


def _slot(draft: Candidate, item: JsonObject, member: str, owner: Mapping[str, str]) -> Slot:
    kept = item.get(member)
    if not draft.text or (kept is not None and not isinstance(kept, dict)):
        return Slot()
    notes = kept or {}
    name = item.get("uuid")
    return Slot(
        texts=(draft.text,),
        governed=governed_in(notes),
        owner=owner,
        record=name if isinstance(name, str) else "",
        room=0 if len(notes) >= _MAX_KEYS else None,
    )


def stamped(route: str, body: JsonObject, stamps: Sequence[str]) -> JsonObject:
    """The body with its stamps."""
    listed, member = _STAMPED[route]
    if not listed:
        return _with_stamp(body, member, stamps[0])
    items = body[listed]
    assert isinstance(items, list)  # or there were no slots
    return {
        **body,
        listed: [_with_stamp(item, member, stamp) for item, stamp in zip(items, stamps, strict=True)],
    }


def _with_stamp(item: JsonObject, member: str, stamp: str) -> JsonObject:
    if not stamp:
        return item
    kept = item.get(member)
    return {**item, member: {**(kept if isinstance(kept, dict) else {}), STAMP_KEY: stamp}}


def _draft(index: int, item: object) -> Candidate:
    if not isinstance(item, dict):
        raise invalid("what is written must be objects")
    _check(item.get("metadata"))
    key = next((key for key in _TEXTS if isinstance(item.get(key), str)), None)
    role = item.get("role_type") or item.get("role")
    return drafted(
        index,
        "" if key is None else item[key],
        role if isinstance(role, str) else "",
        tuple(_said({name: part for name, part in item.items() if name != key})),
    )


def _said(item: Mapping[str, object]) -> Iterator[str]:
    for name, part in item.items():
        if not (isinstance(part, str) and name.endswith(_NAMING) and not is_prose(part)):
            yield from strings({name: part})


def _check(metadata: object) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise invalid("metadata must be an object")
    for key in metadata:
        name = key.strip().casefold()
        if name in _RESERVED or name.startswith(_OWN_PREFIX):
            raise invalid(f"the metadata key {name[:40]!r} is reserved", code="reserved_metadata")


def _take_stamps_out(body: JsonObject) -> None:
    left: list[object] = [body]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            part.pop(STAMP_KEY, None)
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)
