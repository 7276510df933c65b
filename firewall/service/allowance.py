"""What one principal may take: so many requests a second, so many at one time.

Nobody waits here: a request that is too much is refused at once with 429, before it has taken anything that others need.
Each refused one is told a time of its own to come back at, so that a crowd does not return as a crowd. Each process
counts for itself. No I/O; the clock is passed in.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

import msgspec

from firewall.errors import CallerError
from firewall.service.principals import Principal

#: Nobody is told to wait longer than this.
LONGEST_SECONDS = 60.0
_BUSY_SECONDS = 1.0
_FREE = nullcontext()


class AllowanceLimits(msgspec.Struct, frozen=True, kw_only=True):
    """None is no limit. Without a `burst` it is what one second allows."""

    requests_per_second: float | None = None
    burst: int | None = None
    concurrency: int | None = None

    @property
    def limited(self) -> bool:
        return self.requests_per_second is not None or self.concurrency is not None


class TokenBucket:
    """Holds up to `burst` tokens and fills by `rate` a second."""

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._level = float(burst)
        self._at = self._promised = clock()

    def take(self) -> float:
        """0.0 with a token; else the seconds after which to ask again."""
        now = self._clock()
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        due = max(now + (1.0 - self._level) / self._rate, self._promised + 1.0 / self._rate)
        self._promised = min(due, now + LONGEST_SECONDS)
        return self._promised - now


class Allowance:
    """One principal's. `with allowance:` is one request; any number of them may be open at a time."""

    def __init__(
        self,
        name: str,
        limits: AllowanceLimits,
        *,
        clock: Callable[[], float],
        on_limited: Callable[[str, str], None],
    ) -> None:
        rate = limits.requests_per_second
        burst = limits.burst or max(1, math.ceil(rate or 0.0))
        self._name = name
        self._bucket = None if rate is None else TokenBucket(rate, burst, clock=clock)
        self._concurrency = limits.concurrency
        self._on_limited = on_limited
        self._running = 0

    def __enter__(self) -> None:
        """CallerError 429 `concurrency_limited` or `rate_limited`."""
        if self._concurrency is not None and self._running >= self._concurrency:
            raise self._refused("concurrency", "too many requests of this key at once", _BUSY_SECONDS)
        seconds = 0.0 if self._bucket is None else self._bucket.take()
        if seconds:
            raise self._refused("rate", "too many requests of this key", seconds)
        self._running += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running -= 1

    def _refused(self, cause: str, message: str, seconds: float) -> CallerError:
        self._on_limited(self._name, cause)
        return CallerError(429, f"{cause}_limited", message, retry_after=math.ceil(seconds))


class Allowances:
    """By the principal's name; one without an allowance of its own may take what there is."""

    def __init__(self, by_name: Mapping[str, Allowance]) -> None:
        self._by_name = by_name

    def of(self, principal: Principal) -> AbstractContextManager[None]:
        """To be entered for one request."""
        return self._by_name.get(principal.name, _FREE)
