"""Principals: who a key belongs to, what it may see and do. Keys are held as digests only.

Without principals in the config the set-up is local and keyless: everyone is `LOCAL`, which may not administer, but for
the holder of the admin token, who is `ADMIN`. Once principals are configured an unknown key is refused with 403, and the
admin token is one.
"""

import enum
import hashlib
import hmac
from collections.abc import Iterable, Mapping

import msgspec

from firewall.core.events import ScopeKey
from firewall.core.model import Trust
from firewall.errors import CallerError

#: What every admin token begins with: nothing else is compared with it, and tools that look for secrets know it.
ADMIN_PREFIX = "memfw_admin_"


class Role(enum.StrEnum):
    agent = "agent"
    host = "host"
    reviewer = "reviewer"
    admin = "admin"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """`pin` maps an upstream's name to the owner ids that every row must carry. `scopes` in order; the first is home.

    `*` among the scopes means every scope, and as the tenant every tenant: the local keyless set-up. `native` is false
    for a principal that is known by an upstream's own key only: it does not open `/v1`. `local` is who is everybody at
    once, because nobody shows a key there. `also` are the names of the other keys of the same agent.
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
    local: bool = False
    also: frozenset[str] = frozenset()

    def reach(self, tenant: str | None, scope: str | None) -> ScopeKey:
        """The scope of a request: what it names, if that is ours; else home. CallerError 403 `scope_denied`, 400
        `invalid_text` for a name that nothing could be stored under."""
        if not _is_text(tenant) or not _is_text(scope):
            raise CallerError(400, "invalid_text", "a tenant or scope is not valid Unicode")
        home = ScopeKey(
            "default" if self.tenant == "*" else self.tenant,
            "default" if self.scopes[0] == "*" else self.scopes[0],
        )
        if not (tenant or scope):
            return home
        if tenant and tenant != home.tenant and self.tenant != "*":
            raise CallerError(403, "scope_denied", "this key has no access to the tenant that was asked for")
        if scope and scope not in self.scopes and "*" not in self.scopes:
            raise CallerError(403, "scope_denied", "this key has no access to the scope that was asked for")
        return ScopeKey(tenant or home.tenant, scope or home.scope)

    def may_see(self, key: ScopeKey) -> bool:
        return self.tenant in ("*", key.tenant) and ("*" in self.scopes or key.scope in self.scopes)


def _is_text(name: str | None) -> bool:
    """Whether it can be written as UTF-8: the raw bytes of a header may be anything, and come as surrogates."""
    if name is None or name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


LOCAL = Principal(
    name="local",
    tenant="*",
    scopes=("*",),
    may_act_as=("planner", "worker", "verifier", "reviewer"),
    local=True,
)
ADMIN = msgspec.structs.replace(LOCAL, name="admin-token", role=Role.admin)


def digest_of(key: str) -> bytes:
    """What of a key is kept and compared."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class Principals:
    """Look-up by the digest of a key. The look-up is by hash, so that its time says nothing of the key.

    `admin_digest` is the admin token's; it may be replaced while requests are served, and counts only without entries.
    """

    def __init__(
        self, entries: Iterable[tuple[bytes, Principal]], *, admin_digest: bytes | None = None
    ) -> None:
        self._by_digest = dict(entries)
        self.admin_digest = admin_digest

    @property
    def keyless(self) -> bool:
        """Whether nobody has to show a key."""
        return not self._by_digest

    def resolve(self, key: str | None, *, native: bool) -> Principal:
        """CallerError 401 without a key, 403 for one that is unknown or not for this door."""
        if not self._by_digest:
            # Any other key is a client's own for the upstream, so it is no error here.
            return ADMIN if key is not None and key.startswith(ADMIN_PREFIX) and self._opens(key) else LOCAL
        if not key:
            raise CallerError(401, "key_required", "a key is needed")
        principal = self._by_digest.get(digest_of(key))
        if principal is None or (native and not principal.native):
            raise CallerError(403, "key_unknown", "this key is not known here")
        return principal

    def _opens(self, token: str) -> bool:
        return self.admin_digest is not None and hmac.compare_digest(digest_of(token), self.admin_digest)
