"""Scope: every row must carry the owner that the principal's pin and the request's filter ask for.

A pinned key that the row does not state counts as foreign: an upstream that leaks rows often leaks them without owner.
"""

from firewall.core.compiled import NOTHING, Env
from firewall.core.model import Action, Candidate, Family, Finding


def _foreign(reason: str, key: str) -> tuple[Finding, ...]:
    return (Finding(Family.scope, Action.do_not_use, reason, evidence=(f"key:{key}",)),)


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    owner = candidate.owner
    context = env.context
    for key, wanted in context.pin.items():
        if owner.get(key) != wanted:
            return _foreign("scope_mismatch", key)
    if owner.get("tenant_id", context.tenant) != context.tenant:
        return _foreign("tenant_mismatch", "tenant_id")
    if owner.get("scope", context.scope) != context.scope:
        return _foreign("scope_mismatch", "scope")
    return NOTHING
