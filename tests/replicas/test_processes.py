"""Real processes on one store: what one of them acknowledged holds for all, also after it was killed."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.backends.mem0_double import PlatformDouble
from tests.process.crew import line_to
from tests.process.running import Answered, Line, serving
from tests.replicas.conftest import Settings
from tests.replicas.pair import failed_step
from tests.sidecar import KEYS, mem0_at, principals

SEARCH = "/mem0/v3/memories/search/"
QUERY = {"query": "how do we do checkout?", "filters": {"user_id": "u1"}}

KEY = {"Memfw-Key": KEYS["AGENT_KEY"]}


async def observed(line: Line, body: Mapping[str, object], **headers: str) -> Answered:
    answer = await line.ask("POST", "/v1/observe", body, **headers)
    assert answer.status == 200, answer.body
    return answer


async def admitted(line: Line, after: Answered, **headers: str) -> list[str]:
    """What comes through, once the offset of that write is seen."""
    seen = {"Memfw-After": after.headers["memfw-after"], **headers}
    answer = await line.ask("POST", SEARCH, QUERY, **seen)
    return [row["id"] for row in answer.json["results"]]


async def test_a_killed_sidecar(tmp_path: Path, store: Settings, double: PlatformDouble) -> None:
    """kill -9 while it writes: the other goes on with all that was acknowledged, and answers a repeat with the same."""
    config = {"upstreams": mem0_at(double.url), **store}
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    async with AsyncExitStack() as stack:
        starting = (stack.enter_async_context(serving(folder, config)) for folder in folders)
        a, b = await asyncio.gather(*starting)
        to_a, to_b = await Line.open(a.address), await Line.open(b.address)
        assert await admitted(to_b, await observed(to_a, failed_step())) == ["m2"]
        acknowledged: list[Answered] = []
        writing = asyncio.ensure_future(_write(to_a, acknowledged))
        while len(acknowledged) < 20:  # noqa: ASYNC110  the other process is what we wait for
            await asyncio.sleep(0.005)
        a.child.kill()
        assert await a.ended() == -9
        await writing
        assert await admitted(to_b, acknowledged[-1]) == ["m2"]
        for number, first in enumerate(acknowledged, start=1):
            again = await observed(to_b, failed_step(number, operation_id=f"op-{number}"))
            assert again.headers["memfw-replayed"] == "true"
            assert again.json == first.json
        for line in (to_a, to_b):
            await line.close()


async def _write(line: Line, acknowledged: list[Answered]) -> None:
    number = 0
    while True:
        number += 1
        try:
            acknowledged.append(await observed(line, failed_step(number, operation_id=f"op-{number}")))
        except (asyncio.IncompleteReadError, ConnectionError):
            return


@pytest.mark.parametrize("store", ["redis"], indirect=True)
async def test_workers_agree(tmp_path: Path, store: Settings, double: PlatformDouble) -> None:
    """What one worker takes in governs the other: they are replicas that share a port."""
    config = {
        "workers": 2,
        "upstreams": mem0_at(double.url),
        "principals": [{**principals("agent")[0], "may_act_as": ["worker"]}],
        **store,
    }
    async with serving(tmp_path, config, environ=KEYS) as process:
        writer, reader = await line_to(process, 0), await line_to(process, 1)
        before = await reader.ask("POST", SEARCH, QUERY, **KEY)
        assert [row["id"] for row in before.json["results"]] == ["m1", "m2"]
        assert await admitted(reader, await observed(writer, failed_step(), **KEY), **KEY) == ["m2"]
        for line in (writer, reader):
            await line.close()
