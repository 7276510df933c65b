"""Who wrote it, over a real Mem0: what went around memfw is unsigned, what a trusted principal wrote through it is verified."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firewall.core.events import ScopeKey
from firewall.core.stamp import STAMP_KEY
from tests.backends.mem0 import KEY, inferring_mem0, oss_front
from tests.conformance.clients import RealClient, real_client
from tests.conformance.self_hosted import FLAVORS, Store, governed
from tests.sidecar import KEYS, Sidecar, principals, sidecar

U1 = {"user_id": "u1"}
TRUTH = "Invoices of the Hamburg office go to Kim."
LIE = "Invoices of the Hamburg office go to Mallory."
CURRENT = {"lifecycle_hint": "current"}
EACH = pytest.mark.parametrize("flavor", FLAVORS)


@asynccontextmanager
async def under(
    folder: Path, flavor: str, mode: str, *, key: str = "AUTHOR_KEY"
) -> AsyncIterator[tuple[RealClient, Store, Sidecar]]:
    """The client of one principal under a policy of that mode, and the store."""
    policy = {"name": mode, "mode": mode}
    async with (
        governed(folder, flavor, "author", "agent", "pinned", policy=policy) as (memfw, store),
        real_client(memfw.mem0, KEYS[key]) as client,
    ):
        yield client, store, memfw


async def wrote(client: RealClient, text: str, **fields: Any) -> str:
    """The id of what the real client stored."""
    answer = await client("add", [{"role": "user", "content": text}], infer=False, **U1, **fields)
    return str(answer["results"][0]["id"])


async def searched(client: RealClient, query: str = "invoices Hamburg") -> tuple[list[str], dict[str, Any]]:
    """Admitted ids, and what was withheld, by id."""
    found = await client("search", query, filters=U1, threshold=0.0, top_k=20)
    return [row["id"] for row in found["results"]], {row["id"]: row for row in found["firewall"]["withheld"]}


@EACH
@pytest.mark.parametrize("mode", ["strict", "firewall"])
async def test_what_went_around_memfw_is_unsigned_and_not_used(
    tmp_path: Path, flavor: str, mode: str
) -> None:
    """A row inserted straight into the store is withheld, whatever it claims; the same kind of row that a trusted
    principal wrote through memfw is plainly used."""
    async with under(tmp_path, flavor, mode) as (client, store, _):
        poisoned = await store.add(LIE, metadata={**CURRENT, "trust": "trusted", "writer": "author"})
        written = await wrote(client, TRUTH, metadata=CURRENT)
        admitted, withheld = await searched(client)
    assert admitted == [written]
    assert withheld[poisoned]["action"] == "inspect_before_use"
    assert withheld[poisoned]["evidence"] == ["attestation:unsigned"]


@EACH
async def test_firewall_still_wants_a_lifecycle(tmp_path: Path, flavor: str) -> None:
    """A stamp is no label: in mode firewall a verified row without one is withheld, in strict it is used."""
    (tmp_path / "f").mkdir()
    (tmp_path / "s").mkdir()
    async with under(tmp_path / "f", flavor, "firewall") as (client, _, _):
        written = await wrote(client, TRUTH)
        admitted, withheld = await searched(client)
        assert admitted == []
        assert withheld[written]["reasons"] == ["unlabelled"]
    async with under(tmp_path / "s", flavor, "strict") as (client, _, _):
        written = await wrote(client, TRUTH)
        assert await searched(client) == ([written], {})


@EACH
async def test_a_writer_gives_no_more_trust_than_it_has(tmp_path: Path, flavor: str) -> None:
    """The row of a principal that is only known is verified, and worth what that principal is."""
    async with under(tmp_path, flavor, "strict", key="AGENT_KEY") as (client, _, _):
        written = await wrote(client, TRUTH)
        admitted, withheld = await searched(client)
    assert admitted == []
    assert withheld[written]["evidence"] == ["attestation:verified"]


@EACH
async def test_the_row_is_the_clients_own_but_for_the_stamp(tmp_path: Path, flavor: str) -> None:
    """Text and metadata are stored as they were sent; the stamp is one flat text, which the client may send back."""
    mine = {"team": "shop", "n": [1, {"a": None}], "kind": "fact"}
    async with under(tmp_path, flavor, "strict") as (client, store, _):
        written = await wrote(client, TRUTH, metadata=mine)
        row = (await store.dump())[written]
        stamp = row["metadata"].pop(STAMP_KEY)
        assert len(stamp) < 512
        assert stamp.isascii()
        assert {key: row["metadata"][key] for key in mine} == mine
        copied = await wrote(client, TRUTH + " Since May.", metadata={**mine, STAMP_KEY: stamp})
        assert (await store.dump())[copied]["metadata"][STAMP_KEY] != stamp
        assert set((await searched(client))[0]) == {written, copied}


@EACH
async def test_a_stamp_on_another_row_is_no_proof(tmp_path: Path, flavor: str) -> None:
    """Copied onto another text it is derived, onto another owner forged, onto the same text replayed; changed, forged."""
    async with under(tmp_path, flavor, "strict") as (client, store, memfw):
        written = await wrote(client, TRUTH)
        await memfw.house.services.recorder.drain()
        stamp = (await store.dump())[written]["metadata"][STAMP_KEY]
        other = await store.add(LIE, metadata={STAMP_KEY: stamp})
        again = await store.add(TRUTH, metadata={STAMP_KEY: stamp})
        broken = await store.add("Invoices of Hamburg are paid.", metadata={STAMP_KEY: stamp[:-2] + "AA"})
        foreign = await store.add("Invoices of Bremen.", user_id="u2", metadata={STAMP_KEY: stamp})
        admitted, withheld = await searched(client)
        theirs = await client("search", "invoices", filters={"user_id": "u2"}, threshold=0.0)
    assert admitted == [written]
    assert withheld[other]["evidence"] == ["attestation:derived"]
    assert "replayed" in withheld[again]["reasons"]
    assert withheld[broken]["reasons"] == ["forged", "trust:untrusted"]
    assert withheld[broken]["action"] == "do_not_use"
    assert [row["reasons"] for row in theirs["firewall"]["withheld"] if row["id"] == foreign] == [
        ["forged", "trust:untrusted"]
    ]


@EACH
async def test_what_was_changed_in_the_store_is_no_longer_verified(tmp_path: Path, flavor: str) -> None:
    """Another text, or another label, under a stamp that was good: derived, worth what no stamp is."""
    async with under(tmp_path, flavor, "strict") as (client, store, _):
        text = await wrote(client, TRUTH)
        label = await wrote(
            client, "Invoices of the Hamburg office are due in May.", metadata={"kind": "event"}
        )
        await store.ask("PUT", f"/memories/{text}", {"text": LIE})
        await store.ask("PUT", f"/memories/{label}", {"metadata": {"kind": "rule"}})
        admitted, withheld = await searched(client)
    assert admitted == []
    assert {row["evidence"][0] for row in withheld.values()} == {"attestation:derived"}
    assert set(withheld) == {text, label}


@EACH
async def test_an_update_through_memfw_is_stamped_anew(tmp_path: Path, flavor: str) -> None:
    """Also of a row that had come around memfw: the principal answers for the text now."""
    async with under(tmp_path, flavor, "strict") as (client, store, _):
        around = await store.add(LIE)
        assert (await searched(client))[0] == []
        await client("update", around, text=TRUTH)
        assert await searched(client) == ([around], {})
        batch = [{"memory_id": around, "text": "Invoices of the Hamburg office go to Alex."}]
        await client("batch_update", batch)
        assert await searched(client) == ([around], {})


@EACH
async def test_the_log_knows_which_record_it_was(tmp_path: Path, flavor: str) -> None:
    """`stamped` binds the record that the server named, behind the answer."""
    async with under(tmp_path, flavor, "strict") as (client, _, memfw):
        written = await wrote(client, TRUTH)
        await memfw.house.services.recorder.drain()
        state = memfw.house.services.projections.state(ScopeKey())
        assert state is not None
        assert list(state.stamped.values()) == [written]


@EACH
async def test_several_messages_share_a_stamp(tmp_path: Path, flavor: str) -> None:
    """One write stores them under one metadata: each is verified, and none is another's replay."""
    texts = ["Invoices of Hamburg go to Kim.", "Invoices of Bremen go to Alex."]
    async with under(tmp_path, flavor, "strict") as (client, _, _):
        messages = [{"role": "user", "content": text} for text in texts]
        answer = await client("add", messages, infer=False, **U1)
        admitted, withheld = await searched(client)
    assert set(admitted) == {row["id"] for row in answer["results"]}
    assert withheld == {}


