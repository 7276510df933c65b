"""Stamps: who wrote a memory, provable from the memory alone. A stamp proves the writer, never the truth.

One flat text under one metadata key, in fields that a dot parts:

    1 . key id . stamp id . time . principal . role . source class . trust . owner . texts . MAC

The MAC (HMAC-SHA256 with the tenant's key) is over the fields as they stand, the tenant and the upstream's name. `owner` holds a
digest of each id that the memory belongs to and, where the write names it, of the record; `texts` one of each text, with
the metadata that the firewall reads. Everything is bounded; what is no stamp is none, and never an exception.

    verified   the row belongs to the stamped owner and holds a stamped text
    derived    the upstream rewrote the text, or the row says less of its owner than the stamp does: worth what no stamp is
    forged     nobody with the key made this stamp for this tenant and upstream, or it was made for another owner
    replayed   it was made for another record
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, MutableMapping, Sequence

import msgspec

from firewall.core.memo import Memo
from firewall.core.model import Attestation, Signed, Trust
from firewall.core.wire.said import KNOWN

#: Where a stamp stands in the metadata. A client that writes back what it read sends it along: it is taken out.
STAMP_KEY = "_fw_stamp"
LONGEST = 480
#: A write that puts several texts under one metadata names them all in one stamp, up to so many.
MOST_TEXTS = 8

#: The ids that a memory belongs to, by the letter that stands for each. What else a dialect says of an owner is its own.
_LETTERS: Mapping[str, str] = {
    "user_id": "u",
    "agent_id": "a",
    "app_id": "p",
    "run_id": "r",
    "index": "i",
    "namespace": "n",
    "graph_id": "g",
    "group_id": "o",
    "thread_id": "t",
    "tenant_id": "e",
    "scope": "s",
}
_RECORD = "R"
#: Governed metadata that has no spelling: no stamp is made for it, so that none fits it.
UNBINDABLE = b"!"
#: What the firewall reads of metadata, the ends that some upstreams keep there among it.
GOVERNED = KNOWN | {"expires_at", "expired_at", "expiration_date", "invalid_at"}
_OWNER_CHARS, _TEXT_CHARS = 12, 22
_SHAPE = re.compile(
    r"(1\.([\w-]{1,32})\.([\w-]{1,32})\.([0-9a-f]{1,10})\.([\w-]{1,88})\.([a-z_]{1,16})\.([a-z_]{1,32})\.([0-3])"
    r"\.((?:[a-zR][\w-]{12})*)\.((?:[\w-]{22}){1,8}))\.([\w-]{43})",
    re.ASCII,
)


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """A stamp as it was read: nothing of it is believed before `is_genuine` says so. `head` is what the MAC is over."""

    key_id: str
    stamp_id: str
    signed: Signed
    owner: Mapping[str, str]
    texts: tuple[str, ...]
    head: str
    mac: str


def make(
    key: bytes,
    key_id: str,
    stamp_id: str,
    signed: Signed,
    *,
    tenant: str,
    upstream: str,
    owner: Mapping[str, str],
    texts: Sequence[str],
    record: str = "",
) -> str:
    """The stamp of one place of a write; `texts` are digests. Empty where the principal's name is too long for one,
    or nothing says whose the memory will be."""
    bound = owner_digests(owner, record)
    if not bound:  # it would fit every row of the upstream
        return ""
    head = ".".join(
        (
            "1",
            key_id,
            stamp_id,
            f"{int(signed.at):x}",
            _encoded(signed.principal.encode("utf-8", "surrogatepass")),
            signed.role,
            signed.source_class,
            str(int(signed.trust)),
            "".join(letter + digest for letter, digest in sorted(bound.items())),
            "".join(dict.fromkeys(texts[:MOST_TEXTS])),
        )
    )
    stamp = f"{head}.{_mac(key, tenant, upstream, head)}"
    return stamp if len(stamp) <= LONGEST and _SHAPE.fullmatch(stamp) else ""


def _read(text: str) -> Stamp | None:
    found = _SHAPE.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return None
    head, key_id, stamp_id, at, name, role, source_class, trust, owner, texts, mac = found.groups()
    try:
        principal = urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode("utf-8", "surrogatepass")
    except ValueError:
        return None
    step = 1 + _OWNER_CHARS
    bound = {owner[place]: owner[place + 1 : place + step] for place in range(0, len(owner), step)}
    return Stamp(
        key_id=key_id,
        stamp_id=stamp_id,
        signed=Signed(
            principal=principal,
            role=role,
            source_class=source_class,
            trust=Trust(int(trust)),
            at=float(int(at, 16)),
        ),
        owner=bound,
        texts=tuple(texts[place : place + _TEXT_CHARS] for place in range(0, len(texts), _TEXT_CHARS)),
        head=head,
        mac=mac,
    )


#: The stamp in a text, None where there is none. Remembered: rows come back again and again.
read = Memo(_read, entries=8_192, size=8 << 20)


def is_genuine(stamp: Stamp, key: bytes, *, tenant: str, upstream: str) -> bool:
    """Whether the holder of that key made it, for that tenant and upstream. In constant time."""
    return hmac.compare_digest(stamp.mac, _mac(key, tenant, upstream, stamp.head))


def judged(stamp: Stamp, text: str, owner: Mapping[str, str], record: str) -> Attestation:
    """What a genuine stamp proves of a row: `text` is its digest, `owner` as `owner_digests` says it."""
    named = stamp.owner.get(_RECORD)
    if named is not None and named != owner_digest(_RECORD, record):
        return Attestation.replayed
    whole = True
    for letter, digest in stamp.owner.items():
        if letter == _RECORD:
            continue
        states = owner.get(letter)
        if states is None:
            whole = False
        elif states != digest:
            return Attestation.forged
    if text not in stamp.texts or not (whole or named is not None):
        return Attestation.derived
    return Attestation.verified


def owner_digests(owner: Mapping[str, str], record: str = "") -> dict[str, str]:
    """By letter, the digests of the ids that are bound."""
    bound = {
        letter: owner_digest(letter, value)
        for key, value in owner.items()
        if (letter := _LETTERS.get(key)) is not None
    }
    if record:
        bound[_RECORD] = owner_digest(_RECORD, record)
    return bound


def owner_digest(letter: str, value: str) -> str:
    """Of one id."""
    whole = f"{letter}{value}".encode("utf-8", "surrogatepass")
    return _encoded(hashlib.sha256(whole).digest()[:9])


def text_digest(text: str, governed: bytes) -> str:
    """Of a text with the metadata that the firewall reads."""
    raw = text.encode("utf-8", "surrogatepass")
    return _encoded(hashlib.sha256(b"%d:%b%b" % (len(raw), raw, governed)).digest()[:16])


def governed_in(metadata: Mapping[str, object]) -> bytes:
    """What of metadata a stamp binds: all that the firewall reads, in one spelling whatever the upstream does to numbers,
    nulls and order. The rest of the metadata is the client's own."""
    if GOVERNED.isdisjoint(metadata):
        return b""
    kept = {key: _plain(value) for key, value in metadata.items() if key in GOVERNED and value is not None}
    try:
        return msgspec.json.encode(kept, order="deterministic") if kept else b""
    except (ValueError, TypeError, RecursionError):
        return UNBINDABLE


def _plain(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return str(value)
    if isinstance(value, list):
        return [_plain(part) if isinstance(part, int) else part for part in value]
    return value


def lifted(metadata: MutableMapping[str, object]) -> str:
    """Takes the stamp out of metadata that was read: it is no text. What only stands in its place stays, to be judged."""
    value = metadata.get(STAMP_KEY)
    if not isinstance(value, str) or read(value) is None:
        return ""
    del metadata[STAMP_KEY]
    return value


def _mac(key: bytes, tenant: str, upstream: str, head: str) -> str:
    parts = [part.encode("utf-8", "surrogatepass") for part in (tenant, upstream, head)]
    body = b"memfw stamp" + b"".join(b"%d:%b" % (len(part), part) for part in parts)
    return _encoded(hmac.digest(key, body, hashlib.sha256))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
