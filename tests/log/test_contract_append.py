"""The contract of `EvidenceLog.append` and `read`, on every implementation."""

import asyncio
from typing import cast

import pytest

from firewall.core.events import Event, Held, ScopeKey
from firewall.errors import CallerError, StateError
from firewall.ports import EvidenceLog
from tests.log.conftest import Backend
from tests.log.samples import KEY, OTHER, held, numbers


async def test_records_come_back_in_the_order_of_their_appends(log: EvidenceLog) -> None:
    """Offsets grow, and the newest one is what append returned and what head says."""
    first = await log.append(KEY, [held(1), held(2)])
    second = await log.append(KEY, [held(3)])
    records = await log.read(KEY)
    assert numbers(records) == ["m1", "m2", "m3"]
    offsets = [record.offset for record in records]
    assert offsets == sorted(set(offsets))
    assert (first.offset, second.offset) == (offsets[1], offsets[2])
    assert await log.head(KEY) == offsets[2]
    assert all(record.key == KEY for record in records)
    assert [record.event for record in records] == [held(1), held(2), held(3)]


async def test_an_empty_scope_has_head_zero(log: EvidenceLog) -> None:
    """A scope that was never written to reads as empty."""
    await log.append(KEY, [held(1)])
    assert await log.head(OTHER) == 0
    assert await log.read(OTHER) == []


async def test_reading_starts_after_an_offset_and_stops_at_the_limit(log: EvidenceLog) -> None:
    """Pages join without overlap; an offset from far ahead reads nothing."""
    await log.append(KEY, [held(number) for number in range(5)])
    first = await log.read(KEY, limit=2)
    rest = await log.read(KEY, after=first[-1].offset)
    assert numbers(first + rest) == [f"m{number}" for number in range(5)]
    assert await log.read(KEY, after=2**70) == []
    assert await log.read(KEY, limit=0) == []


async def test_scopes_do_not_see_each_other(log: EvidenceLog) -> None:
    """Tenant and scope are both part of the boundary, with no separator to forge."""
    keys = [ScopeKey("a", "b"), ScopeKey("b", "a"), ScopeKey("a:b", ""), ScopeKey("a", "b\0")]
    for number, key in enumerate(keys):
        await log.append(key, [held(number)])
    for number, key in enumerate(keys):
        assert numbers(await log.read(key)) == [f"m{number}"]


async def test_event_ids_are_unique(log: EvidenceLog) -> None:
    """Every record has an id of its own."""
    await asyncio.gather(*(log.append(KEY, [held(number), held(number)]) for number in range(20)))
    ids = [record.event_id for record in await log.read(KEY)]
    assert len(set(ids)) == len(ids) == 40


async def test_the_same_operation_again_is_answered_as_before(log: EvidenceLog) -> None:
    """The stored offset comes back, and nothing is stored twice."""
    first = await log.append(KEY, [held(1), held(2)], operation="op", body_digest="d")
    await log.append(KEY, [held(3)])
    again = await log.append(KEY, [held(1), held(2)], operation="op", body_digest="d")
    assert (again.offset, first.replayed, again.replayed) == (first.offset, False, True)
    assert numbers(await log.read(KEY)) == ["m1", "m2", "m3"]


async def test_an_operation_with_another_body_is_a_conflict(log: EvidenceLog) -> None:
    """409 `operation_conflict`, and nothing of it is stored."""
    await log.append(KEY, [held(1)], operation="op", body_digest="d")
    with pytest.raises(CallerError) as caught:
        await log.append(KEY, [held(2)], operation="op", body_digest="other")
    assert (caught.value.status, caught.value.code) == (409, "operation_conflict")
    assert numbers(await log.read(KEY)) == ["m1"]


async def test_operations_belong_to_their_scope(log: EvidenceLog) -> None:
    """The same id in another scope is another operation."""
    await log.append(KEY, [held(1)], operation="op", body_digest="d")
    other = await log.append(OTHER, [held(2)], operation="op", body_digest="other")
    assert not other.replayed
    assert numbers(await log.read(OTHER)) == ["m2"]


async def test_a_hundred_at_once_with_one_operation_store_once(log: EvidenceLog) -> None:
    """Concurrent retries agree on one offset, of which one append is the first."""
    results = await asyncio.gather(
        *(log.append(KEY, [held(1)], operation="op", body_digest="d") for _ in range(100))
    )
    assert len({result.offset for result in results}) == 1
    assert sum(not result.replayed for result in results) == 1
    assert numbers(await log.read(KEY)) == ["m1"]


