"""The times of a fact in a temporal graph, as what a candidate can say of them.

`valid_at` and `invalid_at` are times of the world, `created_at` and `expired_at` of the system. A fact that is over keeps
its end, so that the lifecycle signal decides; what the ends leave open has to be inspected. Dates without a zone are UTC.

    invalid_at <= now                        over, by `invalid_at`
    expired_at without an invalid_at         over, by `expires_at`
    expired_at, and an invalid_at to come    inspect: retired before its end
    an invalid_at to come, not expired       holds until then
    valid_at to come                         inspect: not valid yet
    invalid_at < valid_at                    inspect: cannot be
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from firewall.core.model import Candidate, Claims, EvidenceRequirement, Lifecycle
from firewall.core.wire.prose import strings
from firewall.core.wire.said import moment, worse

_DATES = ("valid_at", "invalid_at", "expired_at")


class Times(msgspec.Struct, frozen=True, gc=False):
    """What a fact says of its times; `unread` are dates that are none."""

    valid_at: float | None = None
    invalid_at: float | None = None
    expired_at: float | None = None
    unread: tuple[str, ...] = ()

    def over(self, now: float) -> bool:
        """Whether the fact has come to its end."""
        if self.invalid_at is not None:
            return self.invalid_at <= now
        return self.expired_at is not None and self.expired_at <= now

    def doubtful(self, now: float) -> bool:
        """Whether the times do not fit each other, or the fact is not valid yet."""
        valid, invalid = self.valid_at, self.invalid_at
        if self.unread or (valid is not None and valid > now):
            return True
        if invalid is None:
            return False
        return (self.expired_at is not None and invalid > now) or (valid is not None and invalid < valid)

    @property
    def expires_at(self) -> float | None:
        """The end of a fact that was retired without an end in the world."""
        return self.expired_at if self.invalid_at is None else None


NO_TIMES = Times()


def times_of(item: Mapping[str, object]) -> Times:
    """The times that an item states."""
    found: dict[str, float] = {}
    unread: list[str] = []
    for key in _DATES:
        value = item.get(key)
        if value is None:
            continue
        at = moment(value)
        if at is None:
            unread += strings(value) or (key,)
        else:
            found[key] = at
    if not found and not unread:
        return NO_TIMES
    return Times(**found, unread=tuple(unread))


def inspected(claims: Claims) -> Claims:
    """The claims, with the wish to be inspected where they ask for nothing stronger."""
    if claims.evidence not in (None, EvidenceRequirement.none):
        return claims
    return msgspec.structs.replace(claims, evidence=EvidenceRequirement.inspect_before_use)


def contested(candidate: Candidate) -> Candidate:
    """The candidate, called contested unless it is called something worse."""
    claims = candidate.claims
    label = worse(claims.lifecycle, Lifecycle.contested)
    return msgspec.structs.replace(candidate, claims=msgspec.structs.replace(claims, lifecycle=label))


class Edge(msgspec.Struct, frozen=True, gc=False):
    """What links a fact to others: which candidate it is, from where it leads to where, under which name."""

    index: int
    source: str
    name: str
    target: str
    times: Times


def span_of(times: Iterable[Times], now: float) -> tuple[float, float]:
    """From when until before when each of these is as much over, and as doubtful, as it is now."""
    since, until = -math.inf, math.inf
    last = NO_TIMES
    for each in times:
        if each is last:  # facts of one episode share theirs
            continue
        last = each
        for at in (each.valid_at, each.invalid_at, each.expired_at):
            if at is None:
                continue
            if at > now:
                until = min(until, at)
            else:
                since = max(since, at)
    return since, until


def linked(candidates: list[Candidate], edges: Sequence[Edge], now: float) -> None:
    """Name the successor of what is over, and call contested what two live facts say in two ways.

    A successor goes from the same entity under the same name, and begins in the moment in which the other ended.
    """
    if len({(edge.source, edge.name) for edge in edges}) == len(edges):
        return  # nearly always: each is about something else
    alike: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        if edge.source and edge.name:
            alike.setdefault((edge.source, edge.name), []).append(edge)
    for group in alike.values():
        if len(group) > 1:
            _succeeded(candidates, group, now)
            _disputed(candidates, group, now)


def _succeeded(candidates: list[Candidate], group: Sequence[Edge], now: float) -> None:
    begun: dict[float, list[str]] = {}
    for edge in group:
        if edge.times.valid_at is not None:
            begun.setdefault(edge.times.valid_at, []).append(candidates[edge.index].id)
    for edge in group:
        candidate, end = candidates[edge.index], edge.times.invalid_at
        if end is None or end > now or candidate.superseded_by is not None:
            continue
        after = min((name for name in begun.get(end, ()) if name != candidate.id), default=None)
        if after is not None:
            candidates[edge.index] = msgspec.structs.replace(candidate, superseded_by=after)


def _disputed(candidates: list[Candidate], group: Sequence[Edge], now: float) -> None:
    live = [edge for edge in group if not edge.times.over(now) and not edge.times.doubtful(now)]
    if len({edge.target for edge in live if edge.target}) > 1:
        for edge in live:
            candidates[edge.index] = contested(candidates[edge.index])


def is_over(candidate: Candidate, now: float) -> bool:
    """Whether the upstream says that this memory has come to its end."""
    if candidate.superseded_by is not None:
        return True
    return any(end is not None and end <= now for end in (candidate.invalid_at, candidate.expires_at))
