"""Ledger: what reviewers said of this memory. A release is no finding; `released` says which findings it removes."""

from firewall.core.compiled import NOTHING, Env
from firewall.core.events import text_digest
from firewall.core.model import Action, Candidate, Family, Finding

#: No reviewer can release these: they say whose memory it is, and whether its stamp is false.
NEVER_RELEASED = frozenset({Family.scope, Family.forged, Family.error})


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
    review = state.reviews.get((*memory, text_digest(candidate.text)))
    if review is None or review.decision != "confirm":
        return NOTHING
    return (Finding(Family.held, Action.do_not_use, "ledger:confirmed"),)


def released(candidate: Candidate, env: Env) -> frozenset[str]:
    """The reason codes (whole, or up to the first colon) that a reviewer released this exact text from."""
    state = env.state
    if (candidate.upstream, candidate.id) not in state.reviewed_memories:
        return frozenset()
    review = state.reviews.get((candidate.upstream, candidate.id, text_digest(candidate.text)))
    if review is None or review.decision != "release":
        return frozenset()
    if review.until is not None and review.until <= env.now:
        return frozenset()
    return frozenset(review.findings)
