"""A bulk review on the embedded log that is broken off in the middle, and gone on with by the next process."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import msgspec

from firewall.core.events import Event, Held, Reviewed, ScopeKey
from firewall.log.projection import Projections
from firewall.log.sqlite import SqliteLog
from firewall.ports import Appended
from firewall.service.desk import Call, Desk
from firewall.service.recorder import Recorder
from firewall.service.review.bulk import BATCH, release_many
from firewall.service.review.listing import listed
from firewall.service.review.room import ReviewRoom, ReviewSettings
from firewall.service.review.vault import Vault
from tests.log.keys import SIGNER
from tests.service.learning.desk import NOW, POLICY
from tests.service.review.bureau import INJECTION, JUDGE, KEY, RING

COUNT = 6 * BATCH + 7
BODY = {"reason": "injection", "findings": ["injection"], "expected": COUNT, "operation_id": "op"}


class Breaking(Projections):
    """Projections whose process is killed at one append: nothing comes back from it."""

    left = -1

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended:
        appended = await super().append(
            key, events, operation=operation, body_digest=body_digest, answer=answer
        )
        self.left -= 1
        if self.left == 0:
            raise asyncio.CancelledError
        return appended


@asynccontextmanager
async def process(folder: Path) -> AsyncIterator[tuple[Desk, Breaking, SqliteLog]]:
    """One memfw's desk over the log of the folder."""
    log = await SqliteLog.open(folder / "log.db", signer=SIGNER)
    projections = Breaking(log, ring=RING, clock=lambda: 0.0)
    await projections.start()
    await projections.load(KEY)
    desk = Desk(
        projections=projections,
        policy=lambda: POLICY,
        recorder=cast("Recorder", None),
        review=ReviewRoom(vault=Vault(log, RING), ring=RING, settings=ReviewSettings()),
        now=lambda: NOW,
        monotonic=lambda: 0.0,
        new_id=lambda: "0" * 32,
    )
    try:
        yield desk, projections, log
    finally:
        await projections.close()
        await log.close()


async def ask(desk: Desk) -> dict[str, int]:
    reply = await release_many(desk, Call(principal=JUDGE, raw=msgspec.json.encode(BODY)))
    return cast("dict[str, int]", msgspec.json.decode(reply.body))


async def test_the_next_process_finishes_it(tmp_path: Path) -> None:
    """Killed right after a batch was stored, three times over: each item has exactly one decision in the end."""
    async with process(tmp_path) as (desk, projections, _):
        events: list[Event] = [
            Held(
                upstream="mem0",
                memory_id=f"m{number}",
                digest="d",
                reasons=INJECTION,
                surface="drop_in",
                at=NOW,
            )
            for number in range(COUNT)
        ]
        await projections.append(KEY, events)
    for _ in range(3):
        async with process(tmp_path) as (desk, projections, _log):
            projections.left = 2
            task = asyncio.ensure_future(ask(desk))
            await asyncio.wait([task])
            assert task.cancelled()
    async with process(tmp_path) as (desk, _, log):
        answer = await ask(desk)
        assert (answer["left"], answer["matching"]) == (0, 0)
        assert 0 < answer["done"] < COUNT
        reply = await listed(desk, Call(principal=JUDGE))
        assert msgspec.json.decode(reply.body)["items"] == []
        records = await log.read(KEY, limit=10 * COUNT)
        decided = [one.event.memory_id for one in records if isinstance(one.event, Reviewed)]
        assert len(decided) == len(set(decided)) == COUNT
