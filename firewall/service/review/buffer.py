"""Sightings: what was withheld for a reason that a person may want to review, as aggregated events of the log.

The first sighting of a text is one `Held` event, later ones are counted in memory and come as `HeldAgain` in bulk.
Noting never waits: the buffer is bounded in items and in the bytes of their texts; what does not fit is counted and met
again at the next sighting.
"""

from collections.abc import Iterable, Sequence

import msgspec

from firewall.core.events import Event, Held, HeldAgain, ScopeKey
from firewall.core.model import Action, Candidate, Family, Verdict
from firewall.core.quarantine import TextKey, quarantine_id
from firewall.core.signals.ledger import beside_text, held_digest
from firewall.core.state import State
from firewall.service.review.vault import HeldText, held_text

#: The families that a person reviews whatever the door did with them. Scope and lifecycle speak for themselves.
REVIEWED = frozenset({Family.content, Family.procedure_change, Family.forged})
#: How many characters of texts may wait to be kept.
TEXT_CHARS = 8 << 20
#: A longer id names nothing that could be asked for again; it only fills the queue's memory.
LONGEST_ID = 1_536

_USE_NOW = Action.use_now

Kept = tuple[ScopeKey, str, HeldText]


class _Reviewed(msgspec.Struct, frozen=True):
    """What a person reviews of one verdict; `beside` where some of it stands beside the text."""

    reasons: tuple[str, ...]
    beside: bool


class QuarantineBuffer:
    """Collects sightings until `drain` hands them to whoever appends them to the log. `also` are families of which what is
    withheld is held too; without `texts` no text is kept."""

    def __init__(
        self,
        *,
        limit: int = 10_000,
        also: Iterable[Family] = (),
        texts: bool = False,
        chars: int = TEXT_CHARS,
    ) -> None:
        self._limit = limit
        self._families = REVIEWED | frozenset(also)
        self._keeps = texts
        self._chars = chars
        self._first: dict[ScopeKey, dict[TextKey, Held]] = {}
        self._again: dict[ScopeKey, dict[TextKey, tuple[int, float]]] = {}
        self._texts: dict[tuple[ScopeKey, str], HeldText] = {}
        self._size = 0
        self._texts_size = 0
        self.dropped = 0
        self.texts_dropped = 0

    def note(
        self,
        key: ScopeKey,
        state: State,
        sighted: Sequence[tuple[Candidate, Verdict]],
        *,
        surface: str,
        now: float,
        writer: str = "",
    ) -> None:
        """Those of the candidates whose verdict holds a reason that a person reviews. `writer` wrote them all."""
        known: dict[int, _Reviewed] = {}  # many a verdict is that of several candidates
        first = self._first.setdefault(key, {})
        again = self._again.setdefault(key, {})
        for candidate, verdict in sighted:
            reviewed = known.get(id(verdict))
            if reviewed is None:
                reviewed = known[id(verdict)] = self._reviewed(verdict)
            if not reviewed.reasons:
                continue
            text = (candidate.upstream, candidate.id, held_digest(candidate, beside=reviewed.beside))
            seen = again.get(text)
            if seen is not None:
                again[text] = (seen[0] + 1, now)
                continue
            is_new = text not in first and _is_new(state, text, reviewed.reasons, now)
            if is_new is None or not self._takes(candidate, state, is_new=is_new):
                continue
            if not is_new:
                again[text] = (1, now)
                continue
            first[text] = Held(
                upstream=text[0],
                memory_id=text[1],
                digest=text[2],
                reasons=reviewed.reasons,
                surface=surface,
                at=now,
                writer=writer or ("" if candidate.signed is None else candidate.signed.principal),
            )
            if self._keeps:
                self._keep(key, quarantine_id(*text), held_text(candidate))

    def _reviewed(self, verdict: Verdict) -> "_Reviewed":
        families = REVIEWED if verdict.admitted else self._families
        findings = [
            finding
            for finding in verdict.findings
            if finding.family in families and finding.action is not _USE_NOW
        ]
        return _Reviewed(tuple([finding.reason for finding in findings]), any(map(beside_text, findings)))

    def _takes(self, candidate: Candidate, state: State, *, is_new: bool) -> bool:
        """Whether there is room for one more; it is counted either way."""
        too_long = len(candidate.id) > LONGEST_ID
        if too_long or self._size >= self._limit or (is_new and state.quarantine.full):
            self.dropped += 1
            return False
        self._size += 1
        return True

    def _keep(self, key: ScopeKey, id_: str, held: HeldText) -> None:
        if self._texts_size + held.size > self._chars:
            self.texts_dropped += 1
            return
        self._texts_size += held.size
        self._texts[key, id_] = held

    def drain(self) -> list[tuple[ScopeKey, list[Event]]]:
        """Everything noted so far, by scope; the buffer is empty afterwards, but for the texts."""
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

    def drain_texts(self) -> list[Kept]:
        """The texts of what was new since the last time."""
        kept = [(key, id_, held) for (key, id_), held in self._texts.items()]
        self._texts.clear()
        self._texts_size = 0
        return kept


def _is_new(state: State, text: TextKey, reasons: tuple[str, ...], now: float) -> bool | None:
    """Whether it goes into the queue: True; is there or was settled, and is only counted: False; is settled for good: None."""
    item = state.held.get(text)
    if item is None:
        review = state.reviews.get(text)
        return None if review is not None and review.decision == "confirm" else True
    match item.status:
        case "expired":
            return True
        case "released":
            # A release that ended, or something that nobody had seen when it was released.
            return item.status_at(now) == "held" or not set(reasons).issubset(item.reasons)
        case _:
            return False
