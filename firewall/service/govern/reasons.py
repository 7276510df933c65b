"""The reason codes of a govern answer, in their fixed order, and what of a verdict is news to the caller.

Seven codes repeat what was said of the candidate; then come ours; then exactly one code for the verdict.
"""

from firewall.core.model import Action, Family, Finding, Lifecycle, Mode, Verdict
from firewall.core.reasons import head
from firewall.service.govern.candidates import Described

_VERDICT = {
    Action.use_now: "trusted_current_or_procedure_candidate",
    Action.inspect_before_use: "candidate_requires_inspection_before_direct_use",
    Action.rehydrate: "candidate_requires_rehydration_before_exact_use",
    Action.do_not_use: "candidate_blocked_from_agent_action",
}
UNSAFE_HINTS = frozenset(
    {Lifecycle.failed, Lifecycle.stale, Lifecycle.contested, Lifecycle.suppressed, Lifecycle.archived}
)
#: What the ladder says of a claim, when the claim stands among the seven codes already.
_LADDER = frozenset({"authority_scope", "trust", "unlabelled"})
#: Wrong or unfit, but not meant to harm: what such a memory says of itself may be shown.
_HONEST = frozenset(
    {
        Family.lifecycle,
        Family.age,
        Family.contested,
        Family.execution,
        Family.standing,
        Family.unlabelled,
        Family.duplicate,
        Family.size,
        Family.rule,
    }
)
_UNSAFE_TEXT = frozenset({"text_signal", "execution", "contradiction"})


def news(described: Described, verdict: Verdict) -> tuple[Finding, ...]:
    """The findings that say more than the ladder's echo of the caller's own claims."""
    echoes = (f"label:{described.hint.value}", f"evidence:{described.evidence.value}")
    return tuple(
        finding
        for finding in verdict.findings
        if head(finding.reason) not in _LADDER and finding.reason not in echoes
    )


def hostile(verdict: Verdict) -> bool:
    """Whether title, files and refs must not be shown either: they came from the same hand as the text."""
    return any(
        finding.action > Action.use_now and finding.family not in _HONEST for finding in verdict.findings
    )


def unsafe_text(verdict: Verdict) -> bool:
    """Whether the text itself, or another one, says that this is no way to go on."""
    return any(
        finding.action > Action.use_now and head(finding.reason) in _UNSAFE_TEXT
        for finding in verdict.findings
    )


def unsafe(described: Described, verdict: Verdict) -> bool:
    """Whether it would be wrong to act on it directly, by its label or by what we found."""
    return (
        described.hint in UNSAFE_HINTS
        or unsafe_text(verdict)
        or any(finding.action is Action.do_not_use for finding in verdict.findings)
    )


def codes_of(
    described: Described, verdict: Verdict, *, mode: Mode, surfaced: Action, duplicate: bool
) -> tuple[str, ...]:
    """`surfaced` is the action that the caller gets: in shadow it may be milder than the verdict's."""
    codes = [
        "external_candidate_admission",
        f"mode:{mode.name}",
        f"source_backend:{described.candidate.backend}",
        f"source_trust:{described.trust.name}",
        f"scope:{described.scope.value}",
        f"evidence_requirement:{described.evidence.value}",
        f"lifecycle_hint:{described.hint.value}",
    ]
    if unsafe_text(verdict):
        codes.append("lifecycle_candidate_signal:unsafe_direct_use")
    if verdict.trust < described.trust and all(
        found.family is not Family.error for found in verdict.findings
    ):
        codes.append(f"trust_capped:{described.trust.name}->{verdict.trust.name}")
    ours = dict.fromkeys(finding.reason for finding in news(described, verdict))
    if duplicate:
        ours["duplicate_id"] = None
    codes += ours
    codes.append(_VERDICT[surfaced])
    return tuple(codes)


def why(described: Described, verdict: Verdict) -> str:
    """The one reason that stands in the prompt and in a posture: ours, else the caller's own claim."""
    decisive = verdict.findings[0] if verdict.findings else None
    if decisive is None:
        return f"lifecycle_hint:{described.hint.value}"
    name, _, tail = decisive.reason.partition(":")
    match name:
        case "label":
            return f"lifecycle_hint:{tail}"
        case "evidence":
            return f"evidence_requirement:{tail}"
        case "authority_scope":
            return f"scope:{tail}"
        case "trust":
            return f"source_trust:{tail}"
        case "unlabelled":
            return f"lifecycle_hint:{described.hint.value}"
        case _:
            return decisive.reason
