"""The execution state of a route: what was said of it, by whom, and what it is now. One table; order is log order.

Rules
-----
1. A route is one way of doing one task: its files, or else its workflow, or else its title. Private evidence makes a
   route of its own: it neither blocks nor opens anything for those who cannot see it.
2. What a verifier or reviewer says is settled: `accepted` and `rejected`. What anybody else says is `passed` and
   `failed`: a failure then blocks within its own team and asks for inspection elsewhere.
3. A success on a failed route by a verifier or reviewer reopens it as accepted, by anybody else as contested. What a
   verifier or reviewer had rejected is then disputed: nobody else closes the dispute but by failing as well, and no
   open route of lesser weight gives it away.
4. A try never changes what is known. An interruption opens no question about an accepted or a failed route.
5. Superseding ends an open route; a failed one stays failed.
6. What is said to have been observed earlier than the statement that decided changes nothing: it is history.
"""

import enum
import hashlib
from collections.abc import Sequence

from firewall.core.model import Word
from firewall.core.route_words import normal_path, words_of
from firewall.core.visibility import Audience

ROLES = ("agent", "planner", "worker", "verifier", "reviewer")
#: Their word on an outcome is settled.
VERIFYING = frozenset({"verifier", "reviewer"})


class Said(enum.StrEnum):
    """What a step says of its route."""

    tried = "tried"
    passed = "passed"
    stopped = "stopped"
    failed = "failed"
    superseded = "superseded"


class RouteState(Word):
    """`stopped`, `contested` and `disputed` are all contested to the outside; a success settles the first one only."""

    active = "active"
    passed = "passed"
    accepted = "accepted"
    stopped = "stopped"
    contested = "contested"
    disputed = "disputed"
    failed = "failed"
    rejected = "rejected"
    superseded = "superseded"


_A, _P, _OK, _S, _C, _D, _F, _R, _X = RouteState
_ORDER = (Said.tried, Said.passed, Said.stopped, Said.failed, Said.superseded)

#: Said by anybody:      tried passed stopped failed superseded
_BY_ANYBODY = {
    None: (_A, _P, _S, _F, _X),
    _A: (_A, _P, _S, _F, _X),
    _P: (_P, _P, _S, _F, _X),
    _OK: (_OK, _OK, _OK, _F, _OK),
    _S: (_S, _P, _S, _F, _X),
    _C: (_C, _C, _C, _F, _X),
    _D: (_D, _D, _D, _R, _D),
    _F: (_F, _C, _F, _F, _F),
    _R: (_R, _D, _R, _R, _R),
    _X: (_X, _C, _X, _F, _X),
}
#: Said by a verifier or reviewer.
_BY_VERIFIER = {
    None: (_A, _OK, _S, _R, _X),
    _A: (_A, _OK, _S, _R, _X),
    _P: (_P, _OK, _S, _R, _X),
    _OK: (_OK, _OK, _S, _R, _X),
    _S: (_S, _OK, _S, _R, _X),
    _C: (_C, _OK, _C, _R, _X),
    _D: (_D, _OK, _D, _R, _D),
    _F: (_F, _OK, _F, _R, _F),
    _R: (_R, _OK, _R, _R, _R),
    _X: (_X, _OK, _X, _R, _X),
}

#: What an observed outcome says of the route.
OUTCOMES = {
    "succeeded": Said.passed,
    "failed": Said.failed,
    "blocked": Said.stopped,
    "interrupted": Said.stopped,
    "unknown": Said.tried,
}


def after(state: RouteState | None, said: Said, *, verified: bool) -> RouteState:
    """The state of a route after one more statement; `state` None for a route that nobody spoke of before."""
    table = _BY_VERIFIER if verified else _BY_ANYBODY
    return table[state][_ORDER.index(said)]


def route_key(
    audience: Audience, task_signature: str, files: Sequence[str], workflow_signature: str, title: str
) -> str:
    """The identity of a route: 16 hex digits of what it is made of. Rule 1."""
    if files:
        way = ["files", *sorted({normal_path(file) for file in files})]
    elif workflow_signature:
        way = ["workflow", workflow_signature]
    else:
        way = ["title", *words_of(title)]
    parts = [*audience.circle, "\x1d", task_signature, "\x1d", *way]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
