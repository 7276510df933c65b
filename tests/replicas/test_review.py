"""Two sidecars and their reviewers: what one meets and holds, the other lists, shows, releases and confirms."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.replicas.conftest import Settings
from tests.replicas.pair import until
from tests.server.reviewing import POISON, Court, court

CLEAN = ("m9", "Likes green tea")


@pytest.fixture
async def benches(tmp_path: Path, store: Settings) -> AsyncIterator[tuple[Court, Court]]:
    """Each with a client of its own; the tenant and its scope are the same."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    state, keys = store["state"], store.get("keys", {})
    async with (
        court(tmp_path / "a", state=state, keys=keys) as a,
        court(tmp_path / "b", state=state, keys=keys) as b,
    ):
        yield a, b


async def _listed(bench: Court, count: int, status: str = "held") -> bool:
    return len(await bench.queue(status=status)) == count


async def test_released_on_the_other_side(benches: tuple[Court, Court]) -> None:
    """A withholds and holds it; B's reviewer reads the text and releases it; A lets it through, and so does B."""
    a, b = benches
    assert await a.memories(("m1", POISON), CLEAN) == ["m9"]
    await a.settled()
    await until(lambda: _listed(b, 1))
    (item,) = await b.queue()
    status, seen = await b.ask("GET", f"/v1/quarantine/{item['id']}")
    assert (status, seen["text"]["text"]) == (200, POISON)
    body = {"findings": item["releasable"], "note": "ours"}
    assert (await b.ask("POST", f"/v1/quarantine/{item['id']}/release", body))[0] == 200
    assert await b.memories(("m1", POISON), CLEAN) == ["m1", "m9"]
    await until(lambda: _admits(a, ["m1", "m9"]))


async def test_settled_once(benches: tuple[Court, Court]) -> None:
    """Both met it, there is one item; confirmed on one side it is settled on the other."""
    a, b = benches
    for bench in benches:
        assert await bench.memories(("m1", POISON)) == []
        await bench.settled()
    await until(lambda: _listed(a, 1))
    await until(lambda: _listed(b, 1))
    (item,) = await a.queue()
    assert (await a.ask("POST", f"/v1/quarantine/{item['id']}/confirm", {}))[0] == 200
    await until(lambda: _listed(b, 0))
    await until(lambda: _listed(b, 1, "confirmed"))
    assert await b.memories(("m1", POISON)) == []


async def _admits(bench: Court, ids: list[str]) -> bool:
    return await bench.memories(("m1", POISON), CLEAN) == ids
