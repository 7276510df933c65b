"""Whether stored evidence may be handed out as text: judged like any memory that a guide would serve, when it is read.

Failed, superseded or contested evidence is handed out to whoever asks for it by its id: that is what it is kept for.
What is hostile (instructions, secrets, forged markup), or stopped by a reviewer or by a suppression, is not.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from firewall.core.adjudicate import adjudicate
from firewall.core.evidence import NATIVE, Observed
from firewall.core.model import Action, Candidate, Context, Family, Kind, Surface
from firewall.service.desk import Desk
from firewall.service.evidence.shelf import Shelf
from firewall.service.principals import Principal

#: Bytes of evidence in one answer: all of it is judged on the way out.
ANSWER_BYTES = 524_288

_STOPS = frozenset(
    {Family.content, Family.procedure_change, Family.scope, Family.forged, Family.held, Family.error}
)
_KINDS = {"execution": Kind.execution_memory, "handoff": Kind.execution_memory, "claim": Kind.fact}


class Handed(msgspec.Struct, frozen=True):
    """`deferred`: the answer was full already; ask for it by itself. `reasons` are codes."""

    status: Literal["resolved", "withheld", "deferred"]
    reasons: tuple[str, ...] = ()


class Handout:
    """What one answer hands out. The first piece always fits; beyond the budget the rest is deferred."""

    def __init__(self, desk: Desk, shelf: Shelf, principal: Principal, *, budget: int = ANSWER_BYTES) -> None:
        self._desk = desk
        self._shelf = shelf
        self._principal = principal
        self._left = budget

    def hand(self, event: Observed) -> Handed:
        """Whether this piece goes out with this answer."""
        if self._left <= 0:
            return Handed("deferred")
        self._left -= len(event.text) + len(event.payload)
        reasons = withheld_for(event, self._desk, self._shelf, self._principal)
        return Handed("withheld", reasons) if reasons else Handed("resolved")


def withheld_for(event: Observed, desk: Desk, shelf: Shelf, principal: Principal) -> tuple[str, ...]:
    """The reason codes for which this evidence is not handed out; nothing where it is."""
    told = {event.text, event.title}
    candidate = Candidate(
        id=event.node_id,
        upstream=NATIVE,
        text=event.text,
        title=event.title,
        kind=_KINDS.get(event.kind, Kind.unknown),
        created_at=event.at,
        attached=tuple(text for text in dict.fromkeys(_strings(event.payload)) if text not in told),
    )
    context = Context(
        decision_id="",
        surface=Surface.guide,
        tenant=shelf.key.tenant,
        scope=shelf.key.scope,
        principal=principal.name,
        max_trust=principal.max_trust,
        by_id=True,
        viewer=shelf.viewer,
    )
    judged = adjudicate([candidate], context, shelf.state, desk.policy(), desk.now())
    return tuple(
        finding.reason
        for finding in judged.verdicts[0].findings
        if finding.action is Action.do_not_use and finding.family in _STOPS
    )


def _strings(payload: bytes) -> Iterator[str]:
    """Every string of the payload, keys included: all of it reaches whoever reads it."""
    stack: list[object] = [msgspec.json.decode(payload)] if payload else []
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack.extend(value)
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
