"""Scope: every row must carry the owner that the principal's pin and the request's filter ask for.

A pinned key that the row does not state counts as foreign: an upstream that leaks rows often leaks them without owner.
"""

from collections.abc import Iterable, Mapping

from firewall.core.compiled import NOTHING, Env
from firewall.core.model import Action, Candidate, Context, Family, Finding


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    """One finding for each kind of boundary that the row lies outside of."""
    owner = candidate.owner
    context = env.context
    for key, wanted in context.pin.items():
        if owner.get(key) != wanted:
            return _foreign(owner, context)
    if owner.get("tenant_id", context.tenant) != context.tenant:
        return _foreign(owner, context)
    if owner.get("scope", context.scope) != context.scope:
        return _foreign(owner, context)
    return NOTHING


def _foreign(owner: Mapping[str, str], context: Context) -> tuple[Finding, ...]:
    scoped = [key for key, wanted in context.pin.items() if owner.get(key) != wanted]
    if owner.get("scope", context.scope) != context.scope:
        scoped.append("scope")
    findings = []
    if scoped:
        findings.append(_finding("scope_mismatch", dict.fromkeys(scoped)))
    if owner.get("tenant_id", context.tenant) != context.tenant:
        findings.append(_finding("tenant_mismatch", ("tenant_id",)))
    return tuple(findings)


def _finding(reason: str, keys: Iterable[str]) -> Finding:
    return Finding(Family.scope, Action.do_not_use, reason, evidence=tuple(f"key:{key}" for key in keys))
