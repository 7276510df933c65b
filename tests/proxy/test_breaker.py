"""The circuit breaker: its table, its pauses, and results that come too late."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.errors import UpstreamError
from firewall.proxy.breaker import TRANSITIONS, Breaker, BreakerEvent, BreakerSettings, BreakerState, Ticket

SETTINGS = BreakerSettings(failures=3, base=30, cap=70)


def tripped(now: float = 0.0) -> Breaker:
    breaker = Breaker(SETTINGS)
    for _ in range(SETTINGS.failures):
        breaker.record(breaker.admit(now), BreakerEvent.failed, now)
    return breaker


def state(breaker: Breaker) -> BreakerState:
    """Read anew: a property that a type checker would remember."""
    return breaker.state


def refusal(breaker: Breaker, now: float) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        breaker.admit(now)
    return caught.value


def test_opens_after_failures_in_a_row() -> None:
    """Only failures in a row count; a success begins the count anew, a cancelled request changes nothing."""
    breaker = Breaker(SETTINGS)
    for event in ("failed", "failed", "succeeded", "failed", "abandoned", "failed"):
        breaker.record(breaker.admit(0), BreakerEvent(event), 0)
    assert state(breaker) is BreakerState.closed
    breaker.record(breaker.admit(0), BreakerEvent.failed, 0)
    assert state(breaker) is BreakerState.open


def test_open_says_when_to_come_back() -> None:
    """Open refuses with 503 and the rest of the pause."""
    error = refusal(tripped(now=100), now=110)
    assert (error.status, error.code, error.retry_after) == (503, "upstream_open", 20)


def test_one_probe() -> None:
    """After the pause exactly one request goes; its success closes the breaker for all."""
    breaker = tripped()
    probe = breaker.admit(30)
    assert state(breaker) is BreakerState.half_open
    assert refusal(breaker, 31).code == "upstream_open"
    breaker.record(probe, BreakerEvent.succeeded, 32)
    assert state(breaker) is BreakerState.closed
    breaker.admit(32)
    breaker.admit(32)


def test_pauses_grow_to_the_cap() -> None:
    """Each failed probe makes the pause longer by the base, up to the cap; a success makes it short again."""
    breaker, now, pauses = tripped(), 0.0, []
    for _ in range(4):
        pause = refusal(breaker, now).retry_after
        assert pause is not None
        pauses.append(pause)
        now += pause
        breaker.record(breaker.admit(now), BreakerEvent.failed, now)
    assert pauses == [30, 60, 70, 70]
    now += 70
    breaker.record(breaker.admit(now), BreakerEvent.succeeded, now)
    for _ in range(SETTINGS.failures):
        breaker.record(breaker.admit(now), BreakerEvent.failed, now)
    assert refusal(breaker, now).retry_after == 30


def test_abandoned_probe_is_due_again_at_once() -> None:
    """A cancelled probe has taught nothing and blocks nobody."""
    breaker = tripped()
    breaker.record(breaker.admit(30), BreakerEvent.abandoned, 31)
    assert state(breaker) is BreakerState.open
    breaker.admit(31)
    assert state(breaker) is BreakerState.half_open


def test_late_results_change_nothing() -> None:
    """What was admitted before a change of state neither closes nor opens what came after it."""
    breaker = Breaker(SETTINGS)
    old = [breaker.admit(0) for _ in range(10)]
    for ticket in old[:3]:
        breaker.record(ticket, BreakerEvent.failed, 0)
    breaker.record(old[3], BreakerEvent.succeeded, 1)
    assert state(breaker) is BreakerState.open
    probe = breaker.admit(30)
    breaker.record(old[4], BreakerEvent.succeeded, 31)
    breaker.record(old[5], BreakerEvent.failed, 31)
    assert state(breaker) is BreakerState.half_open
    breaker.record(probe, BreakerEvent.succeeded, 32)
    for ticket in old[6:]:
        breaker.record(ticket, BreakerEvent.failed, 33)
    assert state(breaker) is BreakerState.closed


@pytest.mark.parametrize("pair", sorted(itertools.product(BreakerState, BreakerEvent)))
def test_table_is_whole(pair: tuple[BreakerState, BreakerEvent]) -> None:
    """What an admitted request can bring has a row, but for `open`, which admits none."""
    before, event = pair
    if event in (BreakerEvent.succeeded, BreakerEvent.failed, BreakerEvent.abandoned):
        assert (pair in TRANSITIONS) == (before is not BreakerState.open)


@given(
    st.lists(st.tuples(st.sampled_from(["admit", "failed", "succeeded", "abandoned"]), st.integers(0, 40)))
)
def test_never_stuck(steps: list[tuple[str, int]]) -> None:
    """Whatever happened, once all results are in, a request is admitted after the longest pause."""
    breaker, now = Breaker(SETTINGS), 0.0
    out: list[Ticket] = []
    pauses: list[float | None] = []
    for what, seconds in steps:
        now += seconds
        if what != "admit":
            if out:
                breaker.record(out.pop(), BreakerEvent(what), now)
            continue
        try:
            out.append(breaker.admit(now))
        except UpstreamError as error:
            pauses.append(error.retry_after)
    assert all(pause is not None and 0 < pause <= SETTINGS.cap for pause in pauses)
    for ticket in out:
        breaker.record(ticket, BreakerEvent.abandoned, now)
    breaker.admit(now + SETTINGS.cap)
