"""What the review's use cases are given besides the desk: the vault, the keys, the ways to the upstreams."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from firewall.core.erasing import forget_texts
from firewall.core.events import ScopeKey
from firewall.core.model import Family, Trust
from firewall.core.wire.values import Headers
from firewall.errors import CallerError, StateError
from firewall.keyring import KeyRing
from firewall.service.principals import Principal, Role
from firewall.service.review.vault import Vault

_REVIEWERS = frozenset({Role.reviewer, Role.admin})


class ReviewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`also` are further families of findings that are held. `expire_seconds` is after how long without a sighting an
    operational note leaves the queue by itself, None for never."""

    keep_texts: bool = True
    max_text_bytes: int = 65_536
    max_write_bytes: int = 262_144
    expire_seconds: float | None = None
    also: Sequence[Family] = ()


class HeldRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A held write as it is concealed: the client's request without its credentials, and as whom it came."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes = b""
    principal: str
    role: Role
    max_trust: Trust
    pin: Mapping[str, str] = {}


_encoder = msgspec.json.Encoder()
_requests = msgspec.json.Decoder(HeldRequest)


def encoded_request(held: HeldRequest) -> bytes:
    """As it is concealed."""
    return _encoder.encode(held)


def decoded_request(content: bytes) -> HeldRequest:
    """StateError `text_unreadable` for what is not a held request."""
    try:
        return _requests.decode(content)
    except msgspec.MsgspecError:
        raise StateError("text_unreadable", "the held request is not what was kept") from None


class Sends(Protocol):
    """The way of one mount's held writes to the upstream."""

    @property
    def injects(self) -> bool:
        """Whether memfw has a credential of its own there: the client's was not kept."""
        ...

    async def send(self, key: ScopeKey, held: HeldRequest) -> int:
        """The status of the upstream's answer. CallerError where the write may not be sent any more; UpstreamError where
        nobody knows what became of it."""
        ...


class ReviewRoom(msgspec.Struct, frozen=True, kw_only=True):
    """`senders` by the name of the mount. `forget` empties every memory of what was read last."""

    vault: Vault
    ring: KeyRing
    settings: ReviewSettings
    senders: Mapping[str, Sends] = {}
    forget: Callable[[], None] = forget_texts


def reviews(principal: Principal) -> bool:
    """Whether it may see held texts and decide."""
    return principal.role in _REVIEWERS


def require_reviewer(principal: Principal) -> None:
    """CallerError 403 `role_denied`."""
    if not reviews(principal):
        raise CallerError(403, "role_denied", "this needs a key with the role reviewer or admin")


def require_admin(principal: Principal) -> None:
    """CallerError 403 `role_denied`."""
    if principal.role is not Role.admin:
        raise CallerError(403, "role_denied", "this needs a key with the role admin")
