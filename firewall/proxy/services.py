"""What the proxy needs of the rest of the house, passed in by the composition root."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import msgspec

from firewall.core.compiled import CompiledPolicy
from firewall.keyring import KeyRing
from firewall.metrics import Metrics
from firewall.ports import Dialect, Upstream, WireRequest
from firewall.proxy.holds import Holds
from firewall.proxy.pages import Pages
from firewall.proxy.stamping import Stamps
from firewall.proxy.transport import Streamed
from firewall.service.allowance import Allowances
from firewall.service.desk import Mounted
from firewall.service.principals import Principals
from firewall.service.recorder import Recorder
from firewall.service.review.chores import Deletes
from firewall.service.scopes import Projects


class Streams(Protocol):
    """Streams an answer through; the upstreams that only translate do not have it."""

    def stream(self, request: WireRequest, *, deadline: float) -> AbstractAsyncContextManager[Streamed]: ...


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """One upstream of the config, mounted under its name. `inject` is the real key where memfw holds it; `keys_pass` says that the
    client's own key goes on to the upstream; `health` says in one word whether requests are sent to it at the moment, and
    `tls` whether who answers there is `verified`, `unverified`, or (without TLS) `none`; `stamps`
    whether what is written there is stamped. `secrets` are what memfw itself says to the upstream: no error of the upstream may tell
    them to a client."""

    name: str
    dialect: Dialect
    client: Upstream
    streams: Streams | None = None
    deadline: float = 30.0
    inject: str | None = None
    secrets: tuple[bytes, ...] = ()
    keys_pass: bool = False
    tls: Literal["verified", "unverified", "none"] = "none"
    unknown_routes: Literal["deny", "pass"] = "deny"
    public_base: str = ""
    stamps: bool = True
    health: Callable[[], str] = lambda: "ok"

    def seen(self) -> Mounted:
        """As the native API shows it."""
        counts = Counter(spec.route_class.value for spec in self.dialect.routes)
        return Mounted(
            name=self.name,
            dialect=self.dialect.name,
            routes=dict(sorted(counts.items())),
            unknown_routes=self.unknown_routes,
            tls=self.tls,
            health=self.health,
        )


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """`now` is the wall clock in epoch seconds, `monotonic` measures, `new_id` makes decision ids. `allowances` is None where no
    principal is limited."""

    principals: Principals
    allowances: Allowances | None = None
    policy: Callable[[], CompiledPolicy]
    projections: Projects
    recorder: Recorder
    metrics: Metrics
    ring: KeyRing
    holds: Holds
    deletes: Deletes
    stamps: Stamps
    pages: Pages
    now: Callable[[], float]
    monotonic: Callable[[], float]
    new_id: Callable[[], str]
