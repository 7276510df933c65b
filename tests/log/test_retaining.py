"""Retention over the projections: what goes is covered first, what it meant stays, and nothing is forgotten silently."""

from pathlib import Path

import pytest

from firewall.core.events import Reviewed, ScopeKey
from firewall.core.state import State
from firewall.errors import StateError
from firewall.log import snapshot
from firewall.log.projection import Projections
from firewall.log.retaining import Retention
from firewall.log.snapshot_proof import believed, proven
from firewall.log.sqlite import SqliteLog
from firewall.ports import Trimmed
from tests.log.keys import RING, SIGNER
from tests.log.samples import KEY, held

OTHER = ScopeKey("acme", "elsewhere")
SUPPRESSED = Reviewed(
    upstream="mem0", memory_id="m1", digest="d", decision="suppress", reviewer="rita", at=1.0
)


async def _retained(log: SqliteLog, projections: Projections, *, now: float = 1e12) -> Trimmed:
    counted: list[Trimmed] = []
    retention = Retention(
        log,
        projections,
        keep_seconds=60.0,
        keep_bytes=None,
        every=3600.0,
        now=lambda: now,
        trimmed=counted.append,
    )
    trimmed = await retention.once()
    assert counted == [trimmed]
    return trimmed


def _projections(log: SqliteLog) -> Projections:
    return Projections(log, ring=RING, clock=lambda: 0.0)


async def test_what_was_trimmed_is_still_known(tmp_path: Path) -> None:
    """Warm and cold scopes alike: the records are gone, what they said is not."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    await log.append(KEY, [SUPPRESSED, held(1)])
    await log.append(OTHER, [SUPPRESSED])
    first = _projections(log)
    await first.load(KEY)
    assert await _retained(log, first) == Trimmed(records=3)
    assert await log.read(KEY) == []
    await log.close()

    again = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    for key in (KEY, OTHER):
        assert (await _projections(again).load(key)).suppressed == {("mem0", "m1"): "suppressed"}
    await again.close()


async def test_nothing_goes_before_its_time(tmp_path: Path) -> None:
    """What is younger than the days that were set stays."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, clock=lambda: 1000.0)
    await log.append(KEY, [SUPPRESSED])
    assert await _retained(log, _projections(log), now=1059.0) == Trimmed()
    assert await _retained(log, _projections(log), now=1061.0) == Trimmed(records=1)
    await log.close()


class _Stuck(Projections):
    """One scope of it cannot be loaded."""

    async def cover(self, key: ScopeKey) -> bool:
        if key == OTHER:
            raise StateError("snapshot_lost", "told to fail")
        return await super().cover(key)


async def test_a_scope_that_cannot_be_covered_hinders_no_other(tmp_path: Path) -> None:
    """It keeps its records; what is covered goes."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    await log.append(KEY, [SUPPRESSED])
    await log.append(OTHER, [SUPPRESSED])
    assert await _retained(log, _Stuck(log, ring=RING, clock=lambda: 0.0)) == Trimmed(records=1)
    assert await log.read(KEY) == []
    assert len(await log.read(OTHER)) == 1
    await log.close()


async def test_a_snapshot_that_somebody_changed_is_not_believed(tmp_path: Path) -> None:
    """With the records there they are folded again; without them the scope is refused, not begun anew."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    last = await log.append(KEY, [SUPPRESSED])
    forged = snapshot.encode_state(State(offset=last.offset))
    await log.save_snapshot(KEY, last.offset, forged)
    assert (await _projections(log).load(KEY)).suppressed

    await _retained(log, _projections(log))
    await log.save_snapshot(KEY, last.offset, forged)
    with pytest.raises(StateError) as raised:
        await _projections(log).load(KEY)
    assert raised.value.code == "snapshot_lost"
    await log.close()


async def test_a_snapshot_of_another_fold_is_better_than_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade of a trimmed log reads the older snapshot as far as it can."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    await log.append(KEY, [SUPPRESSED])
    await _retained(log, _projections(log))
    monkeypatch.setattr(snapshot, "TAG", "5:another shape")
    assert (await _projections(log).load(KEY)).suppressed == {("mem0", "m1"): "suppressed"}
    await log.close()


def test_a_proof_is_for_one_scope_and_one_offset() -> None:
    """A snapshot put elsewhere, cut, or without a proof is none."""
    stored = proven(RING, KEY, 7, b"state")
    assert believed(RING, KEY, 7, stored) == b"state"
    assert believed(RING, OTHER, 7, stored) is None
    assert believed(RING, KEY, 8, stored) is None
    assert believed(RING, KEY, 7, b"state") is None
    for end in range(len(stored)):
        assert believed(RING, KEY, 7, stored[:end]) is None
        flipped = stored[:end] + bytes([stored[end] ^ 1]) + stored[end + 1 :]
        assert believed(RING, KEY, 7, flipped) is None
