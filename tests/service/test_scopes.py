"""The state a request is governed by: warm at once, cold within a bound, never older than the policy allows."""

import asyncio

import pytest

from firewall.core.events import ScopeKey
from firewall.core.state import State
from firewall.errors import StateError
from firewall.service import scopes
from firewall.service.scopes import CURRENT_SECONDS, staleness_of, state_for

KEY = ScopeKey()


class Projections:
    """Told what to have; counts what it is asked."""

    def __init__(self, warm: State | None = None, *, staleness: float = 0.0, reaches: int = 0) -> None:
        self.warm = warm
        self.loads = 0
        self.waits: list[int] = []
        self._staleness = staleness
        self._reaches = reaches
        self.never = False

    def state(self, key: ScopeKey) -> State | None:
        return self.warm

    async def load(self, key: ScopeKey) -> State:
        self.loads += 1
        if self.never:
            await asyncio.Event().wait()
        self.warm = State(offset=7)
        return self.warm

    def staleness(self) -> float:
        return self._staleness

    async def wait_for(self, key: ScopeKey, offset: int, *, timeout: float) -> bool:  # noqa: ASYNC109
        self.waits.append(offset)
        if self._reaches < offset:
            return False
        self.warm = State(offset=self._reaches)
        return True


async def _code(projections: Projections, *, after: int | None = None) -> str:
    with pytest.raises(StateError) as caught:
        await state_for(projections, KEY, max_staleness=30.0, after=after)
    assert caught.value.status == 503
    return caught.value.code


async def test_a_warm_scope_never_waits() -> None:
    """What is in memory is taken as it is."""
    projections = Projections(State(offset=3))
    state = await state_for(projections, KEY, max_staleness=30.0)
    assert (state.offset, projections.loads, projections.waits) == (3, 0, [])


async def test_a_cold_scope_is_loaded() -> None:
    """A scope that nobody asked for yet is loaded once."""
    projections = Projections()
    assert (await state_for(projections, KEY, max_staleness=30.0)).offset == 7
    assert (await state_for(projections, KEY, max_staleness=30.0)).offset == 7
    assert projections.loads == 1


async def test_a_load_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its bound a cold scope is an error, not a wait."""
    monkeypatch.setattr(scopes, "COLD_SECONDS", 0.0)
    projections = Projections()
    projections.never = True
    assert await _code(projections) == "state_cold"


async def test_a_stale_projection() -> None:
    """Just what the policy allows is served; older is not."""
    assert (await state_for(Projections(State(), staleness=30.0), KEY, max_staleness=30.0)).offset == 0
    assert await _code(Projections(State(), staleness=30.1)) == "state_stale"


def test_what_is_said_of_the_age() -> None:
    """Nothing while the log has said lately that there is no more; then the seconds, to a millisecond."""
    assert staleness_of(Projections(staleness=CURRENT_SECONDS)) == 0.0
    assert staleness_of(Projections(staleness=2.000_4)) == 2.0


async def test_read_your_writes() -> None:
    """`after` waits for just the offset that was asked for, and only where it is not there yet."""
    there = Projections(State(offset=5))
    assert (await state_for(there, KEY, max_staleness=30.0, after=5)).offset == 5
    assert there.waits == []
    coming = Projections(State(offset=5), reaches=9)
    assert (await state_for(coming, KEY, max_staleness=30.0, after=8)).offset == 9
    behind = Projections(State(offset=5), reaches=6)
    assert await _code(behind, after=8) == "state_behind"
    assert behind.waits == [8]
