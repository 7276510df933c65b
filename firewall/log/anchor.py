"""An anchor: the heads of all lanes at one moment, kept where the store's keepers cannot reach it.

With it, a store whose newest seals were cut off, or that was rolled back as a whole, is found out; from inside neither
can be seen. It brings the public keys that it is to be verified with, and is signed itself.
"""

import re
from collections.abc import Sequence

import msgspec

from firewall.core.chain import Head
from firewall.keyring import KeyRing, signed_by

FORMAT = 1
_PURPOSE = b"memfw anchor\n"
_PUBLIC = re.compile(r"[0-9a-f]{64}")


class AnchoredHead(msgspec.Struct, frozen=True):
    lane: str
    seq: int
    link: str


class Anchor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. Links, keys and the signature are in hex, `made_at` in epoch seconds."""

    format: int = FORMAT
    made_at: float
    heads: tuple[AnchoredHead, ...]
    keys: dict[str, str]
    key_id: str
    signature: str = ""

    def public_keys(self) -> dict[str, bytes]:
        return {name: bytes.fromhex(key) for name, key in self.keys.items()}

    def trusted_heads(self) -> tuple[Head, ...]:
        return tuple(Head(head.lane, head.seq, bytes.fromhex(head.link)) for head in self.heads)


def make_anchor(heads: Sequence[Head], ring: KeyRing, at: float) -> Anchor:
    """The anchor of these heads, signed with the ring's current key."""
    signer = ring.signer()
    anchor = Anchor(
        made_at=at,
        heads=tuple(AnchoredHead(head.lane, head.seq, head.link.hex()) for head in heads),
        keys={name: key.hex() for name, key in sorted(ring.public_keys().items())},
        key_id=signer.key_id,
    )
    return msgspec.structs.replace(anchor, signature=signer.sign(_signed_part(anchor)).hex())


def anchor_bytes(anchor: Anchor) -> bytes:
    """As it is written to a file."""
    return msgspec.json.format(msgspec.json.encode(anchor)) + b"\n"


def read_anchor(content: bytes) -> Anchor:
    """ValueError for what is no anchor, or one that was changed."""
    try:
        anchor = msgspec.json.decode(content, type=Anchor)
    except (ValueError, RecursionError):
        raise ValueError("is no anchor") from None
    if anchor.format != FORMAT:
        raise ValueError(f"is no anchor of format {FORMAT}, which this memfw knows")
    links = [head.link for head in anchor.heads]
    if not all(_PUBLIC.fullmatch(text) for text in (*anchor.keys.values(), *links)):
        raise ValueError("is a damaged anchor")
    public = anchor.public_keys().get(anchor.key_id, b"")
    try:
        signature = bytes.fromhex(anchor.signature)
    except ValueError:
        signature = b""
    if not signed_by(public, _signed_part(anchor), signature):
        raise ValueError("is an anchor that was changed: its signature does not fit it")
    return anchor


def _signed_part(anchor: Anchor) -> bytes:
    """Every field but the signature, in one fixed way to write it."""
    unsigned = msgspec.structs.replace(anchor, signature="")
    return _PURPOSE + msgspec.json.encode(unsigned, order="deterministic")
