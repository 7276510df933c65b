"""What the metadata of a row says of the row. Anybody who may write a memory may write this: it can only lower.

Dates from here are claims, whatever the key is called; a label that is not known counts as the unknown one.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from firewall.core.memo import Memo
from firewall.core.model import NO_CLAIMS, AuthorityScope, Claims, EvidenceRequirement, Kind, Lifecycle, Trust

_DATES = ("created_at", "updated_at", "timestamp", "observed_at", "date")
_FILES = ("target_files", "target_files_json", "files", "files_json", "paths", "paths_json")
_REFS = ("evidence_refs", "evidence_refs_json")
_LABELS = ("lifecycle_hint", "lifecycle_state")
_TRUSTS = ("authority_source_trust", "source_trust", "trust")
_EVIDENCE = ("authority_evidence_requirement", "evidence_requirement")
_CLAIMING = frozenset({*_LABELS, *_TRUSTS, *_EVIDENCE, "status", "authority_scope"})
_DATING = frozenset(_DATES)
_WORKING = frozenset({*_FILES, *_REFS, "task_signature", "superseded_by", "replaced_by"})
#: What ordinary metadata holds: it describes, and takes little to read.
_DESCRIBING = frozenset({"memory_type", "kind", "title", "name", "source", "source_class", "writer"})
_SPEAKING = _CLAIMING | _DATING | _WORKING
#: What `said_by` reads: metadata without any of these says nothing.
KNOWN = _SPEAKING | _DESCRIBING
_MAX_LIST = 64
_MILLISECONDS = 1e11  # a number above it is no plausible second

#: Other words for a label, where the field is one that is meant for labels.
_WORDS: Mapping[str, Lifecycle] = {
    **{label.value: label for label in Lifecycle},
    "active": Lifecycle.current,
    "valid": Lifecycle.current,
    "rejected": Lifecycle.failed,
    "invalidated": Lifecycle.failed,
    "outdated": Lifecycle.stale,
    "obsolete": Lifecycle.stale,
    "deprecated": Lifecycle.stale,
    "expired": Lifecycle.stale,
    "superseded": Lifecycle.stale,
    "replaced": Lifecycle.stale,
    "disputed": Lifecycle.contested,
    "conflicting": Lifecycle.contested,
    "hidden": Lifecycle.suppressed,
    "deleted": Lifecycle.suppressed,
    "paused": Lifecycle.archived,
}
#: Of several labels the worst counts.
_WORST = (
    Lifecycle.suppressed,
    Lifecycle.failed,
    Lifecycle.stale,
    Lifecycle.contested,
    Lifecycle.archived,
    Lifecycle.unknown,
    Lifecycle.procedure,
    Lifecycle.current,
)


_LIFECYCLES = {label.value: label for label in Lifecycle}
_EVIDENCES = {need.value: need for need in EvidenceRequirement}
_SCOPES = {scope.value: scope for scope in AuthorityScope}
_KINDS = {kind.value: kind for kind in Kind}
_UNKNOWN = Kind.unknown


class Said(msgspec.Struct, frozen=True, gc=False):
    """What a row's metadata says of it: claims, which can only lower what it is trusted with.

    `plain`: it describes the row, and says nothing of its life, its times or its work.
    """

    kind: Kind = Kind.unknown
    title: str = ""
    writer: str = ""
    source_class: str = ""
    plain: bool = True
    claims: Claims = NO_CLAIMS
    claimed_at: float | None = None
    dated: bool = False
    superseded_by: str | None = None
    target_files: tuple[str, ...] = ()
    task_signature: str = ""
    evidence_refs: tuple[str, ...] = ()


NOTHING_SAID = Said()


def said_by(metadata: Mapping[str, object]) -> Said:
    """The metadata of a row, read: only what is there."""
    get = metadata.get
    described = Said(
        _kind(metadata) if "memory_type" in metadata or "kind" in metadata else _UNKNOWN,
        _text(get("title"), get("name")) if "title" in metadata or "name" in metadata else "",
        _text(get("writer")) if "writer" in metadata else "",
        _text(get("source_class"), get("source"))
        if "source" in metadata or "source_class" in metadata
        else "",
    )
    if _SPEAKING.isdisjoint(metadata):
        return described
    return msgspec.structs.replace(
        described,
        plain=False,
        claims=NO_CLAIMS if _CLAIMING.isdisjoint(metadata) else _claims(metadata),
        claimed_at=min(filter(None, (moment(metadata.get(key)) for key in _DATES)), default=None),
        dated=any(metadata.get(key) is not None for key in ("created_at", "updated_at", "timestamp")),
        superseded_by=_text(metadata.get("superseded_by"), metadata.get("replaced_by")) or None,
        target_files=_list(metadata, _FILES),
        task_signature=_text(metadata.get("task_signature")),
        evidence_refs=_list(metadata, _REFS),
    )


def label_of(words: tuple[object, ...]) -> Lifecycle | None:
    """The worst of the labels; None where there is none."""
    labels = {_WORDS.get(_word(word), Lifecycle.unknown) for word in words if word not in (None, "")}
    return next((label for label in _WORST if label in labels), None)


def worse(one: Lifecycle | None, other: Lifecycle | None) -> Lifecycle | None:
    """The worse of two labels."""
    return next((label for label in _WORST if label in (one, other)), None)


def moment(value: object) -> float | None:
    """Seconds since the epoch for an ISO date or time, or a number; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        seconds = float(value) if -1e15 < value < 1e15 else None
        return seconds / 1000.0 if seconds is not None and seconds > _MILLISECONDS else seconds
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        return seconds_of(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None


def seconds_of(value: datetime) -> float:
    """The moment of a date from the wire; without an offset it is UTC."""
    return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()


def _dated(text: str) -> float:
    return seconds_of(msgspec.convert(text, datetime))


#: The moment of a date as it stands on the wire; ValueError for one that is not as documented. Rows share dates with each
#: other, and are read again.
seconds_in: Callable[[str], float] = Memo[str, float](_dated, entries=4_096, size=1 << 20).of


def _claims(metadata: Mapping[str, object]) -> Claims:
    label = label_of(tuple(metadata.get(key) for key in _LABELS))
    status = _LIFECYCLES.get(
        _word(metadata.get("status"))
    )  # it may be about anything: only our exact words count
    trusts = [Trust[word] for key in _TRUSTS if (word := _word(metadata.get(key))) in Trust.__members__]
    evidence = [need for key in _EVIDENCE if (need := _EVIDENCES.get(_word(metadata.get(key))))]
    return Claims(
        trust=min(trusts, default=None),
        authority_scope=_SCOPES.get(_word(metadata.get("authority_scope"))),
        evidence=evidence[0] if evidence else None,
        lifecycle=label if status is None else worse(label, status),
    )


def _kind(metadata: Mapping[str, object]) -> Kind:
    word = _word(metadata.get("memory_type")) or _word(metadata.get("kind"))
    return _KINDS.get(word, Kind.unknown)


def _word(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _text(value: object, other: object = None) -> str:
    """The first of the two that is a text and not empty."""
    if isinstance(value, str) and value:
        return value
    return other if isinstance(other, str) else ""


def _list(metadata: Mapping[str, object], keys: tuple[str, ...]) -> tuple[str, ...]:
    """Lists, JSON lists and comma lists under any of the keys, each entry once."""
    found: dict[str, None] = {}
    for key in keys:
        for entry in _entries(metadata.get(key)):
            if isinstance(entry, str) and entry.strip():
                found[entry.strip()] = None
    return tuple(found)[:_MAX_LIST]


def _entries(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        return []
    if value.lstrip().startswith("["):
        try:
            read = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            return [value]
        return read if isinstance(read, list) else [value]
    return list(value.split(","))
