"""What a write would store, as candidates for the write gate; and the metadata keys that no client may write.

The open-source server lets some of those keys override what it states itself (owner, dates, attribution), and `_fw_*` is
where memfw keeps its own stamps.
"""

from collections.abc import Mapping, Sequence

from firewall.core.model import Candidate
from firewall.core.stamp import STAMP_KEY, governed_in
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.requests import JsonObject, invalid
from firewall.ports import Slot

_RESERVED = frozenset(
    {
        "user_id",
        "agent_id",
        "app_id",
        "run_id",
        "session_id",
        "actor_id",
        "attributed_to",
        "tenant_id",
        "scope",
    }
    | {"created_at", "updated_at", "deleted_at", "expires", "expires_at", "expired_at", "expiration_date"}
    | {"invalid_at", "valid_at", "hash", "data"}
)
_OWN_PREFIX = "_fw_"


def checked_metadata(value: object) -> Mapping[str, object]:
    """The metadata of a write. CallerError 400 `reserved_metadata` for keys that say whose a memory is, or since when.

    A stamp that a client read and sends back is taken out of it: it gets one of its own.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("metadata must be an object")
    value.pop(STAMP_KEY, None)
    for key in value:
        name = key.strip().casefold()
        if name in _RESERVED or name.startswith(_OWN_PREFIX):
            raise invalid(f"the metadata key {name[:40]!r} is reserved", code="reserved_metadata")
    return value


def beside(body: Mapping[str, object], *read: str) -> tuple[str, ...]:
    """What else a request says to a reader, under whatever name: a server of another version may store that too."""
    rest = {key: value for key, value in body.items() if key not in read}
    return tuple(filter(is_prose, strings(rest)))


def message_drafts(
    messages: object, metadata: Mapping[str, object], others: tuple[str, ...] = ()
) -> tuple[Candidate, ...]:
    """A draft for each message; the metadata goes with every one of them, as it will be stored, and so do the `others`."""
    attached = strings(metadata) + others
    if messages is None:  # the upstream says itself what it misses
        return (_draft(0, "", "", (), attached),) if attached else ()
    if isinstance(messages, list):
        return tuple(_draft(index, *_content(message), attached) for index, message in enumerate(messages))
    return (_draft(0, *_content(messages), attached),)


def text_draft(
    index: int, text: object, metadata: Mapping[str, object], others: tuple[str, ...] = ()
) -> Candidate:
    """The draft of an update; a missing text leaves the old one as it is."""
    if text is not None and not isinstance(text, str):
        raise invalid("text must be a string")
    return _draft(index, text or "", "", others, strings(metadata))


def slot_of(
    drafts: Sequence[Candidate], metadata: Mapping[str, object], owner: Mapping[str, str], record: str = ""
) -> Slot:
    """The place for the stamp of these texts: the metadata that goes with them."""
    texts = tuple(draft.text for draft in drafts if draft.text)
    return Slot(texts=texts, governed=governed_in(metadata), owner=owner, record=record)


def with_stamp(holder: JsonObject, stamp: str) -> JsonObject:
    """The object with the stamp in its metadata."""
    metadata = holder.get("metadata")
    kept = metadata if isinstance(metadata, dict) else {}
    return {**holder, "metadata": {**kept, STAMP_KEY: stamp}}


def _content(message: object) -> tuple[str, str, tuple[str, ...]]:
    """Text, role and every other string of one message, whatever its parts are."""
    if isinstance(message, str):
        return message, "", ()
    if not isinstance(message, dict):
        raise invalid("messages must be strings or objects")
    role = message.get("role")
    content = message.get("content")
    rest = {key: value for key, value in message.items() if key not in {"role", "content"}}
    text = content if isinstance(content, str) else "\n".join(strings(content))
    return text, role if isinstance(role, str) else "", strings(rest)


def _draft(index: int, text: str, role: str, others: tuple[str, ...], attached: tuple[str, ...]) -> Candidate:
    return Candidate(
        id=f"draft-{index}",
        upstream="",
        backend="mem0",
        text=text,
        writer=role,
        attached=(*others, *attached),
    )
