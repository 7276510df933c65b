"""The contract of snapshots, decisions, `flush` and `health`, on every implementation."""

from firewall.ports import EvidenceLog
from tests.log.conftest import Backend
from tests.log.samples import KEY, OTHER, decision, held


async def test_the_newest_snapshot_wins(log: EvidenceLog) -> None:
    """A slower process does not put an older one back; an equal one may replace."""
    assert await log.load_snapshot(KEY) is None
    await log.save_snapshot(KEY, 5, b"five")
    await log.save_snapshot(KEY, 3, b"three")
    assert await log.load_snapshot(KEY) == (5, b"five")
    await log.save_snapshot(KEY, 5, b"FIVE")
    assert await log.load_snapshot(KEY) == (5, b"FIVE")
    await log.save_snapshot(KEY, 9, b"")
    assert await log.load_snapshot(KEY) == (9, b"")
    assert await log.load_snapshot(OTHER) is None


async def test_a_decision_is_found_at_once_and_after_the_flush(log: EvidenceLog) -> None:
    """From the buffer first, then from the store, the same."""
    assert log.record_decision(decision(1))
    assert await log.decision("dec1") == decision(1)
    await log.flush()
    assert await log.decision("dec1") == decision(1)
    assert await log.decision("dec2") is None


async def test_a_decision_recorded_again_changes_nothing(log: EvidenceLog) -> None:
    """One id has one receipt, the first: what was sealed stays."""
    assert log.record_decision(decision(1, size=5))
    await log.flush()
    assert log.record_decision(decision(1, size=7))
    await log.flush()
    found = await log.decision("dec1")
    assert found is not None
    assert len(found.body) == 5


async def test_decisions_are_stored_without_a_flush(shared: Backend) -> None:
    """The writer comes by itself: another handle finds it."""
    mine, other = await shared.open(), await shared.open()
    assert mine.record_decision(decision(1))
    while await other.decision("dec1") is None:
        await other.position()
    assert await other.decision("dec1") == decision(1)


async def test_close_stores_the_buffered_decisions(shared: Backend) -> None:
    """What was accepted into the buffer is there after a restart."""
    log = await shared.open()
    assert all(log.record_decision(decision(number)) for number in range(50))
    await log.close()
    again = await shared.open()
    assert [await again.decision(f"dec{number}") for number in (0, 49)] == [decision(0), decision(49)]
    assert not log.record_decision(decision(51))


async def test_a_decision_that_is_no_record_is_dropped(log: EvidenceLog) -> None:
    """Nothing that cannot be stored gets into the buffer, where it would block what comes after it."""
    assert not log.record_decision(decision(float("nan")))  # type: ignore[arg-type] # a time that is no time
    await log.flush()
    assert log.health().ok


async def test_a_new_log_is_healthy(log: EvidenceLog) -> None:
    """Before and after its first append."""
    assert log.health().ok
    await log.append(KEY, [held(1)])
    assert log.health().ok
