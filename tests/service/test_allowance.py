"""What a principal may take: so many requests a second, so many at a time; the clock is the test's."""

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.errors import CallerError
from firewall.service.allowance import LONGEST_SECONDS, Allowance, AllowanceLimits, Allowances, TokenBucket
from firewall.service.principals import LOCAL, Principal


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def allowance(clock: Clock, seen: list[tuple[str, str]] | None = None, **limits: float) -> Allowance:
    noted = [] if seen is None else seen
    return Allowance(
        "team",
        AllowanceLimits(**limits),  # type: ignore[arg-type]
        clock=clock,
        on_limited=lambda name, cause: noted.append((name, cause)),
    )


def refusal(limited: Allowance) -> CallerError:
    with pytest.raises(CallerError) as caught, limited:
        pass
    return caught.value


def test_a_burst_and_then_the_rate() -> None:
    """A rested bucket gives its burst at once, and then one for each moment that has passed."""
    clock = Clock()
    bucket = TokenBucket(2.0, 3, clock=clock)
    assert [bucket.take() for _ in range(3)] == [0.0] * 3
    assert bucket.take() == 0.5
    clock.now += 0.5
    assert bucket.take() == 0.0
    assert bucket.take() > 0
    clock.now += 100.0
    assert [bucket.take() for _ in range(3)] == [0.0] * 3
    assert bucket.take() > 0


def test_who_is_refused_comes_back_alone() -> None:
    """A crowd that is refused in one moment is spread over the time that its requests need, bounded."""
    bucket = TokenBucket(10.0, 1, clock=Clock())
    assert bucket.take() == 0.0
    told = [bucket.take() for _ in range(1000)]
    assert told[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert told == sorted(told)
    assert told[-1] == LONGEST_SECONDS


@given(
    rate=st.floats(0.01, 1e6),
    burst=st.integers(1, 1000),
    steps=st.lists(st.floats(-1.0, 50.0), max_size=200),
)
def test_never_more_than_allowed(rate: float, burst: int, steps: list[float]) -> None:
    """Over any time no more is given than the burst and the rate together, and every refusal says when to come back,
    even when the clock stumbles."""
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock=clock)
    given_out, newest = 0, clock.now
    for step in steps:
        clock.now += step
        newest = max(newest, clock.now)
        seconds = bucket.take()
        given_out += seconds == 0.0
        assert 0.0 <= seconds <= LONGEST_SECONDS
    moved = sum(max(0.0, step) for step in steps)
    assert given_out <= burst + moved * rate + 1e-6


def test_too_many_over_time() -> None:
    """429 with whole seconds to wait; counted for the principal; what is refused holds no place."""
    clock, seen = Clock(), list[tuple[str, str]]()
    limited = allowance(clock, seen, requests_per_second=0.5, concurrency=1)
    with limited:
        pass
    error = refusal(limited)
    assert (error.status, error.code, error.retry_after) == (429, "rate_limited", 2)
    clock.now += 2.0
    with limited:
        pass
    assert seen == [("team", "rate")]


def test_too_many_at_once() -> None:
    """The third of two is refused and costs no token; a place that is given back is free again, also after an error."""
    clock, seen = Clock(), list[tuple[str, str]]()
    limited = allowance(clock, seen, requests_per_second=1.0, burst=3, concurrency=2)
    with limited:
        with suppress(ZeroDivisionError), limited:
            error = refusal(limited)
            assert (error.status, error.code, error.retry_after) == (429, "concurrency_limited", 1)
            raise ZeroDivisionError
        with limited:
            pass
    assert seen == [("team", "concurrency")]
    assert refusal(limited).code == "rate_limited"


def test_without_a_burst_it_is_a_second() -> None:
    """At least one, so that a slow rate lets something through at all."""
    for rate, burst in ((0.2, 1), (1.0, 1), (2.5, 3)):
        limited = allowance(Clock(), requests_per_second=rate)
        for _ in itertools.repeat(None, burst):
            with limited:
                pass
        assert refusal(limited).code == "rate_limited"


def test_each_has_its_own() -> None:
    """One principal's flood takes nothing of another's, and who is not limited is never refused."""
    clock = Clock()
    limited = {name: allowance(clock, requests_per_second=1.0) for name in ("a", "b")}
    allowances = Allowances(limited)
    with allowances.of(Principal(name="a")):
        pass
    for name, refused in (("a", True), ("b", False)):
        if refused:
            with pytest.raises(CallerError), allowances.of(Principal(name=name)):
                pass
        else:
            with allowances.of(Principal(name=name)):
                pass
    for _ in range(1000):
        with allowances.of(LOCAL):
            pass


def test_what_limits_nothing_is_no_limit() -> None:
    """Only a rate and a concurrency limit."""
    assert not AllowanceLimits().limited
    assert not AllowanceLimits(burst=3).limited
    assert AllowanceLimits(requests_per_second=1.0).limited
    assert AllowanceLimits(concurrency=1).limited
