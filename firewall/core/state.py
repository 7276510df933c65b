"""The projection: what is so now, folded from the evidence log. `fold(state, event)` is the only way it changes.

Rules
-----
1. Order is log order; a record whose offset is not above the state's is skipped, so that twice is once.
2. A review counts for the exact text that it saw: another digest of the same memory is unreviewed.
3. A later review of the same text replaces an earlier one.
4. `suppress` and `forget` are said of the memory, whatever its text is or will be. A later release of any of its
   texts lifts a suppression; nothing lifts a forgetting, and nothing that is said later hides one.
5. Standing is counted, never overwritten: one strong harm or two weak ones demote until as many helps follow.
6. Execution evidence, attribution, procedures and the quarantine have their rules at the top of `core.execution`,
   `core.attribution`, `core.procedure` and `core.quarantine`.

7. A stamp belongs to the record that the upstream named first for it.

`State` belongs to whoever follows the log; readers (adjudication) are synchronous and see it between two folds.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, assert_never

import msgspec

from firewall.core import evidence_state, quarantine
from firewall.core.attribution import Learning, Standing, credit
from firewall.core.events import (
    BulkBegun,
    Erased,
    Held,
    HeldAgain,
    HeldExpired,
    PolicyActivated,
    Record,
    Reviewed,
    Stamped,
    StandingGiven,
    WriteHeld,
    WriteMoved,
)
from firewall.core.evidence import (
    NATIVE,
    Exposed,
    FeedbackGiven,
    Measured,
    Observed,
    SkillReviewed,
    SkillsQueued,
    Tended,
    ToolFeedbackGiven,
)
from firewall.core.evidence_state import Evidence
from firewall.core.procedure import Procedures
from firewall.core.quarantine import Bulk, Decided, HeldItem, HeldWrite, Quarantine, TextKey
from firewall.core.routes import RouteIndex
from firewall.core.tiers import TIERS, Tier

MemoryKey = tuple[str, str]
"""(upstream, memory id)"""

#: Raised whenever a transition changes its meaning, so that a snapshot made by another `fold` is rebuilt.
FOLD = 4


#: How many stamps of a scope are bound to their records: the newest.
MOST_STAMPED = 50_000


class Review(msgspec.Struct, frozen=True, kw_only=True):
    decision: str
    findings: tuple[str, ...]
    until: float | None
    reviewer: str
    at: float


class Suppression(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Stop-loss on one memory. `until` is the epoch second at which it ends by itself, None for no end; `principal` has
    set it."""

    until: float | None
    frozen: bool
    principal: str = ""
    at: float

    def holds(self, now: float) -> bool:
        return self.until is None or self.until > now


