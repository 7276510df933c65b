"""The projection: what is so now, folded from the evidence log. `fold(state, event)` is the only way it changes.

Rules
-----
1. Order is log order; a record whose offset is not above the state's is skipped, so that twice is once.
2. A review counts for the exact text that it saw: another digest of the same memory is unreviewed.
3. A later review of the same text replaces an earlier one.
4. Standing is counted, never overwritten: one strong harm or two weak ones demote until as many helps follow.

`State` belongs to whoever follows the log; readers (adjudication) are synchronous and see it between two folds.
"""

from collections.abc import Iterable
from typing import assert_never

import msgspec

from firewall.core.events import Held, HeldAgain, PolicyActivated, Record, Reviewed, StandingGiven
from firewall.core.routes import RouteIndex

MemoryKey = tuple[str, str]
"""(upstream, memory id)"""

TextKey = tuple[str, str, str]
"""(upstream, memory id, digest)"""


class HeldItem(msgspec.Struct, kw_only=True):
    reasons: tuple[str, ...]
    surface: str
    first_seen: float
    last_seen: float
    count: int = 1


class Review(msgspec.Struct, frozen=True, kw_only=True):
    decision: str
    findings: tuple[str, ...]
    until: float | None
    reviewer: str
    at: float


class Standing(msgspec.Struct, kw_only=True):
    helped: int = 0
    harmed_weak: int = 0
    harmed_strong: int = 0

    @property
    def demoted(self) -> bool:
        """One strong harm or two weak ones, unless helps outweigh them (a strong harm weighs two)."""
        harm = self.harmed_weak + 2 * self.harmed_strong
        return harm >= 2 and harm > self.helped


class State(msgspec.Struct, kw_only=True):
    """The projection of one (tenant, scope)."""

    offset: int = 0
    held: dict[TextKey, HeldItem] = {}
    reviews: dict[TextKey, Review] = {}
    reviewed_memories: dict[MemoryKey, int] = {}
    standings: dict[MemoryKey, Standing] = {}
    policy: tuple[str, str] = ("", "")
    routes: RouteIndex = msgspec.field(default_factory=RouteIndex)


def fold(state: State, record: Record) -> State:
    """Apply one record. The same state comes back, changed; a record already folded changes nothing."""
    if record.offset <= state.offset:
        return state
    state.offset = record.offset
    match record.event:
        case Held() as event:
            text_key = (event.upstream, event.memory_id, event.digest)
            item = state.held.get(text_key)
            if item is None:
                state.held[text_key] = HeldItem(
                    reasons=event.reasons, surface=event.surface, first_seen=event.at, last_seen=event.at
                )
            else:
                item.count += 1
                item.reasons = event.reasons
                item.last_seen = max(item.last_seen, event.at)
        case HeldAgain() as event:
            item = state.held.get((event.upstream, event.memory_id, event.digest))
            if item is not None:
                item.count += event.count
                item.last_seen = max(item.last_seen, event.at)
        case Reviewed() as event:
            text_key = (event.upstream, event.memory_id, event.digest)
            if text_key not in state.reviews:
                memory = text_key[:2]
                state.reviewed_memories[memory] = state.reviewed_memories.get(memory, 0) + 1
            state.reviews[text_key] = Review(
                decision=event.decision,
                findings=event.findings,
                until=event.until,
                reviewer=event.reviewer,
                at=event.at,
            )
        case StandingGiven() as event:
            standing = state.standings.setdefault((event.upstream, event.memory_id), Standing())
            if event.outcome == "helped":
                standing.helped += 1
            elif event.outcome == "harmed" and event.strength == "strong":
                standing.harmed_strong += 1
            elif event.outcome == "harmed":
                standing.harmed_weak += 1
        case PolicyActivated() as event:
            state.policy = (event.name, event.revision)
        case _:
            assert_never(record.event)
    return state


def fold_all(state: State, records: Iterable[Record]) -> State:
    for record in records:
        fold(state, record)
    return state
