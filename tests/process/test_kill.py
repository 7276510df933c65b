"""kill -9 under load: what was acknowledged is there after the restart, and nothing is there twice."""

import asyncio
from collections import Counter
from pathlib import Path

from firewall.core.events import ScopeKey, StandingGiven
from firewall.log.sqlite import SqliteLog
from tests.backends.mem0_double import PLATFORM_2, platform_double
from tests.log.keys import SIGNER
from tests.process.running import Line, serving
from tests.sidecar import mem0_at

FEEDBACK = "/mem0/v1/feedback/"
CLIENTS = 8


class Givers:
    """Clients that each give feedback on one memory after the other, each memory once."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._sent = 0
        self.acknowledged: list[str] = []
        self._progress = asyncio.Condition()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._give())

    async def reached(self, count: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.acknowledged) >= count)

    async def _give(self) -> None:
        line = await Line.open(self._address)
        while True:
            self._sent += 1
            memory = f"m{self._sent}"
            try:
                answer = await line.ask("POST", FEEDBACK, {"memory_id": memory, "feedback": "VERY_NEGATIVE"})
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            assert answer.status == 200
            async with self._progress:
                self.acknowledged.append(memory)
                self._progress.notify_all()
        await line.close()


async def test_a_kill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Every feedback that got its 2xx is in the log exactly once, and governs the reads of the next process."""
    async with platform_double(PLATFORM_2) as double:
        double.answer("POST", "/v1/feedback/", {"id": 1, "feedback": "VERY_NEGATIVE"})
        config = {"upstreams": mem0_at(double.url)}
        async with serving(tmp_path, config) as process:
            givers = Givers(process.address)
            running = asyncio.ensure_future(givers.run())
            await givers.reached(100)
            process.child.kill()
            assert await process.ended() == -9
            await running
        acknowledged = givers.acknowledged
        log = await SqliteLog.open(tmp_path / "memfw.db", signer=SIGNER)
        records = await log.read(ScopeKey(), limit=1_000_000)
        await log.close()
        given = Counter(
            record.event.memory_id for record in records if isinstance(record.event, StandingGiven)
        )
        assert set(given.values()) == {1}
        assert set(acknowledged) <= set(given)
        assert [record.offset for record in records] == sorted({record.offset for record in records})

        rows = [
            {"id": memory, "memory": f"fact {memory}", "user_id": "u1"}
            for memory in (*acknowledged, "untold")
        ]
        double.answer("POST", "/v3/memories/search/", {"results": rows})
        async with serving(tmp_path, config) as process:
            line = await Line.open(process.address)
            query = {"query": "q", "filters": {"user_id": "u1"}, "top_k": len(rows)}
            answer = (await line.ask("POST", "/mem0/v3/memories/search/", query)).json
            await line.close()
    assert [row["id"] for row in answer["results"]] == ["untold"]
    withheld = {row["id"]: row["reasons"] for row in answer["firewall"]["withheld"]}
    assert set(withheld) == set(acknowledged)
    assert all("closed_loop:demoted" in reasons for reasons in withheld.values())


async def test_a_kill_while_idle_leaves_a_file_that_opens(tmp_path: Path) -> None:
    """Killed right after its start, again and again, memfw starts once more on the same file."""
    for _ in range(3):
        async with serving(tmp_path, {}) as process:
            process.child.kill()
            assert await process.ended() == -9
    async with serving(tmp_path, {}) as process:
        line = await Line.open(process.address)
        assert (await line.ask("GET", "/readyz")).status == 200
        await line.close()
