"""The quarantine as it is now: held texts, held writes, and what people decided. Pure; folded by `core.state`.

    text:   held -> released | confirmed | expired | erased      held again by another sighting where `_REOPENS` says so
    write:  held -> releasing -> sent | failed                   held -> confirmed | expired | erased

Rules
-----
1. An item is one exact text of one memory: another digest is another item. Its id says nothing and is the same everywhere.
2. The log says what happened, memory holds what is of use: at most `MOST_OPEN` items wait (what comes then is withheld as
   ever, but not listed), and the `MOST_CLOSED` that were decided last stay to be looked at. A decision outlives its item:
   what was confirmed blocks, and what was released is released, by `State.reviews`.
3. A sighting from before a decision does not reopen what was decided.
4. Items are in the order in which they came into the queue (`seq`, an offset of the log), reopened ones at the end.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from firewall.core.tiers import TIERS, Tier, tier_of

MOST_OPEN = 20_000
MOST_CLOSED = 5_000
#: Bulk reviews that can still be gone on with.
MOST_BULKS = 200

Status = Literal["held", "released", "confirmed", "expired", "erased"]
WriteStatus = Literal["held", "releasing", "sent", "failed", "confirmed", "expired", "erased"]
Move = Literal["releasing", "sent", "failed", "confirmed", "expired"]

TextKey = tuple[str, str, str]
"""(upstream, memory id, digest)"""

#: Settled items that another sighting puts back into the queue. What was confirmed or erased is not asked about twice.
_REOPENS: frozenset[Status] = frozenset({"released", "expired"})
#: From which status a write may get to which.
MOVES: Mapping[Move, frozenset[WriteStatus]] = {
    "releasing": frozenset({"held", "failed", "releasing"}),
    "sent": frozenset({"releasing"}),
    "failed": frozenset({"releasing"}),
    "confirmed": frozenset({"held", "failed", "releasing"}),
    "expired": frozenset({"held", "failed", "releasing"}),
}
_OPEN_WRITES: frozenset[WriteStatus] = frozenset({"held", "releasing", "failed"})


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """Who settled an item, when and why. `by` is empty where time did. `findings` are what a release removed."""

    by: str
    at: float
    note: str = ""
    findings: tuple[str, ...] = ()
    until: float | None = None


class HeldItem(msgspec.Struct, kw_only=True):
    """One text. `writer` is the principal that is known to have written it, empty where nobody knows."""

    id: str = ""
    seq: int = 0
    reasons: tuple[str, ...]
    surface: str
    first_seen: float
    last_seen: float
    count: int = 1
    writer: str = ""
    status: Status = "held"
    decided: Decided | None = None

    @property
    def tier(self) -> Tier:
        return tier_of(self.reasons)

    def status_at(self, now: float) -> Status:
        """A release that has ended holds again."""
        if self.status == "released" and self.decided is not None:
            until = self.decided.until
            return "released" if until is None or until > now else "held"
        return self.status


class HeldWrite(msgspec.Struct, kw_only=True):
    """One write that was not sent. `texts` are the digests of what it would have stored. `attempts` counts releases; `upstream_status` is what the last one was answered with."""

    id: str
    seq: int
    upstream: str
    route: str
    digest: str
    reasons: tuple[str, ...]
    writer: str
    first_seen: float
    last_seen: float
    texts: tuple[str, ...] = ()
    count: int = 1
    status: WriteStatus = "held"
    attempts: int = 0
    upstream_status: int = 0
    decided: Decided | None = None

    @property
    def tier(self) -> Tier:
        return tier_of(self.reasons)

    @property
    def open(self) -> bool:
        return self.status in _OPEN_WRITES


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk review that was begun. Only items that were in the queue by `upto` belong to it."""

    digest: str
    expected: int
    upto: int


class Quarantine(msgspec.Struct, kw_only=True):
    """`keys` finds a text by its id; `closed` are the ids that are settled, in the order of their decisions."""

    keys: dict[str, TextKey] = {}
    writes: dict[str, HeldWrite] = {}
    closed: dict[str, None] = {}
    open: dict[str, int] = {}
    bulks: dict[str, Bulk] = {}
    overflowed: int = 0

    @property
    def waiting(self) -> int:
        """How many items wait for a decision."""
        return sum(self.open.values())

    @property
    def full(self) -> bool:
        return self.waiting >= MOST_OPEN


def quarantine_id(upstream: str, memory_id: str, digest: str) -> str:
    """The stable id of one text of one memory."""
    return f"q_{_hash(upstream, memory_id, digest)}"


def hold_id(upstream: str, principal: str, digest: str) -> str:
    """The stable id of one held write: the same request of the same principal again is the same hold."""
    return f"w_{_hash(upstream, principal, digest)}"


def _hash(*parts: str) -> str:
    whole = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        whole.update(len(raw).to_bytes(8) + raw)
    return whole.hexdigest()[:32]


