"""What a write would store, as candidates for the write gate; and the metadata keys that no client may write."""

from collections.abc import Iterator, Mapping

from adapters.zep.plans import drafted
from adapters.zep.routes import Draft
from firewall.core.model import Candidate
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.requests import JsonObject, invalid

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
    """A draft for each item that the body would store. CallerError 400 `reserved_metadata`, `invalid_request`."""
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
