"""Roles: what is shown first and stressed. A role never decides what is shown, and opens nothing."""

from collections.abc import Mapping

from firewall.core.guide.memory import Memory, Part, Role

_C, _H, _P, _PR, _X, _CA, _I, _F, _R = Part

#: Which parts come first for whom.
ORDER: Mapping[Role, tuple[Part, ...]] = {
    "agent": (_C, _H, _P, _PR, _F, _CA, _I, _R, _X),
    "planner": (_PR, _X, _C, _P, _F, _H, _CA, _I, _R),
    "worker": (_C, _H, _F, _P, _PR, _CA, _I, _R, _X),
    "verifier": (_CA, _C, _H, _P, _F, _PR, _I, _R, _X),
    "reviewer": (_P, _F, _C, _H, _PR, _CA, _I, _R, _X),
}
FOCUS: Mapping[Role, str] = {
    "agent": "active_path,blocked_routes",
    "planner": "procedures,scope_constraints",
    "worker": "active_path,blocked_routes",
    "verifier": "candidate_route_evidence",
    "reviewer": "passed_solutions,failed_branches,active_path",
}


def rank_of(role: Role, memory: Memory) -> int:
    """The place of a memory's part among those of a role."""
    return ORDER[role].index(memory.part)
