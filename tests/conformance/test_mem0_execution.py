"""Execution memory governs drop-in traffic: what failed does not come back through an unchanged Mem0 client."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.backends.mem0 import KEY
from tests.conformance.clients import RealClient, real_client
from tests.conformance.self_hosted import FLAVORS, Store, governed
from tests.sidecar import Sidecar

MINE = {"user_id": "u1"}
LEGACY = "src/checkout/legacyAdapter.ts"
ACCEPTED = "src/checkout/adapter.ts"


@pytest.fixture(params=FLAVORS)
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Sidecar, Store]]:
    """A keyless memfw in front of a real Mem0, and the store behind it."""
    async with governed(tmp_path, request.param) as both:
        yield both


@pytest.fixture
async def client(running: tuple[Sidecar, Store]) -> AsyncIterator[RealClient]:
    async with real_client(running[0].mem0, KEY) as one:
        yield one


async def observe(
    memfw: Sidecar, outcome: str, file: str, *, role: str = "worker", title: str = "Step"
) -> str:
    """The id of one observed step of the checkout migration."""
    body = {
        "agent_role": role,
        "memory_lane": "shared",
        "execution": {
            "task_signature": "checkout-migration",
            "title": title,
            "outcome": outcome,
            "target_files": [file],
        },
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{memfw.url}/v1/observe", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return str((await answer.json())["memory_write"]["nodes"][0]["id"])


async def search(client: RealClient) -> Any:
    return await client("search", "how do we do checkout?", filters=MINE, threshold=0.0, top_k=20)


async def test_a_failed_route_does_not_come_back(running: tuple[Sidecar, Store], client: RealClient) -> None:
    """What recommends it is withheld and hidden, what reports it withheld and shown, what shares a word is untouched;
    the `firewall` object names the step and the accepted way."""
    memfw, store = running
    recommends = await store.add("use the legacy adapter for checkout")
    reports = await store.add("the legacy adapter was rejected by the verifier")
    shares = await store.add("checkout opens at noon on legacy holidays")
    assert {row["id"] for row in (await search(client))["results"]} >= {recommends, shares}
    step = await observe(memfw, "failed", LEGACY, title="Legacy adapter rejected")
    await observe(memfw, "succeeded", ACCEPTED, role="verifier", title="Adapter route accepted")
    found = await search(client)
    assert {row["id"] for row in found["results"]} == {shares}
    withheld = {row["id"]: row for row in found["firewall"]["withheld"]}
    assert withheld[recommends]["action"] == withheld[reports]["action"] == "do_not_use"
    assert withheld[recommends]["reasons"] == ["execution:recommends_failed_route"]
    assert f"step:{step}" in withheld[recommends]["evidence"]
    assert "text" not in withheld[recommends]
    assert "execution:reports_failed_route" in withheld[reports]["reasons"]
    assert withheld[reports]["text"] == "the legacy adapter was rejected by the verifier"
    assert found["firewall"]["active_path"] == [ACCEPTED]


@pytest.mark.parametrize(
    ("role", "reopened"), [("verifier", True), ("reviewer", True), ("worker", False), ("planner", False)]
)
async def test_a_later_success_reopens(
    running: tuple[Sidecar, Store], client: RealClient, role: str, reopened: bool
) -> None:
    """By a verifier or reviewer as accepted, by anybody else as contested: then the memory stays withheld."""
    memfw, store = running
    memory = await store.add("use the legacy adapter for checkout")
    await observe(memfw, "failed", LEGACY)
    assert (await search(client))["results"] == []
    await observe(memfw, "succeeded", LEGACY, role=role)
    found = await search(client)
    assert [row["id"] for row in found["results"]] == ([memory] if reopened else [])
    if not reopened:
        assert found["firewall"]["withheld"][0]["reasons"] == ["execution:contested_route"]
