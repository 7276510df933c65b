"""Ledger: what reviewers said of this memory. A release is no finding; `released` says which findings it removes.

A review is bound to a digest: that of the text, or, where a finding stands in the title or the metadata, that of the whole
(`held_digest`). So nobody can slip another instruction in beside a text that was released.
"""

from firewall.core.compiled import NOTHING, Env
from firewall.core.events import text_digest
from firewall.core.model import Action, Candidate, Family, Finding

#: No reviewer can release these: they say whose memory it is, and whether its stamp is false.
NEVER_RELEASED = frozenset({Family.scope, Family.forged, Family.error})


#: Where a content finding stands that the digest of the text says nothing of.
_BESIDE = frozenset({"in:title", "in:attached"})

# Looked up once: a memo is called by a Python call.
_digest_of = text_digest.of

_SUPPRESSED = (Finding(Family.held, Action.do_not_use, "ledger:suppressed"),)


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    state = env.state
    if not state.reviewed_memories and not state.suppressed and not state.suppressions:
        return NOTHING
    memory = (candidate.upstream, candidate.id)
    stopped = state.suppressions.get(memory)
    if stopped is not None and stopped.holds(env.now):
        return _SUPPRESSED
    suppressed = state.suppressed.get(memory)
    if suppressed is not None:
        return (Finding(Family.held, Action.do_not_use, f"ledger:{suppressed}"),)
    if memory not in state.reviewed_memories:
        return NOTHING
    for digest in _digests(candidate):
        review = state.reviews.get((*memory, digest))
        if review is not None and review.decision == "confirm":
            return (Finding(Family.held, Action.do_not_use, "ledger:confirmed"),)
    return NOTHING


def released(candidate: Candidate, env: Env) -> frozenset[str]:
    """The reason codes (whole, or up to the first colon) that a reviewer released this exact text from."""
    if (candidate.upstream, candidate.id) not in env.state.reviewed_memories:
        return frozenset()
    return _released(candidate, text_digest(candidate.text), env)


def released_whole(candidate: Candidate, env: Env) -> frozenset[str]:
    """The same of this exact text with this exact title and metadata."""
    unreviewed = (candidate.upstream, candidate.id) not in env.state.reviewed_memories
    if unreviewed or not (candidate.title or candidate.attached):
        return frozenset()
    return _released(candidate, whole_digest(candidate), env)


def beside_text(finding: Finding) -> bool:
    """Whether the finding stands where the digest of the text does not reach."""
    return not _BESIDE.isdisjoint(finding.evidence)


def whole_digest(candidate: Candidate) -> str:
    """The digest of everything of the candidate that reaches an agent."""
    parts = (candidate.text, candidate.title, *candidate.attached)
    return text_digest("".join([f"{len(part)}:{part}" for part in parts]))


def held_digest(candidate: Candidate, *, beside: bool) -> str:
    """The digest by which the candidate is held: that of its text, or of all of it where a finding stands beside the text."""
    return whole_digest(candidate) if beside else _digest_of(candidate.text)


def _digests(candidate: Candidate) -> tuple[str, ...]:
    in_text = _digest_of(candidate.text)
    return (in_text, whole_digest(candidate)) if candidate.title or candidate.attached else (in_text,)


def _released(candidate: Candidate, digest: str, env: Env) -> frozenset[str]:
    review = env.state.reviews.get((candidate.upstream, candidate.id, digest))
    if review is None or review.decision != "release":
        return frozenset()
    if review.until is not None and review.until <= env.now:
        return frozenset()
    return frozenset(review.findings)
