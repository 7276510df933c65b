"""Quarantine: what was withheld for a reason that a person may want to review, as aggregated events of the log.

The first sighting of a text is one `Held` event, later ones are counted in memory and come as `HeldAgain` in bulk.
Noting never waits: the buffer is bounded, what does not fit is counted and met again at the next sighting.
"""

from collections.abc import Sequence

from firewall.core.events import Event, Held, HeldAgain, ScopeKey, text_digest
from firewall.core.model import Action, Candidate, Family, Verdict
from firewall.core.state import State

#: The families that a person reviews. Scope and lifecycle speak for themselves.
REVIEWED = frozenset({Family.content, Family.procedure_change, Family.forged})

_Text = tuple[str, str, str]
_USE_NOW = Action.use_now
_digest_of = text_digest.of


class QuarantineBuffer:
    """Collects sightings until `drain` hands them to whoever appends them to the log."""

    def __init__(self, *, limit: int = 10_000) -> None:
        self._limit = limit
        self._first: dict[ScopeKey, dict[_Text, Held]] = {}
        self._again: dict[ScopeKey, dict[_Text, tuple[int, float]]] = {}
        self._size = 0
        self.dropped = 0

    def note(
        self,
        key: ScopeKey,
        state: State,
        sighted: Sequence[tuple[Candidate, Verdict]],
        *,
        surface: str,
        now: float,
    ) -> None:
        """Those of the candidates whose verdict holds a reason that a person reviews."""
        known: dict[int, tuple[str, ...]] = {}  # many a verdict is that of several candidates
        for candidate, verdict in sighted:
            reasons = known.get(id(verdict))
            if reasons is None:
                reasons = known[id(verdict)] = _reviewed(verdict)
            if reasons:
                self._sighting(key, state, candidate, reasons, surface, now)

    def _sighting(
        self,
        key: ScopeKey,
        state: State,
        candidate: Candidate,
        reasons: tuple[str, ...],
        surface: str,
        now: float,
    ) -> None:
        text: _Text = (candidate.upstream, candidate.id, _digest_of(candidate.text))
        first = self._first.setdefault(key, {})
        again = self._again.setdefault(key, {})
        if text in again:
            again[text] = (again[text][0] + 1, now)
            return
        if self._size >= self._limit:
            self.dropped += 1
            return
        self._size += 1
        if text in state.held or text in first:
            again[text] = (1, now)
        else:
            first[text] = Held(
                upstream=text[0], memory_id=text[1], digest=text[2], reasons=reasons, surface=surface, at=now
            )

    def drain(self) -> list[tuple[ScopeKey, list[Event]]]:
        """Everything noted so far, by scope; the buffer is empty afterwards."""
        batches: list[tuple[ScopeKey, list[Event]]] = []
        for key, first in self._first.items():
            events: list[Event] = list(first.values())
            events += [
                HeldAgain(upstream=text[0], memory_id=text[1], digest=text[2], count=count, at=at)
                for text, (count, at) in self._again.get(key, {}).items()
            ]
            if events:
                batches.append((key, events))
        self._first.clear()
        self._again.clear()
        self._size = 0
        return batches


def _reviewed(verdict: Verdict) -> tuple[str, ...]:
    return tuple(
        [
            finding.reason
            for finding in verdict.findings
            if finding.family in REVIEWED and finding.action is not _USE_NOW
        ]
    )
