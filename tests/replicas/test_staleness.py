"""A store that is away: reads go on with what is known and say how old that may be, until the policy says stop."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firewall.core.events import ScopeKey
from tests.backends.mem0_double import PlatformDouble
from tests.replicas.pair import Side, failed_step, side
from tests.server.asking import GOVERN, asking


class Clock:
    """The real one, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def alone(tmp_path: Path, double: PlatformDouble, clock: Clock) -> AsyncIterator[Side]:
    """A sidecar that knows of a failed route."""
    async with side(tmp_path / "a", double.url, {}, monotonic=clock) as one:
        await one.observed(failed_step())
        yield one


async def test_what_is_current_says_nothing(alone: Side) -> None:
    """No header, no member, and 0 in the receipt."""
    headers, body = await alone.search()
    assert "Memfw-Staleness" not in headers
    assert "staleness_seconds" not in body["firewall"]
    status, _, decision = await alone.ask("GET", f"/v1/decisions/{headers['Memfw-Decision-Id']}")
    assert status == 200
    assert decision["staleness_seconds"] == 0.0


async def test_a_read_says_how_old_its_state_may_be(alone: Side, clock: Clock) -> None:
    """Governed as before, by the last state, with the seconds in header, body, receipt and metric."""
    await alone.inside.house.log.close()
    clock.ahead += 5.0
    headers, body = await alone.search()
    assert {row["id"] for row in body["results"]} == {"m2"}
    said = float(headers["Memfw-Staleness"])
    assert 5.0 <= said == body["firewall"]["staleness_seconds"]
    assert "degraded" not in body["firewall"]
    _, headers, governed = await alone.ask("POST", GOVERN, asking(1))
    assert 5.0 <= float(headers["Memfw-Staleness"]) == governed["firewall"]["staleness_seconds"]
    _, headers, recalled = await alone.ask("POST", "/v1/recall", {"query": "checkout"})
    assert recalled["firewall"]["staleness_seconds"] >= 5.0
    assert float(headers["Memfw-Staleness"]) >= 5.0
    house = alone.inside.house
    assert house.services.projections.staleness() >= 5.0
    status, headers, _ = await alone.observe(failed_step(1))
    assert (status, headers["Retry-After"]) == (503, "1")


async def test_beyond_the_policys_bound_nothing_is_admitted(alone: Side, clock: Clock) -> None:
    """Older than `max_staleness_s`: the fail mode, with the cause, the age, and the count of it."""
    await alone.inside.house.log.close()
    clock.ahead += 31.0
    headers, body = await alone.search()
    assert body["results"] == []
    assert body["firewall"]["degraded"] == "state_stale"
    assert body["firewall"]["staleness_seconds"] >= 31.0
    assert headers["Memfw-Admitted"] == "0"
    counted = alone.inside.house.services.metrics.registry
    assert counted.get_sample_value("memfw_degraded_total", {"cause": "state_stale"}) == 1.0


async def test_the_lag_of_what_others_wrote_is_measured(
    tmp_path: Path, double: PlatformDouble, pair: tuple[Side, Side]
) -> None:
    """Each followed event of a served scope is in the histogram of the one that follows."""
    a, b = pair
    await b.admitted()
    registry = b.inside.house.services.metrics.registry
    name = "memfw_projection_follow_seconds_count"
    before = registry.get_sample_value(name)
    assert before is not None
    after = await a.observed(failed_step())
    await b.admitted(Memfw_After=after)
    assert registry.get_sample_value(name) == before + 1
    assert b.inside.house.services.projections.state(ScopeKey()) is not None
