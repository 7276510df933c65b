"""The circuit breaker of one upstream: after enough failures in a row nobody waits for it any more, for a while.

A pure state machine; the time is passed in.

    closed     --failed-->     closed      (counted)
    closed     --tripped-->    open        (the last of `failures` in a row)
    open       --due-->        half_open   (the pause is over: one probe goes)
    half_open  --succeeded-->  closed
    half_open  --failed-->     open        (for longer: base x openings in a row, up to a cap)
    half_open  --abandoned-->  open        (the probe was cancelled: nothing learnt, due at once)

Each admission carries the generation it was made in, and a change of state begins a new one: the late result of an
old request can neither close a breaker that has opened since, nor open one that has closed again.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from firewall.errors import UpstreamError


class BreakerState(enum.StrEnum):
    closed = "closed"
    open = "open"
    half_open = "half_open"


class BreakerEvent(enum.StrEnum):
    succeeded = "succeeded"
    failed = "failed"
    abandoned = "abandoned"
    tripped = "tripped"
    due = "due"


_S, _E = BreakerState, BreakerEvent

TRANSITIONS: Mapping[tuple[BreakerState, BreakerEvent], BreakerState] = MappingProxyType(
    {
        (_S.closed, _E.succeeded): _S.closed,
        (_S.closed, _E.failed): _S.closed,
        (_S.closed, _E.abandoned): _S.closed,
        (_S.closed, _E.tripped): _S.open,
        (_S.open, _E.due): _S.half_open,
        (_S.half_open, _E.succeeded): _S.closed,
        (_S.half_open, _E.failed): _S.open,
        (_S.half_open, _E.abandoned): _S.open,
    }
)


# Looked up once, for what every request asks.
_CLOSED, _SUCCEEDED = _S.closed, _E.succeeded


class BreakerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and counts. `failure_statuses` are answers that count as failures; 429 is none: it means "slower"."""

    failures: int = 5
    base: float = 30.0
    cap: float = 300.0
    failure_statuses: frozenset[int] = frozenset({502, 503, 504})
    failure_codes: frozenset[str] = frozenset(
        {
            "upstream_unavailable",
            "upstream_timeout",
            "upstream_reset",
            "upstream_truncated",
            "upstream_invalid",
        }
    )


class Ticket(msgspec.Struct, frozen=True):
    """The right to one request, good for a result in its own generation."""

    generation: int


class Breaker:
    """`admit` before a request, `record` after it, exactly once each. `state` is for reading."""

    def __init__(self, settings: BreakerSettings) -> None:
        self.settings = settings
        self.state = BreakerState.closed
        self._generation = 0
        self._failures = 0
        self._openings = 0
        self._until = 0.0

    def admit(self, now: float) -> Ticket:
        """UpstreamError 503 `upstream_open` while open, and while the one probe is on its way."""
        if self.state is BreakerState.open:
            if now < self._until:
                raise _refused(self._until - now)
            self._move(BreakerEvent.due)
        elif self.state is BreakerState.half_open:
            raise _refused(1.0)
        return Ticket(self._generation)

    def record(self, ticket: Ticket, event: BreakerEvent, now: float) -> None:
        """What became of an admitted request: `succeeded`, `failed` or `abandoned`."""
        if ticket.generation != self._generation:
            return
        if self.state is _CLOSED and event is _SUCCEEDED:  # nearly always, and it stays closed
            self._failures = 0
            return
        match self.state, event:
            case BreakerState.closed, BreakerEvent.failed:
                self._failures += 1
                if self._failures >= self.settings.failures:
                    self._pause(now)
                    event = BreakerEvent.tripped
            case BreakerState.half_open, BreakerEvent.succeeded:
                self._failures = self._openings = 0
            case BreakerState.half_open, BreakerEvent.failed:
                self._pause(now)
            case BreakerState.half_open, BreakerEvent.abandoned:
                self._until = now
            case _:
                pass  # the table below refuses what has no row
        self._move(event)

    def _pause(self, now: float) -> None:
        self._openings += 1
        self._until = now + min(self.settings.base * self._openings, self.settings.cap)

    def _move(self, event: BreakerEvent) -> None:
        to = TRANSITIONS[self.state, event]
        if to is not self.state:
            self.state = to
            self._generation += 1


def _refused(seconds: float) -> UpstreamError:
    return UpstreamError(
        503, "upstream_open", "the upstream failed repeatedly and is being left alone", retry_after=seconds
    )
