"""Candidates with verdicts, as the quarantine meets them."""

from firewall.core.model import Action, Candidate, Family, Finding, Verdict

INJECTED = Finding(Family.content, Action.do_not_use, "injection:override")
FOREIGN = Finding(Family.scope, Action.do_not_use, "scope_mismatch")
PII = Finding(Family.content, Action.use_now, "pii:phone")


def candidate(name: str, text: str = "hostile") -> Candidate:
    return Candidate(id=name, upstream="mem0", text=text)


def verdict(*findings: Finding) -> Verdict:
    action = max((finding.action for finding in findings), default=Action.use_now)
    return Verdict(action, admitted=action is Action.use_now, findings=findings)
