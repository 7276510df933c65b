"""Provenance: trust comes from the policy's tables; what a row claims of itself can only lower it.

A stamp that verifies says who wrote the row, and lifts it to what that writer is trusted with.
On `govern` the claim is the authenticated caller's and counts up to the principal's `max_trust`.
"""

from firewall.core.compiled import NOTHING, CompiledPolicy, Env
from firewall.core.model import (
    Action,
    Attestation,
    Candidate,
    Context,
    Family,
    Finding,
    Signed,
    Surface,
    Trust,
)

# Looked up once: an enum finds its members by a Python call, which every candidate would pay.
_GOVERN = Surface.govern
_UNSIGNED, _VERIFIED = Attestation.unsigned, Attestation.verified
_UNTRUSTED = Trust.untrusted


def trust_of(candidate: Candidate, context: Context, policy: CompiledPolicy) -> Trust:
    """The lowest trust that anything says of the candidate."""
    if context.surface is _GOVERN:
        claim = candidate.claims.trust
        trust = min(
            Trust.unknown if claim is None else claim,
            context.max_trust,
            policy.trust_backends.get(candidate.backend, Trust.trusted),
        )
    else:
        trust = _upstream_trust(candidate, policy)
        claim = candidate.claims.trust
        if claim is not None:
            trust = min(trust, claim)
    if candidate.writer:
        trust = min(trust, policy.trust_writers.get(candidate.writer, trust))
    if candidate.source_class:
        trust = min(trust, policy.trust_source_classes.get(candidate.source_class, trust))
    return trust if candidate.signed is None else _signed_trust(candidate.signed, trust, policy)


def _signed_trust(signed: Signed, trust: Trust, policy: CompiledPolicy) -> Trust:
    """Who is proven to have written it counts beside what the row says of its writer: no more than it was trusted with
    when it wrote, and no more than the policy says of it now."""
    return min(
        trust,
        signed.trust,
        policy.trust_writers.get(signed.principal, trust),
        policy.trust_source_classes.get(signed.source_class, trust),
    )


def _upstream_trust(candidate: Candidate, policy: CompiledPolicy) -> Trust:
    """A line that names the upstream always caps; the default speaks only for rows without a verified stamp."""
    cap = policy.trust_attestation.get(candidate.attestation, _UNTRUSTED)
    named = policy.trust_upstreams.get(candidate.upstream)
    if named is None:
        named = policy.trust_upstreams.get(candidate.backend)
    if named is None:
        if candidate.attestation is _VERIFIED:
            return cap
        named = policy.trust_default
    return min(cap, named)


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:  # noqa: ARG001 - what a signal is given
    attestation = candidate.attestation
    if attestation is _UNSIGNED:
        return NOTHING
    if attestation is Attestation.forged:
        return (Finding(Family.forged, Action.do_not_use, "forged"),)
    if attestation is Attestation.replayed:
        return (Finding(Family.forged, Action.inspect_before_use, "replayed"),)
    return NOTHING
