"""Age: older than the policy allows for its kind. Dates from metadata can make a memory older, never newer."""

from firewall.core.compiled import NOTHING, Env
from firewall.core.model import Action, Candidate, Family, Finding


def age_of(candidate: Candidate, now: float) -> float | None:
    """Seconds since the memory last changed; None where nobody states a time. A time ahead of now counts as now."""
    own = candidate.updated_at
    if own is None or (candidate.created_at is not None and candidate.created_at > own):
        own = candidate.created_at
    claimed = candidate.claimed_at
    if own is None or (claimed is not None and claimed < own):
        own = claimed
    return None if own is None else max(0.0, now - own)


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    limit = env.policy.max_age[candidate.kind]
    if limit is None:
        return NOTHING
    age = age_of(candidate, env.now)
    if age is None or age <= limit:
        return NOTHING
    return (
        Finding(Family.age, Action.inspect_before_use, f"too_old:{candidate.kind.value}", show_text=True),
    )
