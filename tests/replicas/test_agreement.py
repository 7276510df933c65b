"""Two sidecars on one store agree: what one takes in governs what the other lets through, within a second."""

import asyncio
import statistics
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firewall.core.events import Event, Held, Reviewed, ScopeKey, text_digest
from tests.backends.mem0_double import PlatformDouble
from tests.replicas.conftest import Settings
from tests.replicas.pair import ROWS, Side, failed_step, side, until

BOTH = {"m1", "m2"}
#: What replicas promise each other.
LAG_SECONDS = 1.0


async def test_a_failed_route_is_known_to_the_other(
    pair: tuple[Side, Side],
    request: pytest.FixtureRequest,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """A memory that recommends what failed in front of one sidecar is withheld by the other, with the step as its
    evidence; the lag is measured over many writes in both directions."""
    a, b = pair
    assert await a.admitted() == await b.admitted() == BOTH
    await a.observed(failed_step())
    await until(lambda: _admits(b, {"m2"}))
    (row,) = (await b.search())[1]["firewall"]["withheld"]
    assert (row["id"], row["reasons"]) == ("m1", ["execution:recommends_failed_route"])
    lags = []
    for number in range(1, 11):
        writer, reader = (a, b) if number % 2 else (b, a)
        offset = int(await writer.observed(failed_step(number)))
        projections = reader.inside.house.services.projections
        lags.append(await until(partial(_reached, reader, offset)))
        state = projections.state(ScopeKey())
        assert state is not None
        assert state.offset >= offset
    record_testsuite_property(f"lag_seconds {request.node.name}", [round(lag, 3) for lag in lags])
    assert statistics.median(lags) < LAG_SECONDS


async def test_after_makes_it_exact(pair: tuple[Side, Side]) -> None:
    """`Memfw-After` of a write on one side: the next read on the other sees it, without asking twice."""
    a, b = pair
    assert await b.admitted() == BOTH
    after = await a.observed(failed_step())
    assert await b.admitted(Memfw_After=after) == {"m2"}


async def test_what_one_suppresses(pair: tuple[Side, Side]) -> None:
    """Suppressed on one side, withheld by the other; and the other's word lifts it for the first."""
    a, b = pair
    assert await b.admitted() == BOTH
    for here, there, action, left in ((a, b, "suppress", {"m1"}), (b, a, "unsuppress", BOTH)):
        body = {"operation": action, "memory_ids": ["mem0:m2"], "reason": "wrong"}
        status, headers, answer = await here.ask("POST", "/v1/forget", body)
        assert status == 200, answer
        assert await there.admitted(Memfw_After=headers["Memfw-After"]) == left


async def test_what_one_reviews(pair: tuple[Side, Side]) -> None:
    """Held and confirmed as forgotten by one reviewer, gone for both; a feedback on the other side counts here too."""
    a, b = pair
    assert await b.admitted() == BOTH
    digest = text_digest.of(ROWS[1]["memory"])
    events: list[Event] = [
        Held(
            upstream="mem0",
            memory_id="m2",
            digest=digest,
            reasons=("injection",),
            surface="drop_in",
            at=1.0,
        ),
        Reviewed(
            upstream="mem0", memory_id="m2", digest=digest, decision="suppress", reviewer="rita", at=2.0
        ),
    ]
    appended = await a.inside.house.services.projections.append(ScopeKey(), events)
    assert await b.admitted(Memfw_After=str(appended.offset)) == {"m1"}
    given = {"memory_id": "m1", "feedback": "VERY_NEGATIVE"}
    status, headers, _ = await b.ask("POST", "/mem0/v1/feedback/", given)
    assert status == 200
    assert await a.admitted(Memfw_After=headers["Memfw-After"]) == set()


async def insisted(side: Side, body: Mapping[str, object]) -> tuple[int, Mapping[str, str], Any]:
    """As a client does that is told to come again: the store may be slow to take a connection."""
    answer = await side.observe(body)
    for _ in range(4):
        if answer[0] == 503:
            answer = await side.observe(body)
    return answer


async def test_an_operation_is_done_once(pair: tuple[Side, Side]) -> None:
    """The same operation id on both sides, one after the other and at once: stored once, the same answer for all."""
    a, b = pair
    body = failed_step(operation_id="op-1")
    first = await a.observe(body)
    again = await b.observe(body)
    assert (first[0], again[0]) == (200, 200)
    assert again[1]["Memfw-Replayed"] == "true"
    assert again[2] == first[2]
    status, _, refused = await b.observe(failed_step(1, operation_id="op-1"))
    assert (status, refused["error"]) == (409, "operation_conflict")
    raced = [insisted(side, failed_step(2, operation_id="op-2")) for side in (a, b) * 8]
    answers = await asyncio.gather(*raced)
    assert [answer for status, _, answer in answers if status != 200] == []
    assert len({headers["Memfw-After"] for _, headers, _ in answers}) == 1
    assert sum("Memfw-Replayed" not in headers for _, headers, _ in answers) == 1


async def test_both_write_at_once(pair: tuple[Side, Side]) -> None:
    """Two hundred steps from both sides: one order, and the same state in both, byte for byte."""
    for one in pair:
        assert await one.admitted() == BOTH
    offsets = await asyncio.gather(*(pair[number % 2].observed(failed_step(number)) for number in range(200)))
    assert len(set(offsets)) == 200
    last = str(max(map(int, offsets)))
    states = []
    for one in pair:
        assert await one.admitted(Memfw_After=last) == {"m2"}
        states.append(one.inside.house.services.projections.state(ScopeKey()))
    assert msgspec.msgpack.encode(states[0]) == msgspec.msgpack.encode(states[1])


async def test_each_has_its_own_policy(tmp_path: Path, store: Settings, double: PlatformDouble) -> None:
    """A policy is each sidecar's own affair: one takes a new revision, the other keeps its, and both share the evidence."""
    async with (
        side(tmp_path / "a", double.url, store, policy={"name": "left"}) as a,
        side(tmp_path / "b", double.url, store, policy={"name": "right", "mode": "strict"}) as b,
    ):
        label = (await b.search())[0]["Memfw-Policy"]
        (tmp_path / "a" / "policy.yaml").write_text("name: left\nmode: firewall\n")
        a.inside.house.reload()
        await until(lambda: _mode(a, "firewall"))
        headers, _ = await b.search()
        assert (headers["Memfw-Policy"], headers["Memfw-Mode"]) == (label, "strict")
        after = await b.observed(failed_step())
        reasons = {
            row["id"]: row["reasons"]
            for row in (await a.search(Memfw_After=after))[1]["firewall"]["withheld"]
        }
        assert "execution:recommends_failed_route" in reasons["m1"]


async def _admits(one: Side, ids: set[str]) -> bool:
    return await one.admitted() == ids


async def _reached(one: Side, offset: int) -> bool:
    state = one.inside.house.services.projections.state(ScopeKey())
    return state is not None and state.offset >= offset


async def _mode(one: Side, mode: str) -> bool:
    return (await one.search())[0]["Memfw-Mode"] == mode
