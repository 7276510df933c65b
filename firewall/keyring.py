"""The key ring: the secrets of an installation, in one file that only memfw reads.

From each key everything else is derived, so that there is one thing to keep, rotate and share between replicas:

    seal       Ed25519, signs the audit chain
    stamp      HMAC-SHA256, one for each tenant, proves who wrote a memory
    text       XChaCha20-Poly1305, keeps held texts unreadable at rest
    lasting    one for each kind of thing that people write down, such as the index hosts that clients are given

The newest active key makes; every key that is not retired is believed in stamps. A retired key still reads held texts and
verifies seals that were made with it: retiring is about what is believed from now on, not about losing what is stored.
No secret is in a repr, an error or a log line.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

import msgspec
from nacl import bindings
from nacl.exceptions import BadSignatureError, CryptoError

SECRET_BYTES = 32
_NONCE_BYTES = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


class RingKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key as it stands in the file. `made_at` and `retired_at` are epoch seconds."""

    id: str
    made_at: float
    secret: str
    retired_at: float | None = None

    def __repr__(self) -> str:
        return f"RingKey({self.id!r})"


class RingFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: keys from the oldest to the newest."""

    format: int = 1
    keys: tuple[RingKey, ...]


class Signer:
    """Signs seals with one key of the ring."""

    __slots__ = ("_secret", "key_id", "public")

    def __init__(self, key_id: str, seed: bytes) -> None:
        self.key_id = key_id
        self.public, self._secret = bindings.crypto_sign_seed_keypair(seed)

    def sign(self, body: bytes) -> bytes:
        signature: bytes = bindings.crypto_sign(body, self._secret)[: bindings.crypto_sign_BYTES]
        return signature


def signed_by(public: bytes, body: bytes, signature: bytes) -> bool:
    """Whether the holder of that public key signed these bytes."""
    try:
        bindings.crypto_sign_open(signature + body, public)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


class KeyRing:
    """The keys of one installation. `keys` from the oldest to the newest; one of them is not retired."""

    def __init__(self, keys: Sequence[RingKey]) -> None:
        self.revision = 0
        self._take(keys)

    def _take(self, keys: Sequence[RingKey]) -> None:
        living = [key for key in keys if key.retired_at is None]
        if not living:
            raise ValueError("the key ring has no key that is not retired")
        self._keys = {key.id: key for key in keys}
        self._current = living[-1]
        self._stamping: dict[tuple[str, str], bytes] = {}

    def renew(self, keys: Sequence[RingKey]) -> None:
        """From now on these are the keys, for everybody who has this ring. What was concluded from the old ones belongs to
        the old `revision`. A signer that was given out goes on signing with its own."""
        self._take(keys)
        self.revision += 1

    def __repr__(self) -> str:
        return f"KeyRing({list(self._keys)})"

    @property
    def keys(self) -> tuple[RingKey, ...]:
        return tuple(self._keys.values())

    @property
    def current(self) -> str:
        """The id of the key that makes."""
        return self._current.id

    def signer(self) -> Signer:
        """Signs the seals of this process."""
        return Signer(self._current.id, self._derived(self._current, "seal"))

    def public_keys(self) -> Mapping[str, bytes]:
        """By key id: what verifies seals, for those who hold no secret."""
        return {key.id: Signer(key.id, self._derived(key, "seal")).public for key in self.keys}

    def stamping(self, tenant: str, key_id: str | None = None) -> bytes | None:
        """The HMAC key of a tenant's stamps: the current one's, or that of `key_id`; None for one that is unknown or
        retired."""
        wanted = key_id or self._current.id
        found = self._stamping.get((tenant, wanted))
        if found is None:
            key = self._keys.get(wanted)
            if key is None or key.retired_at is not None:
                return None
            found = self._derived(key, f"stamp/{tenant}")
            if len(self._stamping) < 1024:
                self._stamping[tenant, wanted] = found
        return found

    def lasting(self, kind: str) -> bytes:
        """A key for what people write down and must still be good tomorrow. Of the oldest key of the ring, so that neither
        a new one nor a retirement changes it."""
        return self._derived(next(iter(self._keys.values())), f"lasting/{kind}")

    def vouch(self, purpose: str, data: bytes) -> bytes:
        """A proof that this installation said these bytes for that purpose, for `vouched`."""
        name = self._current.id.encode()
        return bytes([len(name)]) + name + self._mac(self._current, purpose, data)

    def vouched(self, purpose: str, data: bytes, proof: bytes) -> bool:
        """Whether a key of the ring, retired or not, vouched for that."""
        length = proof[0] if proof else 0
        key = self._keys.get(proof[1 : 1 + length].decode("ascii", "replace"))
        return key is not None and hmac.compare_digest(proof[1 + length :], self._mac(key, purpose, data))

    def _mac(self, key: RingKey, purpose: str, data: bytes) -> bytes:
        return hmac.digest(self._derived(key, f"vouch/{purpose}"), data, hashlib.sha256)

    def conceal(self, text: bytes, about: bytes) -> bytes:
        """Encrypted and bound to `about` (what it belongs to), with the current key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        key = self._derived(self._current, "text")
        sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(text, about, nonce, key)
        name = self._current.id.encode()
        return bytes([len(name)]) + name + nonce + sealed

    def reveal(self, concealed: bytes, about: bytes) -> bytes:
        """The text again. ValueError where the key is gone, the bytes were changed or belong to something else."""
        length = concealed[0] if concealed else 0
        key = self._keys.get(concealed[1 : 1 + length].decode("ascii", "replace"))
        if key is None:
            raise ValueError("the key that this text was concealed with is not in the ring")
        nonce = concealed[1 + length : 1 + length + _NONCE_BYTES]
        sealed = concealed[1 + length + _NONCE_BYTES :]
        try:
            text: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed, about, nonce, self._derived(key, "text")
            )
        except (CryptoError, ValueError, TypeError) as error:
            raise ValueError("the concealed text was changed, or belongs to something else") from error
        return text

    @staticmethod
    def _derived(key: RingKey, purpose: str) -> bytes:
        # Not cached for the ring as a whole: a key is derived at start, or once for each tenant.
        return hmac.digest(
            bytes.fromhex(key.secret), b"memfw/" + purpose.encode("utf-8", "surrogatepass"), hashlib.sha256
        )


def new_key(made_at: float) -> RingKey:
    """A fresh key with an id of its own."""
    return RingKey(id=f"k{secrets.token_hex(4)}", made_at=made_at, secret=secrets.token_hex(SECRET_BYTES))