class State(msgspec.Struct, kw_only=True):
    """The projection of one (tenant, scope)."""

    offset: int = 0
    held: dict[TextKey, HeldItem] = {}
    quarantine: Quarantine = msgspec.field(default_factory=Quarantine)
    reviews: dict[TextKey, Review] = {}
    reviewed_memories: dict[MemoryKey, int] = {}
    suppressed: dict[MemoryKey, Literal["suppressed", "forgotten"]] = {}
    suppressions: dict[MemoryKey, Suppression] = {}
    standings: dict[MemoryKey, Standing] = {}
    stamped: dict[tuple[str, str, str], str] = {}
    policy: tuple[str, str] = ("", "")
    routes: RouteIndex = msgspec.field(default_factory=RouteIndex)
    evidence: Evidence = msgspec.field(default_factory=Evidence)
    learning: Learning = msgspec.field(default_factory=Learning)
    procedures: Procedures = msgspec.field(default_factory=Procedures)


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What reviewers have before them: `items` with what is settled, `open` by tier; `oldest` is since when the one that
    waits longest does, None where none waits."""

    items: int
    open: Mapping[Tier, int]
    oldest: float | None


def backlog_of(states: Iterable[State]) -> Backlog:
    """Of several scopes together."""
    items, oldest = 0, None
    waiting: dict[Tier, int] = dict.fromkeys(TIERS, 0)
    for state in states:
        ledger = state.quarantine
        items += len(state.held) + len(ledger.writes)
        for tier in TIERS:
            waiting[tier] += ledger.open.get(tier, 0)
        text = next((item for item in state.held.values() if item.status == "held"), None)
        write = next((write for write in ledger.writes.values() if write.open), None)
        for since in (one.first_seen for one in (text, write) if one is not None):
            oldest = since if oldest is None else min(oldest, since)
    return Backlog(items=items, open=waiting, oldest=oldest)


def fold(state: State, record: Record) -> State:  # noqa: C901, PLR0912  a case for each kind of event
    """Apply one record. The same state comes back, changed; a record already folded changes nothing."""
    if record.offset <= state.offset:
        return state
    state.offset = record.offset
    match record.event:
        case Held() as held:
            _hold(state, held, record.offset)
        case HeldAgain() as again:
            _hold_again(state, again)
        case Reviewed() as reviewed:
            _review(state, reviewed)
        case HeldExpired() as expired:
            key = (expired.upstream, expired.memory_id, expired.digest)
            decided = Decided(by=expired.reviewer, at=expired.at, note=expired.note)
            quarantine.settle(state.held, state.quarantine, key, "expired", decided)
        case WriteHeld() as write:
            quarantine.hold_write(state.quarantine, _held_write(write, record.offset))
        case WriteMoved() as moved:
            decided = Decided(by=moved.reviewer, at=moved.at, note=moved.note)
            quarantine.move_write(
                state.held, state.quarantine, moved.hold_id, moved.to, decided, moved.answered
            )
        case BulkBegun() as begun:
            bulk = Bulk(digest=begun.digest, expected=begun.expected, upto=begun.upto)
            quarantine.begin_bulk(state.quarantine, begun.operation, bulk)
        case Erased() as erased:
            decided = Decided(by=erased.by, at=erased.at, note=erased.why)
            for id_ in erased.ids:
                quarantine.erase(state.held, state.quarantine, id_, decided)
        case Stamped() as stamped:
            _bind(state, stamped)
        case StandingGiven() as given:
            _stand(state, given)
        case PolicyActivated() as activated:
            state.policy = (activated.name, activated.revision)
        case Observed() as observed:
            evidence_state.observe(state.evidence, state.routes, observed, record.offset)
        case Tended() as tended:
            _tend(state, tended)
        case Exposed() as exposed:
            state.learning.expose(exposed, record.offset)
        case FeedbackGiven() as given:
            credit(state.learning, state.standings, _frozen(state, given.at), given)
        case ToolFeedbackGiven():
            pass  # kept in the log for those who train on it; it changes no memory
        case Measured() as measured:
            state.procedures.measured(measured)
        case SkillsQueued() as queued:
            state.procedures.queue(queued)
        case SkillReviewed() as skill:
            state.procedures.review(skill)
        case _:
            assert_never(record.event)
    return state


def fold_all(state: State, records: Iterable[Record]) -> State:
    """Apply records in their order."""
    for record in records:
        fold(state, record)
    return state


def _hold(state: State, event: Held, offset: int) -> None:
    quarantine.hold(
        state.held,
        state.quarantine,
        (event.upstream, event.memory_id, event.digest),
        reasons=event.reasons,
        surface=event.surface,
        writer=event.writer,
        at=event.at,
        seq=offset,
    )


def _held_write(event: WriteHeld, offset: int) -> HeldWrite:
    return HeldWrite(
        id=event.hold_id,
        seq=offset,
        upstream=event.upstream,
        route=event.route,
        digest=event.digest,
        reasons=event.reasons,
        writer=event.principal,
        texts=event.texts,
        first_seen=event.at,
        last_seen=event.at,
    )


def _hold_again(state: State, event: HeldAgain) -> None:
    item = state.held.get((event.upstream, event.memory_id, event.digest))
    if item is not None:
        item.count += event.count
        item.last_seen = max(item.last_seen, event.at)


def _review(state: State, event: Reviewed) -> None:
    key = (event.upstream, event.memory_id, event.digest)
    memory = key[:2]
    if key not in state.reviews:
        state.reviewed_memories[memory] = state.reviewed_memories.get(memory, 0) + 1
    state.reviews[key] = Review(
        decision=event.decision,
        findings=event.findings,
        until=event.until,
        reviewer=event.reviewer,
        at=event.at,
    )
    decided = Decided(
        by=event.reviewer, at=event.at, note=event.note, findings=event.findings, until=event.until
    )
    if event.decision == "release":
        quarantine.settle(state.held, state.quarantine, key, "released", decided)
    elif event.decision == "confirm":
        quarantine.settle(state.held, state.quarantine, key, "confirmed", decided)
    if event.decision == "forget":
        state.suppressed[memory] = "forgotten"
    elif state.suppressed.get(memory) == "forgotten":
        return
    elif event.decision == "suppress":
        state.suppressed[memory] = "suppressed"
    elif event.decision == "release":
        state.suppressed.pop(memory, None)


def _tend(state: State, event: Tended) -> None:
    memory = (event.upstream, event.memory_id)
    if event.operation == "suppress":
        state.suppressions[memory] = Suppression(
            until=event.until,
            frozen=event.mode == "hard_freeze",
            principal=event.principal,
            at=event.at,
        )
    elif event.operation == "unsuppress":
        state.suppressions.pop(memory, None)
    elif event.upstream == NATIVE:
        evidence_state.tend(state.evidence, event)


def _frozen(state: State, at: float) -> frozenset[MemoryKey]:
    return frozenset(memory for memory, held in state.suppressions.items() if held.frozen and held.holds(at))


def _bind(state: State, event: Stamped) -> None:
    # The first record counts: a stamp that turns up on another one later is a copy.
    state.stamped.setdefault((event.upstream, event.stamp_id, event.digest), event.memory_id)
    if len(state.stamped) > MOST_STAMPED:
        del state.stamped[next(iter(state.stamped))]


def _stand(state: State, event: StandingGiven) -> None:
    standing = state.standings.setdefault((event.upstream, event.memory_id), Standing())
    match event.outcome, event.strength:
        case "helped", _:
            standing.helped += 1
        case "harmed", "strong":
            standing.harmed_strong += 1
        case "harmed", _:
            standing.harmed_weak += 1
        case _:  # withdrawn: recorded in the log, counts for nothing
            pass
