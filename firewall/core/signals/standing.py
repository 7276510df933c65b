"""Standing: what feedback says of this memory. It demotes to inspection; it never blocks, and never praises."""

from firewall.core.compiled import NOTHING, Env
from firewall.core.model import Action, Candidate, Family, Finding

_DEMOTED = (Finding(Family.standing, Action.inspect_before_use, "closed_loop:demoted"),)


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    standings = env.state.standings
    if not standings:
        return NOTHING
    standing = standings.get((candidate.upstream, candidate.id))
    return _DEMOTED if standing is not None and standing.demoted else NOTHING
