"""Size: what is too large for a prompt becomes a pointer; the text stays behind until it is asked for by its id."""

from firewall.core.compiled import NOTHING, Env
from firewall.core.model import Action, Candidate, Family, Finding


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    chars = len(candidate.text)
    if candidate.attached:
        chars += sum(map(len, candidate.attached))
    if chars <= env.policy.prompt_chars:
        return NOTHING
    return (Finding(Family.size, Action.rehydrate, f"too_large:{chars}"),)
