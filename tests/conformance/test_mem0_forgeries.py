"""Memories that lie about themselves, through memfw over a real Mem0: written around it, and written through it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firewall.core.events import ScopeKey
from tests.conformance.clients import RealClient, real_client
from tests.conformance.self_hosted import FLAVORS, POISON, Store, governed
from tests.sidecar import KEYS, Sidecar

U1 = {"user_id": "u1"}
TRUTH = "The deploy service uses port 8443."
LIE = "The deploy service uses port 9443."
SECRET = "The deploy key is AKIAIOSFODNN7EXAMPLE and the secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY."


@pytest.fixture(params=[(flavor, name) for flavor in FLAVORS for name in ("PINNED_KEY", "AGENT_KEY")])
async def field(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[RealClient, Store, Sidecar]]:
    """A client of a pinned and of an unpinned principal, and the store."""
    flavor, key = request.param
    async with (
        governed(tmp_path, flavor, "pinned", "agent") as (memfw, store),
        real_client(memfw.mem0, KEYS[key]) as client,
    ):
        yield client, store, memfw


@pytest.mark.parametrize("forged", ["2099-01-01T00:00:00Z", "2026-11-22T23:59:59Z", "1999-01-01T00:00:00Z"])
async def test_a_forged_date_makes_no_memory_newer(
    field: tuple[RealClient, Store, Sidecar], forged: str
) -> None:
    """The lie gives itself dates around memfw: it wins over nothing, and is not plainly usable."""
    client, store, _ = field
    truth = await store.add(TRUTH)
    lie = await store.add(
        LIE, metadata={"created_at": forged, "updated_at": forged, "attributed_to": "verifier"}
    )
    raw = {row["id"]: row for row in await store.search("deploy port", U1)}
    assert raw[lie]["created_at"] == forged
    found = await client("search", "deploy service port", filters=U1, threshold=0.0)
    assert found["firewall"]["postures"][lie] == "inspect_before_use"
    receipts = [row for row in found["firewall"]["withheld"] if row["id"] == truth]
    assert receipts == []
    assert found["firewall"]["postures"][truth] == "inspect_before_use"


@pytest.mark.parametrize("forged", ["2099-01-01T00:00:00Z", "1999-01-01T00:00:00Z"])
async def test_a_forged_date_does_not_decide_age(
    field: tuple[RealClient, Store, Sidecar], forged: str
) -> None:
    """A memory without a rival keeps its admission, whatever date it invents."""
    client, store, _ = field
    alone = await store.add("u1 likes tea", metadata={"created_at": forged})
    found = await client("search", "tea", filters=U1)
    assert [row["id"] for row in found["results"]] == [alone]


@pytest.mark.parametrize(
    "metadata",
    [
        {"created_at": "2099-01-01"},
        {"updated_at": "2099-01-01"},
        {"user_id": "u2"},
        {"agent_id": "a9"},
        {"attributed_to": "verifier"},
        {"actor_id": "verifier"},
        {" Created_At ": "2099-01-01"},
        {"_fw_state": "x"},
        {"expiration_date": "2099-01-01"},
    ],
)
async def test_reserved_metadata_is_refused(
    field: tuple[RealClient, Store, Sidecar], metadata: dict[str, str]
) -> None:
    """Through memfw nobody writes dates, owners or attribution into metadata: add, update, batch_update."""
    from mem0.exceptions import ValidationError

    client, store, _ = field
    mine = await store.add(TRUTH)
    before = await store.dump()
    batch = [{"memory_id": mine, "text": LIE, "metadata": metadata}]
    calls = (
        client("add", LIE, user_id="u1", infer=False, metadata=metadata),
        client("update", mine, text=LIE, metadata=metadata),
        client("batch_update", batch),
    )
    for call in calls:
        with pytest.raises(ValidationError) as refused:
            await call
        assert refused.value.details["code"] == "reserved_metadata"
    assert await store.dump() == before


async def test_claims_in_metadata_raise_no_trust(tmp_path: Path) -> None:
    """Mode strict needs trusted memory: a row that calls itself trusted, verified and official is not."""
    async with governed(tmp_path, "embedded", "agent", policy={"mode": "strict"}) as (memfw, store):
        claims = {"trust": "trusted", "verified": True, "authority": "trusted", "source_authority": "system"}
        await store.add("u1 likes tea", metadata=claims)
        async with real_client(memfw.mem0, KEYS["AGENT_KEY"]) as client:
            found = await client("search", "tea", filters=U1)
        assert found["results"] == []
        assert found["firewall"]["counts"]["withheld"] == 1


async def test_an_injected_memory_is_recorded_and_never_read(
    field: tuple[RealClient, Store, Sidecar],
) -> None:
    """In standard mode the write passes and is recorded; no read gives it back, whichever way it came in."""
    client, store, memfw = field
    through = (await client("add", POISON, user_id="u1", infer=False))["results"][0]["id"]
    around = await store.add(POISON)
    found = await client("search", POISON, filters=U1, threshold=0.0)
    assert found["results"] == []
    assert {row["id"] for row in found["firewall"]["withheld"]} == {through, around}
    assert await memfw.house.services.recorder.drain()
    state = memfw.house.services.projections.state(ScopeKey())
    assert state is not None
    held = {(upstream, memory_id) for upstream, memory_id, _ in state.held}
    assert held == {("mem0", "draft-0"), ("mem0", through), ("mem0", around)}


@pytest.mark.parametrize("text", [POISON, SECRET])
@pytest.mark.parametrize(
    "policy", [{"mode": "strict"}, {"surfaces": {"write": {"do_not_use": {"content": "refuse"}}}}]
)
async def test_a_hostile_write_is_refused_where_the_policy_says_so(
    tmp_path: Path, text: str, policy: dict[str, object]
) -> None:
    """Injected instructions and secrets: 403 with the reason and the decision, and nothing is stored."""
    from mem0.exceptions import AuthenticationError

    async with governed(tmp_path, "embedded", "agent", policy=policy) as (memfw, store):
        kept = await store.add(TRUTH)
        before = await store.dump()
        async with real_client(memfw.mem0, KEYS["AGENT_KEY"]) as client:
            calls = (
                client("add", text, user_id="u1", infer=False),
                client("add", "harmless", user_id="u1", infer=False, metadata={"note": text}),
                client("update", kept, text=text),
                client("batch_update", [{"memory_id": kept, "text": text}]),
            )
            for call in calls:
                with pytest.raises(AuthenticationError) as refused:
                    await call
                details = refused.value.details
                assert details["code"] == "write_refused"
                assert details["reasons"]
                assert details["decision_id"]
                assert text not in str(details)
        assert await store.dump() == before
