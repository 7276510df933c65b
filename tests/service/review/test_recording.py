"""Held texts behind the answer: after their items, tried again after an outage, and never kept without an item."""

from typing import cast

import pytest

from firewall.core.adjudicate import Adjudication
from firewall.core.events import Erased, Event, Held, HeldExpired
from firewall.core.model import Context
from firewall.core.receipt import receipt_of
from firewall.core.state import State
from firewall.log.sqlite import SqliteLog
from firewall.metrics import Metrics
from firewall.service.recorder import Recorder
from firewall.service.review.room import ReviewSettings
from tests.service.learning.desk import POLICY
from tests.service.noting import INJECTED, candidate, verdict
from tests.service.review.bureau import KEY, Bureau


class Receipts:
    """The log, as far as receipts go there."""

    def record_decision(self, _decision: object) -> bool:
        return True


def recorder(bureau: Bureau, metrics: Metrics, **settings: object) -> Recorder:
    return Recorder(
        cast("SqliteLog", Receipts()),
        bureau.log,
        metrics,
        vault=bureau.vault,
        settings=ReviewSettings(**settings),  # type: ignore[arg-type]
    )


def meet(to: Recorder, *names: str, text: str = "hostile", state: State | None = None) -> None:
    candidates, verdicts = [candidate(name, text) for name in names], [verdict(INJECTED) for _ in names]
    context = Context(decision_id="d1", tenant=KEY.tenant, scope=KEY.scope)
    receipt = receipt_of(
        candidates,
        Adjudication(tuple(verdicts)),
        context,
        POLICY,
        now=1.0,
        offset=0,
        upstream="mem0",
        route="v3.search",
    )
    to.record(receipt, state or State(), candidates, verdicts)


async def test_a_text_is_kept_once_its_item_is_in_the_log() -> None:
    """Not while the log is away; then once, and readable for the item's id."""
    bureau = Bureau()
    to = recorder(bureau, Metrics())
    bureau.log.appends_left = 0
    meet(to, "m1")
    assert not await to.drain()
    assert bureau.texts.kept == {}
    bureau.log.appends_left = None
    assert await to.drain()
    (item,) = bureau.state.held.values()
    kept = await bureau.vault.text(KEY, item.id)
    assert kept is not None
    assert kept.text == "hostile"


async def test_texts_wait_for_a_store_that_is_away() -> None:
    """What could not be kept is tried again; the items are in the log meanwhile."""
    bureau = Bureau()
    to = recorder(bureau, Metrics())
    meet(to, "m1", "m2")
    bureau.texts.away = True
    assert not await to.drain()
    assert len(bureau.events(Held)) == 2
    bureau.texts.away = False
    assert await to.drain()
    assert len(bureau.texts.kept) == 2
    assert len(bureau.events(Held)) == 2


async def test_the_end_keeps_the_texts_behind_those_that_waited() -> None:
    """What came while others waited for the store is stored with them, or counted with them."""
    for away, kept, dropped in ((False, 2, 0), (True, 0, 2)):
        bureau, metrics = Bureau(), Metrics()
        to = recorder(bureau, metrics)
        meet(to, "m1")
        bureau.texts.away = True
        assert not await to.drain()
        meet(to, "m2")
        bureau.texts.away = away
        await to.close()
        assert len(bureau.events(Held)) == 2
        assert len(bureau.texts.kept) == kept
        assert metrics.registry.get_sample_value("memfw_quarantine_texts_dropped_total") == dropped


@pytest.mark.parametrize("word", ["erased", "expired"])
async def test_a_text_whose_item_went_on_the_way_is_not_kept(word: str) -> None:
    """Erased or expired while the text waited for the store: it must not come after them."""
    bureau = Bureau()
    to = recorder(bureau, Metrics())
    meet(to, "m1")
    bureau.texts.away = True
    assert not await to.drain()
    ((upstream, memory_id, digest), item) = next(iter(bureau.state.held.items()))
    gone: dict[str, Event] = {
        "erased": Erased(ids=(item.id,), digests=(digest,), by="root", why="asked", at=2.0),
        "expired": HeldExpired(upstream=upstream, memory_id=memory_id, digest=digest, at=2.0),
    }
    await bureau.log.append(KEY, [gone[word]])
    bureau.texts.away = False
    assert await to.drain()
    assert bureau.texts.kept == {}


async def test_what_the_queue_has_no_room_for_keeps_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an item nobody could ever find the text to erase it."""
    bureau = Bureau()
    to = recorder(bureau, Metrics())
    meet(to, "m1", "m2")
    monkeypatch.setattr("firewall.core.quarantine.MOST_OPEN", 1)
    assert await to.drain()
    assert len(bureau.state.held) == len(bureau.texts.kept) == 1


async def test_what_the_store_does_not_take_is_counted() -> None:
    """A text that is too large for it is not kept, and keeps no other from it."""
    bureau, metrics = Bureau(), Metrics()
    bureau.texts.longest = 200
    to = recorder(bureau, metrics)
    meet(to, "m1", text="x" * 500)
    meet(to, "m2")
    assert await to.drain()
    assert len(bureau.texts.kept) == 1
    assert metrics.registry.get_sample_value("memfw_quarantine_texts_dropped_total") == 1


async def test_an_item_that_cannot_be_stored_keeps_no_text() -> None:
    """The log refuses the id: what was to be kept for it is let go too."""
    bureau = Bureau()
    to = recorder(bureau, Metrics())
    bureau.log.refuses = "huge"
    meet(to, "huge", "m2")
    assert await to.drain()
    assert [key[1] for key in bureau.state.held] == ["m2"]
    assert len(bureau.texts.kept) == 1


@pytest.mark.parametrize("settings", [{"keep_texts": False}])
async def test_without_texts(settings: dict[str, object]) -> None:
    """Items alone."""
    bureau = Bureau()
    to = recorder(bureau, Metrics(), **settings)
    meet(to, "m1")
    assert await to.drain()
    assert (len(bureau.state.held), bureau.texts.kept) == (1, {})


async def test_chores_come_last_and_again() -> None:
    """They see what was drained before them; one that the log is away for ends the drain."""
    bureau = Bureau()
    seen: list[int] = []

    async def chore() -> None:
        seen.append(len(bureau.texts.kept))

    to = Recorder(cast("SqliteLog", Receipts()), bureau.log, Metrics(), vault=bureau.vault, chores=(chore,))
    meet(to, "m1")
    assert await to.drain()
    assert seen == [1]
