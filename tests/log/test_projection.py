"""Projections over every implementation of the log: warm states are right, current, and bounded."""

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firewall.core.events import ScopeKey
from firewall.core.state import State, fold_all
from firewall.errors import StateError
from firewall.log.projection import Projections
from firewall.ports import EvidenceLog, EvidenceStore
from tests.log.conftest import Backend, make_backend
from tests.log.keys import RING
from tests.log.samples import KEY, OTHER, held, neighbour, numbers
from tests.log.unsteady import Unsteady
from tests.log.waiting import eventually


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Stands still until a test moves it."""
    return Clock()


@pytest.fixture
def unsteady(log: EvidenceLog) -> Unsteady:
    """The log under the projections."""
    return Unsteady(log)


@pytest.fixture
async def projections(unsteady: Unsteady, clock: Clock) -> AsyncIterator[Projections]:
    """Started projections with a capacity of two and a snapshot every ten records."""
    made = Projections(unsteady, ring=RING, clock=clock, capacity=2, snapshot_every=10, retry_pause=0.01)
    await made.start()
    yield made
    await made.close()


async def replayed(log: EvidenceLog, key: ScopeKey) -> State:
    return fold_all(State(), await log.read(key, limit=100_000))


async def test_a_cold_scope_has_no_state_until_it_is_loaded(projections: Projections) -> None:
    """Appending does not warm a scope; loading does, and an empty scope has an empty state."""
    await projections.append(KEY, [held(1)])
    assert projections.state(KEY) is None
    state = await projections.load(KEY)
    assert projections.state(KEY) is state
    assert len(state.held) == 1
    assert (await projections.load(OTHER)) == State()


async def test_an_own_append_is_applied_before_it_is_acknowledged(projections: Projections) -> None:
    """Read-your-writes, also for events between two of which another process has appended."""
    state = await projections.load(KEY)
    for number in range(30):
        appended = await projections.append(KEY, [held(number)])
        assert state.offset == appended.offset
        assert len(state.held) == number + 1


async def test_an_append_does_not_jump_over_those_of_others(
    projections: Projections, unsteady: Unsteady
) -> None:
    """What others appended before is applied first, whether the follower has come by or not."""
    state = await projections.load(KEY)
    for number in range(0, 40, 2):
        await unsteady._log.append(KEY, [held(number)])
        await projections.append(KEY, [held(number + 1)])
        assert len(state.held) == number + 2
    assert state == await replayed(unsteady, KEY)


async def test_concurrent_appends_share_their_reads(projections: Projections, unsteady: Unsteady) -> None:
    """A hundred appends that were committed together need few reads to be applied."""
    state = await projections.load(KEY)
    unsteady.calls.clear()
    await asyncio.gather(*(projections.append(KEY, [held(number)]) for number in range(100)))
    assert len(state.held) == 100
    assert unsteady.calls["read"] < 100
    assert state == await replayed(unsteady, KEY)


async def test_a_replayed_operation_is_applied_once(projections: Projections) -> None:
    """The answer is the stored one, and the state has not moved."""
    state = await projections.load(KEY)
    first = await projections.append(KEY, [held(1)], operation="op", body_digest="d")
    second = await projections.append(KEY, [held(1)], operation="op", body_digest="d")
    assert (second.offset, second.replayed) == (first.offset, True)
    assert state.offset == first.offset
    assert next(iter(state.held.values())).count == 1


async def test_concurrent_loads_are_one(projections: Projections, unsteady: Unsteady) -> None:
    """All get the same state; an impatient one leaves without ending the load for the others."""
    await projections.append(KEY, [held(1)])
    unsteady.held_back = asyncio.Event()
    loads = [asyncio.ensure_future(projections.load(KEY)) for _ in range(10)]
    await asyncio.sleep(0)
    loads[0].cancel()
    unsteady.held_back.set()
    states = await asyncio.gather(*loads[1:])
    assert all(state is states[0] for state in states)
    assert unsteady.calls["load_snapshot"] == 1


async def test_what_is_appended_during_a_load_is_not_missed(
    projections: Projections, unsteady: Unsteady
) -> None:
    """By others, seen by the follower between the last read and the end of the load; and by ourselves."""
    await projections.append(KEY, [held(1)])
    unsteady.held_back = asyncio.Event()
    load = asyncio.ensure_future(projections.load(KEY))
    await eventually(lambda: unsteady.calls["read"] == 1)
    await unsteady._log.append(KEY, [held(2)])
    own = asyncio.ensure_future(projections.append(KEY, [held(3)]))
    await eventually(lambda: "m3" in numbers(projections._late[KEY]))
    unsteady.held_back.set()
    state = await load
    await own
    assert state == await replayed(unsteady, KEY)
    assert len(state.held) == 3


async def test_a_failed_load_is_an_error_and_the_next_one_may_work(
    projections: Projections, unsteady: Unsteady
) -> None:
    """Nothing half loaded becomes warm."""
    await projections.append(KEY, [held(1)])
    unsteady.failing = {"read"}
    with pytest.raises(StateError):
        await projections.load(KEY)
    assert projections.state(KEY) is None
    unsteady.failing = set()
    assert len((await projections.load(KEY)).held) == 1


async def test_what_is_not_seen_here_is_not_acknowledged(
    projections: Projections, unsteady: Unsteady
) -> None:
    """Stored but not readable: the last state is served on, the outcome is open, and a repeat finds it, once."""
    state = await projections.load(KEY)
    unsteady.failing = {"read", "follow"}
    with pytest.raises(StateError, match="retry with the operation id"):
        await projections.append(KEY, [held(1)], operation="op", body_digest="d")
    assert projections.state(KEY) is state
    assert state.offset == 0
    with pytest.raises(StateError):
        await projections.answered(KEY, "op", "d")
    unsteady.failing = set()
    again = await projections.answered(KEY, "op", "d")
    assert again is not None
    assert state.offset == again.offset
    assert len(state.held) == 1


async def test_the_least_recently_used_scope_goes(projections: Projections) -> None:
    """Looking at a state is using it."""
    third = ScopeKey("acme", "third")
    await projections.load(KEY)
    await projections.load(OTHER)
    assert projections.state(KEY) is not None
    await projections.load(third)
    assert projections.state(OTHER) is None
    assert projections.state(KEY) is not None
    assert projections.state(third) is not None


async def test_staleness_is_the_time_since_the_follower_was_current(
    projections: Projections, unsteady: Unsteady, clock: Clock
) -> None:
    """It grows while the log cannot be followed, though the clock of nobody else moves, and falls to 0 after."""
    await eventually(lambda: projections.staleness() == 0)
    unsteady.failing = {"follow"}
    await eventually(lambda: not projections.health().ok)
    clock.now += 20
    assert projections.staleness() == 20
    clock.now += 5
    assert projections.staleness() == 25
    unsteady.failing = set()
    await eventually(lambda: projections.staleness() == 0)
    assert projections.health().ok


async def test_projections_that_do_not_follow_are_stale(log: EvidenceLog, clock: Clock) -> None:
    """Before `start` nothing is known."""
    assert Projections(log, ring=RING, clock=clock).staleness() == math.inf


async def test_nothing_is_missed_while_following_fails(projections: Projections, unsteady: Unsteady) -> None:
    """The follower continues where it was."""
    state = await projections.load(KEY)
    unsteady.failing = {"follow"}
    for number in range(5):
        await unsteady._log.append(KEY, [held(number)])
    await eventually(lambda: not projections.health().ok)
    unsteady.failing = set()
    assert await projections.wait_for(KEY, await unsteady.head(KEY), timeout=30)
    assert state == await replayed(unsteady, KEY)


async def test_waiting_ends_when_the_offset_is_there(projections: Projections, unsteady: Unsteady) -> None:
    """Of a cold scope by loading, of a warm one by following; an offset of another scope of its shard counts by its place."""
    first = await unsteady._log.append(KEY, [held(1)])
    assert await projections.wait_for(KEY, first.offset, timeout=30)
    waiting = asyncio.ensure_future(projections.wait_for(KEY, first.offset + 2, timeout=30))
    await asyncio.sleep(0)
    await unsteady._log.append(KEY, [held(2)])
    await unsteady._log.append(neighbour(unsteady), [held(3)])
    assert await waiting
    state = projections.state(KEY)
    assert state is not None
    assert len(state.held) == 2


@pytest.mark.parametrize("timeout", [0.0, 0.02])
async def test_waiting_is_bounded(projections: Projections, timeout: float) -> None:  # noqa: ASYNC109 - handed on
    """An offset from nowhere is False after the timeout, and leaves nothing behind."""
    assert not await projections.wait_for(KEY, 2**70, timeout=timeout)
    assert not projections._progress


async def test_a_snapshot_is_saved_every_so_many_records(
    projections: Projections, unsteady: Unsteady
) -> None:
    """And a load from it reads the tail only."""
    await projections.load(KEY)
    for number in range(25):
        await projections.append(KEY, [held(number)])
    await eventually(lambda: unsteady.calls["save_snapshot"] == 2)
    found = await unsteady.load_snapshot(KEY)
    while found is None or found[0] < 20:
        found = await unsteady.load_snapshot(KEY)
    other = Projections(unsteady, ring=RING, clock=lambda: 0.0)
    state = await other.load(KEY)
    assert state == await replayed(unsteady, KEY)
    await other.close()


async def test_close_saves_what_no_snapshot_holds(log: EvidenceLog, clock: Clock) -> None:
    """The next start has no tail to read."""
    first = Projections(log, ring=RING, clock=clock)
    await first.start()
    await first.load(KEY)
    appended = await first.append(KEY, [held(1)])
    await first.close()
    await first.close()
    found = await log.load_snapshot(KEY)
    assert found is not None
    assert found[0] == appended.offset


async def test_a_snapshot_that_cannot_be_saved_is_counted_and_tried_again(
    projections: Projections, unsteady: Unsteady
) -> None:
    """Nothing else is hindered by it."""
    unsteady.failing = {"save_snapshot"}
    await projections.load(KEY)
    for number in range(10):
        await projections.append(KEY, [held(number)])
    await eventually(lambda: projections.failed_snapshots >= 2)
    unsteady.failing = set()
    tries = unsteady.calls["save_snapshot"]
    await eventually(lambda: unsteady.calls["save_snapshot"] > tries)
    await unsteady.flush()
    assert await unsteady.load_snapshot(KEY) is not None


async def test_a_snapshot_that_is_none_of_ours_is_ignored(
    projections: Projections, unsteady: Unsteady
) -> None:
    """The state is folded from the log, whole."""
    for number in range(3):
        await projections.append(KEY, [held(number)])
    await unsteady.save_snapshot(KEY, 2, b"of another version")
    assert await projections.load(KEY) == await replayed(unsteady, KEY)


async def test_two_processes_agree(shared: Backend, clock: Clock) -> None:
    """Each follows what the other appends; in the end both hold the same state."""
    logs = [await shared.open(), await shared.open()]
    both = [Projections(log, ring=RING, clock=clock) for log in logs]
    for each in both:
        await each.start()
        await each.load(KEY)
    await asyncio.gather(*(each.append(KEY, [held(number)]) for number in range(20) for each in both))
    head = await logs[0].head(KEY)
    assert all([await each.wait_for(KEY, head, timeout=30) for each in both])
    assert both[0].state(KEY) == both[1].state(KEY) == await replayed(logs[0], KEY)
    for each in both:
        await each.close()


@pytest.fixture
async def rewound(backend: Backend, tmp_path: Path, request: pytest.FixtureRequest) -> EvidenceStore:
    """Another store, as the one that came back: it has other records at the same offsets."""
    log = await make_backend(backend.name, tmp_path / "rewound", request).open()
    backend.opened.append(log)
    return log


async def test_after_a_rewind_nothing_of_the_lost_past_is_served(
    projections: Projections, unsteady: Unsteady, rewound: EvidenceStore
) -> None:
    """Warm scopes become cold; loaded again they are what the log has now, and follow it from there."""
    for number in (1, 2, 3):
        await projections.append(KEY, [held(number)])
    lost = await projections.load(KEY)
    await rewound.append(KEY, [held(7)])
    unsteady.rewind_to(rewound)
    await eventually(lambda: projections.state(KEY) is None)
    state = await projections.load(KEY)
    assert state is not lost
    assert state == await replayed(rewound, KEY)
    await projections.append(KEY, [held(8)])
    await rewound.append(KEY, [held(9)])
    assert await projections.wait_for(KEY, await rewound.head(KEY), timeout=30)
    assert projections.state(KEY) == await replayed(rewound, KEY)
    await eventually(lambda: projections.health().ok)


async def test_a_load_over_a_rewind_begins_again(
    projections: Projections, unsteady: Unsteady, rewound: EvidenceStore
) -> None:
    """What it had read before is not believed, and nothing of it stays warm."""
    await unsteady.append(KEY, [held(1)])
    await rewound.append(KEY, [held(7)])
    unsteady.held_back = asyncio.Event()
    load = asyncio.ensure_future(projections.load(KEY))
    await eventually(lambda: unsteady.calls["read"] == 1)
    unsteady.rewind_to(rewound)
    await eventually(lambda: unsteady.calls["position"] == 2)
    unsteady.held_back.set()
    assert await load == await replayed(rewound, KEY)
    assert projections.state(KEY) is await load


async def test_a_rewind_waits_for_a_position(
    projections: Projections, unsteady: Unsteady, rewound: EvidenceStore
) -> None:
    """While the log cannot say where it is, scopes stay cold; then following goes on."""
    await projections.load(KEY)
    unsteady.failing = {"position"}
    unsteady.rewind_to(rewound)
    await eventually(lambda: unsteady.calls["position"] >= 3)
    assert projections.state(KEY) is None
    assert not projections.health().ok
    unsteady.failing = set()
    await rewound.append(KEY, [held(7)])
    assert await projections.wait_for(KEY, 1, timeout=30)
    await eventually(lambda: projections.health().ok)
