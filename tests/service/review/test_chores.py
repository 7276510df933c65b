"""Behind the answers: upstream deletes leave tombstones, operational notes leave the queue by time, nothing else does."""

import msgspec
import pytest

from firewall.core.events import Erased, Held, HeldExpired, text_digest
from firewall.errors import StateError
from firewall.service.review import tombstones
from firewall.service.review.chores import MOST_DELETES, SWEEP_SECONDS, Deletes, Sweep
from firewall.service.review.listing import listed, shown
from tests.service.review.bureau import KEY, Bureau

DAY = 86_400.0


def deletes(bureau: Bureau) -> Deletes:
    return Deletes(bureau.log, bureau.vault, dropped=lambda count: None)


async def test_a_delete_leaves_a_tombstone_and_no_text() -> None:
    """What is held of the deleted memory is erased; of others it stays; a memory that was never held says nothing."""
    bureau = Bureau()
    gone, stays = await bureau.hold("m1", "m2")
    chore = deletes(bureau)
    chore.note(KEY, "mem0", ["m1", "never"], by="solo", at=bureau.now + 1)
    await chore.settle()
    (event,) = bureau.events(Erased)
    assert (event.ids, event.memory_id, event.by, event.why) == ((gone,), "m1", "solo", "deleted upstream")
    assert [id_ for _, id_ in bureau.texts.kept] == [stays]
    assert (await bureau.ask(shown, id=gone))["item"]["status"] == "erased"


async def test_a_delete_waits_for_a_store_that_is_away() -> None:
    """It is tried again, in order, and done once."""
    bureau = Bureau()
    await bureau.hold("m1")
    chore = deletes(bureau)
    chore.note(KEY, "mem0", ["m1"], by="solo", at=bureau.now)
    bureau.texts.away = True
    with pytest.raises(StateError):
        await chore.settle()
    bureau.texts.away = False
    await chore.settle()
    await chore.settle()
    assert len(bureau.events(Erased)) == 1


async def test_a_delete_of_many_texts_leaves_tombstones_of_a_bounded_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A memory that was held in thousands of versions: one event would be more than the log takes."""
    monkeypatch.setattr(tombstones, "AT_ONCE", 2)
    bureau = Bureau()
    texts = [text_digest(f"version {number}") for number in range(5)]
    held = Held(
        upstream="mem0", memory_id="m1", digest="", reasons=("injection:x",), surface="drop_in", at=1.0
    )
    await bureau.log.append(KEY, [msgspec.structs.replace(held, digest=text) for text in texts])
    chore = deletes(bureau)
    chore.note(KEY, "mem0", ["m1"], by="solo", at=bureau.now)
    await chore.settle()
    assert [len(event.ids) for event in bureau.events(Erased)] == [2, 2, 1]
    assert {item.status for item in bureau.state.held.values()} == {"erased"}


async def test_a_delete_that_the_log_never_takes_keeps_no_other_from_it() -> None:
    """It is counted; the next one is done."""
    dropped: list[int] = []
    bureau = Bureau()
    await bureau.hold("odd", "m2")
    chore = Deletes(bureau.log, bureau.vault, dropped=dropped.append)
    chore.note(KEY, "mem0", ["odd", "m2"], by="solo", at=bureau.now)
    bureau.log.refuses = "memory_id='odd'"
    await chore.settle()
    assert [event.memory_id for event in bureau.events(Erased)] == ["m2"]
    assert dropped == [1]


async def test_what_is_written_under_the_id_later_is_another_matter() -> None:
    """A text that came after the delete is not erased by it."""
    bureau = Bureau()
    chore = deletes(bureau)
    chore.note(KEY, "mem0", ["m1"], by="solo", at=bureau.now)
    bureau.now += 1
    await bureau.hold("m1")
    await chore.settle()
    assert bureau.events(Erased) == []


def test_deletes_are_bounded() -> None:
    """What does not fit is counted."""
    dropped: list[int] = []
    bureau = Bureau()
    chore = Deletes(bureau.log, bureau.vault, dropped=dropped.append)
    chore.note(KEY, "mem0", [f"m{number}" for number in range(MOST_DELETES + 2)], by="x", at=1.0)
    assert dropped == [2]


async def test_operational_notes_leave_by_themselves() -> None:
    """Only they, only where nobody met them lately, with `memfw` as who decided; a person's stay for ever."""
    bureau = Bureau()
    (old,) = await bureau.hold("old", reasons=("too_old:fact",))
    await bureau.hold("hostile")
    bureau.now += 31 * DAY
    await bureau.hold("fresh", reasons=("unlabelled",))
    sweep = Sweep(bureau.log, bureau.vault, after=30 * DAY, now=lambda: bureau.now)
    await sweep.settle()
    assert [event.memory_id for event in bureau.events(HeldExpired)] == ["old"]
    assert (KEY, old) not in bureau.texts.kept
    row = (await bureau.ask(shown, id=old))["item"]
    assert (row["status"], row["decision"]["by"]) == ("expired", "memfw")
    assert [item["memory_id"] for item in (await bureau.ask(listed))["items"]] == ["hostile", "fresh"]


async def test_they_are_looked_at_now_and_then() -> None:
    """Once is enough for a while; by default never."""
    bureau = Bureau()
    await bureau.hold("old", reasons=("too_old:fact",))
    off = Sweep(bureau.log, bureau.vault, after=None, now=lambda: bureau.now)
    sweep = Sweep(bureau.log, bureau.vault, after=DAY, now=lambda: bureau.now)
    await sweep.settle()
    bureau.now += 2 * DAY
    await off.settle()
    assert bureau.events(HeldExpired) == []
    await sweep.settle()
    await bureau.hold("other", reasons=("too_old:fact",))
    bureau.now += SWEEP_SECONDS - 1
    await sweep.settle()
    assert len(bureau.events(HeldExpired)) == 1