def hold(
    held: dict[TextKey, HeldItem],
    ledger: Quarantine,
    key: TextKey,
    *,
    reasons: tuple[str, ...],
    surface: str,
    writer: str,
    at: float,
    seq: int,
) -> None:
    """A text was met that was not known to be held."""
    item = held.get(key)
    if item is None:
        if ledger.full:
            ledger.overflowed += 1
            return
        item = HeldItem(
            id=quarantine_id(*key),
            seq=seq,
            reasons=reasons,
            surface=surface,
            first_seen=at,
            last_seen=at,
            writer=writer,
        )
        held[key] = item
        ledger.keys[item.id] = key
        _count(ledger, item.tier, 1)
        return
    # Two processes may both have met the item as new: the second entry is one more sighting.
    item.count += 1
    item.last_seen = max(item.last_seen, at)
    waits = item.status == "held"
    reopens = item.status in _REOPENS and (item.decided is None or at > item.decided.at)
    if not waits and not reopens:
        return
    if waits:
        _count(ledger, item.tier, -1)
    else:
        ledger.closed.pop(item.id, None)
        item.status, item.decided, item.seq = "held", None, seq
        del held[key]
        held[key] = item
    item.reasons = reasons
    _count(ledger, item.tier, 1)


def settle(
    held: dict[TextKey, HeldItem], ledger: Quarantine, key: TextKey, status: Status, decided: Decided
) -> None:
    """A decision on a text. One of which nothing is held any more changes nothing here, and what is erased stays erased;
    only what waits can expire."""
    item = held.get(key)
    if item is None or item.status == "erased":
        return
    if status == "expired" and item.status_at(decided.at) != "held":
        return
    if item.status == "held":
        _count(ledger, item.tier, -1)
    item.status, item.decided = status, decided
    _close(held, ledger, item.id)


def hold_write(ledger: Quarantine, write: HeldWrite) -> None:
    """A write was held. One that is held already was sent again; a settled one waits anew."""
    known = ledger.writes.get(write.id)
    if known is None:
        ledger.writes[write.id] = write
        _count(ledger, write.tier, 1)
        return
    known.count += 1
    known.last_seen = max(known.last_seen, write.last_seen)
    if known.status in {"sent", "expired", "erased"}:
        del ledger.writes[write.id]
        ledger.closed.pop(write.id, None)
        write.count, write.first_seen, write.attempts = known.count, known.first_seen, known.attempts
        ledger.writes[write.id] = write
        _count(ledger, write.tier, 1)


def move_write(
    held: dict[TextKey, HeldItem], ledger: Quarantine, id_: str, to: Move, decided: Decided, answered: int
) -> None:
    """A write gets on. What the table does not allow is a word that came too late."""
    write = ledger.writes.get(id_)
    if write is None or write.status not in MOVES[to]:
        return
    write.attempts += to == "releasing"
    write.upstream_status = answered
    _settle_write(held, ledger, write, to, decided)


def erase(held: dict[TextKey, HeldItem], ledger: Quarantine, id_: str, decided: Decided) -> None:
    """The text is gone; that it was held, why, and who erased it stays to be looked at."""
    key = ledger.keys.get(id_)
    if key is not None:
        settle(held, ledger, key, "erased", decided)
    write = ledger.writes.get(id_)
    if write is not None:
        _settle_write(held, ledger, write, "erased", decided)


def begin_bulk(ledger: Quarantine, name: str, bulk: Bulk) -> None:
    """The first to begin one has begun it."""
    ledger.bulks.setdefault(name, bulk)
    while len(ledger.bulks) > MOST_BULKS:
        del ledger.bulks[next(iter(ledger.bulks))]


def texts_of(held: Mapping[TextKey, HeldItem], upstream: str, memory_id: str) -> Iterator[HeldItem]:
    """Every text of one memory that is known here."""
    return (item for key, item in held.items() if key[0] == upstream and key[1] == memory_id)


def _settle_write(
    held: dict[TextKey, HeldItem], ledger: Quarantine, write: HeldWrite, to: WriteStatus, decided: Decided
) -> None:
    was_open = write.open
    write.status, write.decided = to, decided
    if was_open and not write.open:
        _count(ledger, write.tier, -1)
        _close(held, ledger, write.id)


def _close(held: dict[TextKey, HeldItem], ledger: Quarantine, id_: str) -> None:
    ledger.closed.pop(id_, None)
    ledger.closed[id_] = None
    while len(ledger.closed) > MOST_CLOSED:
        oldest = next(iter(ledger.closed))
        del ledger.closed[oldest]
        ledger.writes.pop(oldest, None)
        key = ledger.keys.pop(oldest, None)
        if key is not None:
            held.pop(key, None)


def _count(ledger: Quarantine, tier: Tier, by: int) -> None:
    if not ledger.open:
        ledger.open = dict.fromkeys(TIERS, 0)
    ledger.open[tier] += by
