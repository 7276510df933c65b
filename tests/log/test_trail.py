"""Reading a store that others write to: as if it had been at one moment."""

from collections.abc import AsyncIterator, Callable

import msgspec

from firewall.core.chain import Head, Sealed, Stored, link_of
from firewall.core.fault import Report
from firewall.core.verify import Entry
from firewall.log.trail import settled
from tests.core.sealed_store import SealedStore, found, report_of


class Busy:
    """A trail to which something is done before each time that it is read; the last thing again and again."""

    def __init__(self, store: SealedStore, *steps: Callable[[SealedStore], object]) -> None:
        self.store = store
        self.steps = list(steps)
        self.reads = 0

    def _step(self) -> None:
        if self.reads and self.steps:
            self.steps.pop(0)(self.store)
        self.reads += 1

    async def seals(self) -> AsyncIterator[list[Sealed]]:
        self._step()
        for sealed in list(self.store.all_seals):
            yield [sealed]

    async def stored(self) -> AsyncIterator[list[Stored]]:
        self._step()
        for thing in list(self.store.things):
            yield [thing]

    async def checkpoint(self) -> tuple[Head, ...]:
        return await self.store.checkpoint()


def _store() -> SealedStore:
    store = SealedStore()
    store.commit("w/log", 2)
    store.commit("v/log", 2)
    return store


async def _report(trail: Busy) -> Report:
    entries: list[Entry] = []
    async for page in settled(trail):
        entries += page
    return report_of(entries)


def _commit(store: SealedStore) -> None:
    store.commit("w/log", 2)


def _checkpoint(store: SealedStore) -> None:
    store.commit("v/log", 1, heads=store.heads())


async def test_a_store_at_rest_is_read_once() -> None:
    """Each seal and thing once; one more look at the seals finds nothing new."""
    trail = Busy(_store())
    report = await _report(trail)
    assert report.sound
    assert (report.counts.seals, report.counts.evidence, trail.reads) == (2, 4, 3)


async def test_what_is_written_meanwhile() -> None:
    """Before any of the looks: what was stored early waits for its seal, what is sealed late is fetched."""
    for writes in (1, 2, 3, 6):
        report = await _report(Busy(_store(), *[_commit] * writes))
        assert report.sound, report.faults


async def test_checkpoints_that_know_more() -> None:
    """Than was read: the lanes are followed as far as they are known."""
    for steps in ([_commit, _checkpoint], [_checkpoint, _commit] * 3, [_commit, _commit, _checkpoint] * 2):
        report = await _report(Busy(_store(), *steps))
        assert report.sound, report.faults


async def test_a_trim_meanwhile() -> None:
    """The seal that says so is read, whenever it comes before the things are."""

    def trim(store: SealedStore) -> None:
        store.commit("w/retention", 0, trimmed=[Head("w/log", 1, link_of(store.all_seals[0]))])
        del store.things[:2]

    assert (await _report(Busy(_store(), trim))).sound


async def test_tampering_is_not_taken_for_a_late_write() -> None:
    """What nobody sealed and what is missing stay so, and seals that are none are given on."""
    store = _store()
    store.things[0] = msgspec.structs.replace(store.things[0], id="stranger")
    store.all_seals.append(Sealed(b"nonsense", b""))
    report = await _report(Busy(store, _commit, _checkpoint))
    assert {code for code, _, _ in found(report)} == {"missing", "moved", "unreadable"}