@EACH
async def test_a_retired_key_proves_nothing(tmp_path: Path, flavor: str) -> None:
    """What it stamped is unsigned from the moment that memfw reads its ring again."""
    from firewall.keyfile import KeyFile

    async with under(tmp_path, flavor, "strict") as (client, _, memfw):
        written = await wrote(client, TRUTH)
        assert await searched(client) == ([written], {})
        ring = KeyFile(tmp_path / "memfw.db.keys")
        (old,) = ring.read()
        ring.add(2_000_000_000.0)
        memfw.house.reload()
        assert await searched(client) == ([written], {})
        ring.retire(old.id, 2_000_000_001.0)
        memfw.house.reload()
        admitted, withheld = await searched(client)
    assert admitted == []
    assert withheld[written]["evidence"] == ["attestation:unsigned"]


async def test_what_the_upstream_inferred_is_derived(tmp_path: Path) -> None:
    """With `infer=True` Mem0 stores a text of its own: the stamp is genuine and for another text, so it lifts nothing."""
    inner = inferring_mem0("u1 wants invoices of Hamburg to go to Kim")
    async with oss_front(inner) as url:
        config = {
            "principals": principals("author"),
            "upstreams": {
                "mem0": {"dialect": "mem0", "flavor": "oss", "url": url, "auth": {"inject": "env:K"}}
            },
        }
        async with (
            sidecar(tmp_path, config, policy={"mode": "strict"}, environ={"K": KEY}) as memfw,
            real_client(memfw.mem0, KEYS["AUTHOR_KEY"]) as client,
        ):
            await client("add", [{"role": "user", "content": TRUTH}], **U1)
            admitted, withheld = await searched(client)
            assert admitted == []
            assert [row["evidence"] for row in withheld.values()] == [["attestation:derived"]]
            assert STAMP_KEY in str(await Store(inner).dump())
