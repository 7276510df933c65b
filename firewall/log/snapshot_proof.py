"""Snapshots with a proof: a state that somebody changed in the store must not be believed because it is quick.

The chain proves the records; a snapshot is made from them and stands beside it. So it carries a MAC of the key ring over
its bytes, its scope and its offset: one that was changed, of another scope, or put back under another offset, is none.
"""

import hashlib
from typing import Protocol

import msgspec

from firewall.core.events import ScopeKey


class Vouches(Protocol):
    """The key ring: a proof that this installation said these bytes for that purpose."""

    def vouch(self, purpose: str, data: bytes) -> bytes: ...

    def vouched(self, purpose: str, data: bytes, proof: bytes) -> bool: ...


class _Proven(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    proof: bytes
    blob: bytes


_PURPOSE = "snapshot"


def proven(ring: Vouches, key: ScopeKey, offset: int, blob: bytes) -> bytes:
    """The bytes to be stored."""
    return _encoder.encode(_Proven(ring.vouch(_PURPOSE, _place(key, offset, blob)), blob))


def believed(ring: Vouches, key: ScopeKey, offset: int, stored: bytes) -> bytes | None:
    """The snapshot in it; None where this installation did not store just this just there."""
    try:
        found = _decoder.decode(stored)
    except msgspec.MsgspecError:
        return None
    return found.blob if ring.vouched(_PURPOSE, _place(key, offset, found.blob), found.proof) else None


def _place(key: ScopeKey, offset: int, blob: bytes) -> bytes:
    return _encoder.encode((key.tenant, key.scope, offset, hashlib.sha256(blob).digest()))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Proven)
