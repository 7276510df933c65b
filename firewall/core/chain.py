"""The audit chain: what every writer of the log signs, so that an outsider can prove what was stored and in which order.

A writer seals what it stores in groups, one seal for each commit. Seals of a lane are numbered from 1 without a gap, each
names the link of the one before it and is signed: who holds the store can neither change, remove, add nor exchange
anything without the key. What cannot be seen from inside (the newest seals cut off, the whole store rolled back) is seen
against an anchor: heads that were kept elsewhere. Seals hold digests only, so that a text can be erased and the chain stays.

    evidence, receipts -> Item (digest) -> SealBody -> Sealed (bytes + signature) -> link = sha256 of the bytes

Pure: the signer is passed in, times too.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

SEAL_FORMAT = 1
NO_LINK = bytes(32)
"""What the first seal of a lane names as the one before it."""

Kind = Literal["evidence", "receipt"]


class Item(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One thing that was stored. `id` is the event's or the decision's; `offset` is 0 where the store gives it later, and
    for receipts."""

    kind: Kind
    tenant: str
    scope: str
    id: str
    offset: int
    digest: bytes


class Head(msgspec.Struct, array_like=True, frozen=True):
    """The newest seal of a lane. For a shard's order (`lane` begins with `order/`) the offset and the digest of the order."""

    lane: str
    seq: int
    link: bytes


class SealBody(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """What is signed. `lane` is `<writer>/<part>`, where a part is what a store commits in one order.

    `dropped` counts the receipts that a full buffer lost since the seal before. `heads` make it a checkpoint: the heads of
    all lanes of the store at that moment. `trimmed` are the lanes up to whose head retention removed what was sealed, and
    the orders with which what is left of a shard begins;
    `lost` is this lane's head when the store came back without it (a failover), and the chain goes on from `prev`.
    """

    format: int = SEAL_FORMAT
    lane: str
    seq: int
    at: float
    prev: bytes
    key_id: str
    items: tuple[Item, ...] = ()
    dropped: int = 0
    heads: tuple[Head, ...] = ()
    trimmed: tuple[Head, ...] = ()
    lost: Head | None = None


class Sealed(msgspec.Struct, array_like=True, frozen=True):
    """A seal as it is stored: these very bytes were signed."""

    body: bytes
    signature: bytes


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One thing as the store holds it. `body` is None where only its place is left."""

    kind: Kind
    tenant: str
    scope: str
    id: str
    offset: int
    body: bytes | None


class SealSigner(Protocol):
    """Signs with Ed25519. `key_id` names the key in the ring."""

    @property
    def key_id(self) -> str: ...

    def sign(self, body: bytes) -> bytes: ...


def digest_of(kind: Kind, tenant: str, scope: str, id_: str, body: bytes) -> bytes:
    """What an item says of a stored thing: sha256 over its kind, place, id and bytes, each with its length."""
    return digest_at(place_of(kind, tenant, scope), id_, body)


def place_of(kind: Kind, tenant: str, scope: str) -> bytes:
    """What the digests of one scope's things begin with: made once by those who digest many."""
    return _measured(kind.encode()) + _measured(_bytes(tenant)) + _measured(_bytes(scope))


def digest_at(place: bytes, id_: str, body: bytes) -> bytes:
    """`digest_of` for a place that was made before."""
    name = _bytes(id_)
    return _sha256(b"".join((place, _length(len(name)), name, _length(len(body)), body))).digest()


def _measured(part: bytes) -> bytes:
    return _length(len(part)) + part


def link_of(sealed: Sealed) -> bytes:
    """By which the next seal of the lane names this one."""
    return hashlib.sha256(sealed.body).digest()


def order_after(order: bytes, link: bytes) -> bytes:
    """The digest of a shard's order with one more seal: NO_LINK before the first."""
    return hashlib.sha256(order + link).digest()


class Lane:
    """One writer's end of one chain: makes the next seal, and goes on when that was stored.

    `seal` may be called again for the same place until `stored` says that the store has it; then the next begins.
    """

    def __init__(self, name: str, signer: SealSigner, *, seq: int = 0, link: bytes = NO_LINK) -> None:
        self.name = name
        self._signer = signer
        self.seq = seq
        self.link = link

    def seal(
        self,
        items: Sequence[Item],
        *,
        at: float,
        dropped: int = 0,
        heads: Sequence[Head] = (),
        trimmed: Sequence[Head] = (),
        lost: Head | None = None,
    ) -> Sealed:
        body = _encoder.encode(
            SealBody(
                lane=self.name,
                seq=self.seq + 1,
                at=at,
                prev=self.link,
                key_id=self._signer.key_id,
                items=tuple(items),
                dropped=dropped,
                heads=tuple(heads),
                trimmed=tuple(trimmed),
                lost=lost,
            )
        )
        return Sealed(body, self._signer.sign(body))

    def stored(self, sealed: Sealed) -> None:
        """The store has it: the next seal names this one."""
        self.seq += 1
        self.link = link_of(sealed)

    @property
    def head(self) -> Head:
        return Head(self.name, self.seq, self.link)


def seal_body(sealed: Sealed) -> SealBody:
    """What a seal says; ValueError for what is none, whatever that is."""
    try:
        return _bodies.decode(sealed.body)
    except (ValueError, TypeError, RecursionError):  # also a name that is no Unicode, or no bytes at all
        raise ValueError("the bytes are no seal") from None


def _bytes(text: str) -> bytes:
    # What is asked for by name is looked up each time, and every record has an id.
    return text.encode() if text.isascii() else text.encode("utf-8", "surrogatepass")


_sha256 = hashlib.sha256
_length = struct.Struct(">Q").pack

_encoder = msgspec.msgpack.Encoder()
_bodies = msgspec.msgpack.Decoder(SealBody)
