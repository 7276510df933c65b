"""Who may come and how much each may take, out of the config: principals, the admin token, allowances."""

import logging
from collections.abc import Callable

from firewall.admin_token import AdminToken
from firewall.config import Config, PrincipalConfig, PrincipalLimits
from firewall.core.model import Trust
from firewall.errors import ConfigError
from firewall.metrics import Metrics
from firewall.service.allowance import Allowance, AllowanceLimits, Allowances
from firewall.service.principals import ADMIN, LOCAL, Principal, Principals, Role

_log = logging.getLogger("memfw")


def principals_of(config: Config, token: AdminToken) -> Principals:
    """Those of the config; without any there is an admin token, which is made at the first start."""
    entries = [(entry.digest, _principal(entry, _also(entry, config))) for entry in config.principals]
    return Principals(entries, admin_digest=None if entries else token.first())


def take_token(principals: Principals, token: AdminToken) -> None:
    """The token that counts from now on. One that cannot be read changes nothing, and that is said."""
    if not principals.keyless:
        return
    try:
        principals.admin_digest = token.digest()
    except ConfigError as error:
        problems = [str(problem) for problem in error.problems]
        _log.error("admin token not read again, the last one stays", extra={"problems": problems})


def allowances_of(config: Config, metrics: Metrics, clock: Callable[[], float]) -> Allowances | None:
    """None where nobody is limited."""
    default = config.limits.per_principal
    limits = {entry.name: entry.limits.over(default) for entry in config.principals}
    if not limits:
        limits = {LOCAL.name: default, ADMIN.name: default}
    by_name = {
        name: Allowance(
            name, given, clock=clock, on_limited=lambda *labels: metrics.limited.labels(*labels).inc()
        )
        for name, given in ((name, _allowance(limit)) for name, limit in limits.items())
        if given.limited
    }
    return Allowances(by_name) if by_name else None


def _allowance(limits: PrincipalLimits) -> AllowanceLimits:
    return AllowanceLimits(
        requests_per_second=limits.requests_per_second, burst=limits.burst, concurrency=limits.concurrency
    )


def _also(entry: PrincipalConfig, config: Config) -> frozenset[str]:
    """The names under which the agent of that entry comes with another key."""
    if not entry.agent:
        return frozenset()
    mine = (entry.tenant, entry.agent)
    return frozenset(
        other.name
        for other in config.principals
        if (other.tenant, other.agent) == mine and other.name != entry.name
    )


def _principal(entry: PrincipalConfig, also: frozenset[str]) -> Principal:
    return Principal(
        name=entry.name,
        tenant=entry.tenant,
        scopes=entry.scopes,
        role=Role(entry.role),
        max_trust=Trust[entry.max_trust],
        agent=entry.agent,
        team=entry.team,
        may_act_as=entry.may_act_as,
        pin=entry.pin,
        native=not entry.upstream_key,
        also=also,
    )
