"""Lifecycle: what the upstream itself says of the end of a memory. Wrong, not hostile: its text may be shown.

In mode standard such a memory has to be inspected, in strict and firewall it is out; drop-in traffic withholds both.
"""

from firewall.core.compiled import NOTHING, Env
from firewall.core.model import Action, Candidate, Family, Finding, Mode


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    successor = candidate.superseded_by
    expires, invalid = candidate.expires_at, candidate.invalid_at
    if successor is None and expires is None and invalid is None:
        return NOTHING
    action = Action.inspect_before_use if env.context.mode is Mode.standard else Action.do_not_use
    findings = []
    if successor:
        findings.append(
            Finding(
                Family.lifecycle,
                action,
                f"superseded_by:{successor}",
                show_text=True,
                superseded_by=successor,
            )
        )
    if expires is not None and expires <= env.now:
        findings.append(Finding(Family.lifecycle, action, "expired", show_text=True))
    if invalid is not None and invalid <= env.now:
        findings.append(Finding(Family.lifecycle, action, "invalidated", show_text=True))
    return tuple(findings)
