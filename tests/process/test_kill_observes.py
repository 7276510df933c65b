"""kill -9 in the middle of a thousand concurrent observes: what was acknowledged is there, and nothing is there twice."""

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from firewall.core.events import Record, ScopeKey
from firewall.core.evidence import Observed
from firewall.core.state import State, fold_all
from firewall.log.projection import Projections
from firewall.log.sqlite import SqliteLog
from tests.log.keys import RING, SIGNER
from tests.process.running import Answered, Line, serving

OBSERVES = 1_000
KILL_AFTER = 300
KEY = ScopeKey("default", "checkout")


def body(number: int) -> dict[str, object]:
    """Steps of fifty tasks; each speaks of one of ten ways, so that they meet on their routes."""
    return {
        "scope": KEY.scope,
        "operation_id": f"op-{number}",
        "agent_role": "verifier" if number % 3 == 0 else "worker",
        "execution": {
            "client_id": f"step-{number}",
            "task_signature": f"task-{number % 50}",
            "title": f"Step {number}",
            "summary": f"What step {number} did to the files of its way",
            "outcome": ("succeeded", "failed", "blocked", "unknown")[number % 4],
            "target_files": [f"src/way{number % 10}.ts"],
        },
    }


class Observers:
    """One client for each observation, all at once. `answers` are those that were acknowledged, by number."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.answers: dict[int, Answered] = {}
        self.refused: list[int] = []
        self._progress = asyncio.Condition()

    async def run(self, numbers: Sequence[int]) -> None:
        async with asyncio.TaskGroup() as group:
            for number in numbers:
                group.create_task(self._observe(number))

    async def reached(self, count: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.answers) >= count)

    async def _observe(self, number: int) -> None:
        try:
            line = await Line.open(self._address)
        except ConnectionError:
            return
        try:
            answer = await line.ask("POST", "/v1/observe", body(number))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            await line.close()
        if answer.status == 503:  # more at once than it takes: nothing was stored
            self.refused.append(number)
            return
        assert answer.status == 200, answer.body
        async with self._progress:
            self.answers[number] = answer
            self._progress.notify_all()


async def _stored(folder: Path) -> list[Record]:
    log = await SqliteLog.open(folder / "memfw.db", signer=SIGNER)
    records = await log.read(KEY, limit=1_000_000)
    await log.close()
    return records


async def _projected(folder: Path) -> bytes:
    """The state as a process has it after its start, from a snapshot where there is one."""
    log = await SqliteLog.open(folder / "memfw.db", signer=SIGNER)
    projections = Projections(log, ring=RING, clock=lambda: 0.0)
    await projections.start()
    state = await projections.load(KEY)
    encoded = msgspec.msgpack.encode(state)
    await projections.close()
    await log.close()
    return encoded


def _observed(records: Sequence[Record]) -> Counter[str]:
    return Counter(record.event.title for record in records if isinstance(record.event, Observed))


async def test_a_kill_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Every acknowledged observation is in the log once and is answered with the same bytes when it is sent again; after
    all were sent again each is there once; the projection is the fold of the log, before and after."""
    async with serving(tmp_path, {}) as process:
        observers = Observers(process.address)
        running = asyncio.ensure_future(observers.run(range(OBSERVES)))
        await observers.reached(KILL_AFTER)
        process.child.kill()
        assert await process.ended() == -signal.SIGKILL
        await running
    acknowledged = observers.answers
    assert KILL_AFTER <= len(acknowledged) < OBSERVES

    records = await _stored(tmp_path)
    there = _observed(records)
    assert set(there.values()) == {1}
    assert {f"Step {number}" for number in acknowledged} <= set(there)
    offsets = {
        record.event.node_id: record.offset for record in records if isinstance(record.event, Observed)
    }
    for number, answer in acknowledged.items():
        (node,) = answer.json["memory_write"]["nodes"]
        assert offsets[node["id"]] == int(answer.headers["memfw-after"]), number
    before = msgspec.msgpack.encode(fold_all(State(), records))
    assert await _projected(tmp_path) == before

    async with serving(tmp_path, {}) as process:
        again = Observers(process.address)
        left = [*range(OBSERVES)]
        while left:
            await again.run(left)
            left, again.refused = again.refused, []
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
    assert set(again.answers) == set(range(OBSERVES))
    for number, answer in acknowledged.items():
        assert again.answers[number].body == answer.body
    stored_before = {int(title.removeprefix("Step ")) for title in there}
    replayed = {number for number, answer in again.answers.items() if "memfw-replayed" in answer.headers}
    assert replayed == stored_before

    records = await _stored(tmp_path)
    assert _observed(records) == Counter(f"Step {number}" for number in range(OBSERVES))
    assert await _projected(tmp_path) == msgspec.msgpack.encode(fold_all(State(), records))
