"""Where a listing goes on, as a token that only memfw can make: bound to the scope and to what was asked for.

It is concealed with the key ring, so that every replica reads it and nobody else can write one.
"""

import base64
import binascii

import msgspec

from firewall.core.events import ScopeKey
from firewall.errors import CallerError
from firewall.keyring import KeyRing

_encoder = msgspec.json.Encoder()


def token(ring: KeyRing, key: ScopeKey, asked: str, seq: int) -> str:
    """`asked` is the digest of the filters; `seq` is that of the last row that was shown."""
    concealed = ring.conceal(str(seq).encode(), _about(key, asked))
    return base64.urlsafe_b64encode(concealed).decode().rstrip("=")


def place(ring: KeyRing, key: ScopeKey, asked: str, given: str | None) -> int:
    """After which row the listing goes on: 0 without a token. CallerError 400 `invalid_cursor` for one of another scope or
    listing, and for one that nobody gave out."""
    if given is None:
        return 0
    try:
        concealed = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        return int(ring.reveal(concealed, _about(key, asked)))
    except (binascii.Error, ValueError):
        raise CallerError(400, "invalid_cursor", "this cursor is not one of this listing") from None


def _about(key: ScopeKey, asked: str) -> bytes:
    return _encoder.encode(["cursor", key.tenant, key.scope, asked])
