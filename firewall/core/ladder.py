"""The admission ladder of the modes: what claims and labels alone are worth. First match wins.

    1  blocked, suppressed                     do_not_use
       archived                                rehydrate in standard, else do_not_use
    2  rehydrate_before_use                    rehydrate
    3  failed, stale, contested                do_not_use in firewall, else inspect_before_use
    4  inspect_before_use, authority scope     inspect_before_use
    5  trust enough, label current/procedure   use_now
    6  otherwise                               inspect_before_use

Trust enough: `known` in standard, `trusted` in strict and firewall. A missing label counts as current in standard and
strict drop-in traffic (the ordinary memory of an ordinary user must simply work); firewall wants one. On `govern` the
caller labels, and a missing label is `unknown`.
"""

from firewall.core.compiled import CompiledPolicy
from firewall.core.model import (
    Action,
    Claims,
    Context,
    EvidenceRequirement,
    Family,
    Finding,
    Lifecycle,
    Mode,
    Surface,
    Trust,
)

_LABEL_FAMILY = {
    Lifecycle.failed: Family.execution,
    Lifecycle.stale: Family.lifecycle,
    Lifecycle.contested: Family.contested,
}
_AFFIRMATIVE = frozenset({Lifecycle.current, Lifecycle.procedure})

UNLABELLED = "unlabelled"
#: Said by the execution signal of a memory that a verifier's or reviewer's accepted route speaks of.
VOUCHED = "execution:accepted_route"

# Looked up once: an enum finds its members by a Python call, which every candidate would pay.
_GOVERN = Surface.govern
_STANDARD, _FIREWALL = Mode.standard, Mode.firewall
_KNOWN, _TRUSTED = Trust.known, Trust.trusted


def climb(claims: Claims, trust: Trust, context: Context, policy: CompiledPolicy) -> Finding | None:
    """The ladder's finding; None for `use_now`."""
    mode = context.mode
    evidence, label = claims.evidence, claims.lifecycle
    if evidence is not None or label is not None:
        step = _stated(evidence, label, mode)
        if step is not None:
            return step
    if context.surface is _GOVERN:
        scope = claims.authority_scope
        if scope is None or scope.value not in policy.govern_scopes:
            claimed = "unknown" if scope is None else scope.value
            return Finding(Family.unlabelled, Action.inspect_before_use, f"authority_scope:{claimed}")
    if trust < (_KNOWN if mode is _STANDARD else _TRUSTED):
        return Finding(Family.unlabelled, Action.inspect_before_use, f"trust:{trust.name}")
    if label in _AFFIRMATIVE or (label is None and mode is not _FIREWALL):
        return None
    return Finding(Family.unlabelled, Action.inspect_before_use, UNLABELLED)


def beside(found: tuple[Finding, ...], step: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What is left of the ladder's step: an accepted route that vouches for a memory is the label that it lacks."""
    if any(finding.reason == VOUCHED for finding in found):
        return tuple(finding for finding in step if finding.reason != UNLABELLED)
    return step


def _stated(evidence: EvidenceRequirement | None, label: Lifecycle | None, mode: Mode) -> Finding | None:
    """Steps 1 to 4: what the claims ask for outright."""
    if evidence is EvidenceRequirement.blocked:
        return Finding(Family.lifecycle, Action.do_not_use, "evidence:blocked")
    if label is Lifecycle.suppressed:
        return Finding(Family.lifecycle, Action.do_not_use, "label:suppressed")
    if label is Lifecycle.archived:
        action = Action.rehydrate if mode is Mode.standard else Action.do_not_use
        return Finding(Family.lifecycle, action, "label:archived")
    if evidence is EvidenceRequirement.rehydrate_before_use:
        return Finding(Family.lifecycle, Action.rehydrate, "evidence:rehydrate_before_use")
    family = None if label is None else _LABEL_FAMILY.get(label)
    if family is not None and label is not None:
        action = Action.do_not_use if mode is Mode.firewall else Action.inspect_before_use
        return Finding(family, action, f"label:{label.value}", show_text=True)
    if evidence is EvidenceRequirement.inspect_before_use:
        return Finding(Family.unlabelled, Action.inspect_before_use, "evidence:inspect_before_use")
    return None
