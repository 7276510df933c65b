"""Admission: what native evidence is worth, from its execution state, its lifecycle and its tier. One table.

The first rule that holds gives the posture; the most severe of that and of the adjudication's verdict is what the
memory gets. Hot tiers, promotion and praise never soften anything: nothing here looks at them.
"""

from collections.abc import Callable

import msgspec

from firewall.core.evidence import Node
from firewall.core.execution import RouteState
from firewall.core.guide.memory import AuthorityWord, Part
from firewall.core.model import Action
from firewall.core.route_words import distinctive, words_of
from firewall.core.routes import ExecutionRoute

_USE, _INSPECT, _POINT, _BLOCK = Action
_CONTESTED = (RouteState.contested, RouteState.disputed, RouteState.stopped)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules know of one node. `binds` says that a failure of its route speaks with authority to the viewer,
    `current` that its route is the active path, `task` is what the guide is asked for."""

    node: Node
    route: ExecutionRoute | None = None
    task: str = ""
    binds: bool = False
    overtaken: bool = False
    current: bool = False
    demoted: bool = False

    def stands(self, *states: RouteState) -> bool:
        return self.route is not None and self.route.state in states

    @property
    def failed(self) -> bool:
        return self.route is not None and self.route.failed


class Rule(msgspec.Struct, frozen=True):
    code: str
    action: Action
    holds: Callable[[Case], bool]


RULES: tuple[Rule, ...] = (
    Rule("lifecycle_suppressed", _BLOCK, lambda case: case.node.lifecycle == "suppressed"),
    Rule("failed_branch", _BLOCK, lambda case: case.failed and case.binds),
    Rule("superseded", _BLOCK, lambda case: bool(case.node.superseded_by)),
    Rule("overtaken_by_failed_branch", _BLOCK, lambda case: case.overtaken),
    Rule(
        "archived",
        _POINT,
        lambda case: case.node.lifecycle == "archived" or case.node.tier in {"cold", "archive"},
    ),
    Rule("unverified_failed_branch", _INSPECT, lambda case: case.failed),
    Rule("contested_route", _INSPECT, lambda case: case.stands(*_CONTESTED)),
    Rule(
        "superseded_route",
        _INSPECT,
        lambda case: case.stands(RouteState.superseded) or case.node.lifecycle == "superseded",
    ),
    Rule("lifecycle_contested", _INSPECT, lambda case: case.node.lifecycle == "contested"),
    Rule("lifecycle_candidate", _INSPECT, lambda case: case.node.lifecycle == "candidate"),
    Rule("lifecycle_demoted", _INSPECT, lambda case: case.node.lifecycle == "demoted"),
    Rule("rehydrated", _INSPECT, lambda case: case.node.lifecycle == "rehydration_candidate"),
    Rule("lifecycle_unknown", _INSPECT, lambda case: case.node.lifecycle == "unknown"),
    Rule("closed_loop:demoted", _INSPECT, lambda case: case.demoted),
    Rule(
        "earlier_outcome",
        _INSPECT,
        lambda case: case.node.outcome in {"failed", "blocked", "interrupted"},
    ),
    Rule(
        "another_task",
        _INSPECT,
        lambda case: bool(case.task and case.node.task_signature) and case.node.task_signature != case.task,
    ),
    Rule(
        "effect_not_verified",
        _INSPECT,
        lambda case: case.node.outcome == "unknown" and not case.current,
    ),
    Rule(
        "evidence_only",
        _INSPECT,
        lambda case: case.node.kind in {"memory", "text"} and case.node.node_type in {"event", "evidence"},
    ),
)
_ADMITTED = Rule("active", _USE, lambda _: True)


def admit(case: Case) -> Rule:
    """The first rule that holds; `active` where none does."""
    return next((rule for rule in RULES if rule.holds(case)), _ADMITTED)


def authority_of(action: Action, *, verified: bool) -> AuthorityWord:
    """What a memory with this action may claim."""
    if action is _BLOCK:
        return "blocked"
    if action is not _USE:
        return "candidate"
    return "trusted" if verified else "advisory"


def part_of(action: Action, node: Node | None, route: ExecutionRoute | None, *, current: bool) -> Part:
    """Where a memory with this action stands. `current` is the step that the active path rests on."""
    if action is _BLOCK:
        return Part.failed
    if action is _POINT:
        return Part.rehydrate
    if action is _INSPECT:
        return Part.inspect if route is None else Part.candidate
    if node is None:
        return Part.context
    if node.node_type == "procedure":
        return Part.procedure
    if node.kind == "handoff":
        return Part.handoff
    if current:
        return Part.current
    # Going on with a route says nothing yet of how it ended.
    return Part.passed if route is not None and node.outcome == "succeeded" else Part.context


# ---- the premise firewall ----------------------------------------------------------------------------------------

_CONFLICTS = "premise_firewall_query_conflicts_with_current_memory"
_BLOCKED = "premise_firewall_query_mentions_blocked_memory"
_UNCERTAIN = "premise_firewall_query_mentions_uncertain_memory"


def premise_of(query: frozenset[str], title: str, action: Action, code: str) -> str:
    """What to say of a query that takes a memory for granted which it must not; "" where it does not.

    The memory's own posture is at least as severe already: a pointer stays a pointer, for whoever asks for what is
    archived wants it fetched. So this warns, and changes nothing.
    """
    if action is _USE or not mentions(query, title):
        return ""
    if code in {"superseded", "superseded_route"}:
        return _CONFLICTS
    return _UNCERTAIN if action is _INSPECT else _BLOCKED


def mentions(query: frozenset[str], title: str) -> bool:
    """The query says what the title does: two telling words of it at least, and four fifths of them."""
    words = distinctive(words_of(title))
    return len(words) > 1 and 5 * len(words & query) >= 4 * len(words)