async def test_a_conflict_hinders_nobody_else_of_its_group(log: EvidenceLog) -> None:
    """Appends that were committed together with a conflicting one are all stored."""
    await log.append(KEY, [held(0)], operation="op", body_digest="d")
    results = await asyncio.gather(
        *(log.append(KEY, [held(number)]) for number in range(1, 20)),
        log.append(KEY, [held(99)], operation="op", body_digest="other"),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(CallerError) == 1
    assert isinstance(results[-1], CallerError)
    assert sorted(numbers(await log.read(KEY))) == sorted(f"m{number}" for number in range(20))


async def test_appends_of_many_are_never_torn(log: EvidenceLog) -> None:
    """The events of one append stand beside each other, whoever else appends at the time."""
    await asyncio.gather(
        *(log.append(KEY, [held(number), held(number), held(number)]) for number in range(50))
    )
    found = numbers(await log.read(KEY))
    assert len(found) == 150
    assert all(len(set(found[start : start + 3])) == 1 for start in range(0, 150, 3))


async def test_two_handles_share_one_total_order(shared: Backend) -> None:
    """What two openings of one log append has one order, the same for both."""
    one, two = await shared.open(), await shared.open()
    await asyncio.gather(*(log.append(KEY, [held(number)]) for number in range(40) for log in (one, two)))
    assert await one.read(KEY) == await two.read(KEY)
    assert len(await one.read(KEY)) == 80


async def test_an_operation_is_known_to_every_handle_and_after_a_restart(shared: Backend) -> None:
    """Idempotency is part of the log, not of a process."""
    first = await shared.open()
    stored = await first.append(KEY, [held(1)], operation="op", body_digest="d")
    await first.close()
    again = await (await shared.open()).append(KEY, [held(1)], operation="op", body_digest="d")
    assert (again.offset, again.replayed) == (stored.offset, True)


@pytest.mark.parametrize(
    "event",
    [
        Held(upstream="u\ud800", memory_id="m", digest="d", reasons=(), surface="s", at=1.0),
        Held(upstream="u", memory_id="m", digest="d", reasons=(), surface="s", at=cast("float", "late")),
        Held(upstream="u", memory_id="m", digest="d", reasons=(), surface="s", at=cast("float", 2**70)),
        Held(upstream="u", memory_id="m" * 2**20, digest="d", reasons=(), surface="s", at=1.0),
    ],
    ids=["surrogate", "wrong type", "huge number", "huge"],
)
async def test_what_could_not_be_read_back_is_refused_whole(log: EvidenceLog, event: Event) -> None:
    """A bad event is the caller's fault, takes its whole append with it, and leaves the log usable."""
    with pytest.raises(CallerError):
        await log.append(KEY, [held(1), event])
    assert await log.read(KEY) == []
    await log.append(KEY, [held(2)])
    assert log.health().ok


async def test_an_append_without_events_is_refused(log: EvidenceLog) -> None:
    """There would be no offset to acknowledge."""
    with pytest.raises(CallerError):
        await log.append(KEY, [])


async def test_keys_that_are_no_text_are_refused_and_found_nowhere(log: EvidenceLog) -> None:
    """A lone surrogate from a hostile body is an error of its caller, never of the log."""
    broken = ScopeKey("a\udfff", "s")
    with pytest.raises(CallerError):
        await log.append(broken, [held(1)])
    with pytest.raises(CallerError):
        await log.append(KEY, [held(1)], operation="\udfff")
    with pytest.raises(CallerError):
        await log.save_snapshot(broken, 1, b"")
    assert (await log.read(broken), await log.head(broken), await log.load_snapshot(broken)) == ([], 0, None)
    assert await log.decision("\udfff") is None


async def test_a_cancelled_append_leaves_the_log_usable(log: EvidenceLog) -> None:
    """Whether it was stored is unknown; its operation id tells, and others are not disturbed."""
    task = asyncio.ensure_future(log.append(KEY, [held(1)], operation="op", body_digest="d"))
    await asyncio.sleep(0)
    task.cancel()
    await log.append(KEY, [held(2)])
    await log.append(KEY, [held(1)], operation="op", body_digest="d")
    assert sorted(numbers(await log.read(KEY))) == ["m1", "m2"]


async def test_close_stores_what_waits_and_then_refuses(backend: Backend) -> None:
    """Appends that were queued at the time of close are acknowledged; later calls are StateErrors."""
    log = await backend.open()
    waiting = [asyncio.ensure_future(log.append(KEY, [held(number)])) for number in range(10)]
    await asyncio.sleep(0)
    await log.close()
    await log.close()
    assert len({(await task).offset for task in waiting}) == 10
    assert not log.health().ok
    with pytest.raises(StateError, match="closed"):
        await log.append(KEY, [held(1)])
    with pytest.raises(StateError, match="closed"):
        await log.read(KEY)
    with pytest.raises(StateError, match="closed"):
        await log.flush()


async def test_what_was_acknowledged_is_there_after_a_restart(shared: Backend) -> None:
    """A closed and reopened log continues where it was."""
    log = await shared.open()
    last = await log.append(KEY, [held(1), held(2)])
    await log.close()
    again = await shared.open()
    assert numbers(await again.read(KEY)) == ["m1", "m2"]
    assert (await again.position())[again.shard_of(KEY)] >= last.offset
    assert (await again.append(KEY, [held(3)])).offset > last.offset
