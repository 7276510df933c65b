"""A release that meets another decision on its way: one of them counts, and a write is sent once or not at all."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from firewall.core.events import ScopeKey
from firewall.service.review.deciding import confirm, expire, release
from firewall.service.review.erasing import erase
from firewall.service.review.room import HeldRequest
from tests.service.review.bureau import ADMIN, KEY, Bureau, Texts, Upstream


class Meeting(Texts):
    """The first who reads a text meets, before it is given to him, whatever `between` does."""

    between: Callable[[], Awaitable[object]] | None = None

    async def kept_text(self, key: ScopeKey, text_id: str) -> bytes | None:
        found = await super().kept_text(key, text_id)
        between, self.between = self.between, None
        if between is not None:
            await between()
        return found


async def test_a_release_that_was_overtaken_by_another_sends_nothing() -> None:
    """The first reads the request, and meanwhile a second one sends it: the first is refused."""
    texts = Meeting()
    bureau = Bureau(upstream=Upstream([200, 200]), texts=texts)
    id_ = await bureau.hold_write()
    gone = asyncio.Event()

    class Sending(Upstream):
        async def send(self, key: ScopeKey, held: HeldRequest) -> int:
            gone.set()
            await asyncio.sleep(0)
            return await super().send(key, held)

    bureau.upstream = Sending([200, 200])
    async with asyncio.TaskGroup() as others:

        async def overtaken() -> None:
            others.create_task(bureau.ask(release, {}, ADMIN, id=id_))
            await gone.wait()

        texts.between = overtaken
        assert await bureau.refused(release, {}, id=id_) == (409, "release_pending")
    assert len(bureau.upstream.sent) == 1


@pytest.mark.parametrize("word", ["confirm", "expire", "erase"])
async def test_a_decision_in_between_counts(word: str) -> None:
    """Withheld for good, taken out or erased while the request was read: it is not sent any more."""
    texts = Meeting()
    bureau = Bureau(upstream=Upstream([200]), texts=texts)
    id_ = await bureau.hold_write()
    decisions: dict[str, Callable[[], Awaitable[object]]] = {
        "confirm": lambda: bureau.ask(confirm, {}, ADMIN, id=id_),
        "expire": lambda: bureau.ask(expire, {}, ADMIN, id=id_),
        "erase": lambda: bureau.ask(erase, {"quarantine_id": id_, "why": "asked"}, ADMIN),
    }
    texts.between = decisions[word]
    assert await bureau.refused(release, {}, id=id_) == (409, "item_settled")
    assert bureau.upstream.sent == []
    status = {"confirm": "confirmed", "expire": "expired", "erase": "erased"}[word]
    assert bureau.state.quarantine.writes[id_].status == status
    assert (KEY, id_) not in texts.kept or word == "confirm"
