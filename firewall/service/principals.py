"""Principals: who a key belongs to, what it may see and do. Keys are held as digests only.

Without principals in the config the set-up is local and keyless: everyone is `LOCAL`, which may not administer. Once
principals are configured an unknown key is refused with 403.
"""

import enum
import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from firewall.core.events import ScopeKey
from firewall.core.model import Trust
from firewall.errors import CallerError


class Role(enum.StrEnum):
    agent = "agent"
    host = "host"
    reviewer = "reviewer"
    admin = "admin"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """`pin` maps an upstream's name to the owner ids that every row must carry. `scopes` in order; the first is home.

    `*` among the scopes means every scope, and as the tenant every tenant: the local keyless set-up. `native` is false
    for a principal that is known by an upstream's own key only: it does not open `/v1`.
    """

    name: str
    tenant: str = "default"
    scopes: tuple[str, ...] = ("default",)
    role: Role = Role.host
    max_trust: Trust = Trust.trusted
    agent: str = ""
    team: str = ""
    may_act_as: tuple[str, ...] = ()
    pin: Mapping[str, Mapping[str, str]] = {}
    native: bool = True

    def reach(self, tenant: str | None, scope: str | None) -> ScopeKey:
        """The scope of a request: what it names, if that is ours; else home. CallerError 403 `scope_denied`."""
        home = ScopeKey(
            "default" if self.tenant == "*" else self.tenant,
            "default" if self.scopes[0] == "*" else self.scopes[0],
        )
        if tenant and tenant != home.tenant and self.tenant != "*":
            raise CallerError(403, "scope_denied", "this key has no access to the tenant that was asked for")
        if scope and scope not in self.scopes and "*" not in self.scopes:
            raise CallerError(403, "scope_denied", "this key has no access to the scope that was asked for")
        return ScopeKey(tenant or home.tenant, scope or home.scope)

    def may_see(self, key: ScopeKey) -> bool:
        return self.tenant in ("*", key.tenant) and ("*" in self.scopes or key.scope in self.scopes)


LOCAL = Principal(
    name="local",
    tenant="*",
    scopes=("*",),
    may_act_as=("planner", "worker", "verifier", "reviewer"),
)


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class Principals:
    """Look-up by the digest of a key. The look-up is by hash, so that its time says nothing of the key."""

    def __init__(self, entries: Iterable[tuple[str, Principal]]) -> None:
        self._by_digest = {digest_of(key): principal for key, principal in entries}

    def resolve(self, key: str | None, *, native: bool) -> Principal:
        """CallerError 401 without a key, 403 for one that is unknown or not for this door."""
        if not self._by_digest:
            return LOCAL
        if not key:
            raise CallerError(401, "key_required", "a key is needed")
        principal = self._by_digest.get(digest_of(key))
        if principal is None or (native and not principal.native):
            raise CallerError(403, "key_unknown", "this key is not known here")
        return principal
