"""The quarantine over real HTTP, through a whole memfw before a Mem0: held, reviewed, held again, erased."""

from pathlib import Path

import pytest

from tests.server.asking import GOVERN
from tests.server.reviewing import KEY, LIST, POISON, Court, court


@pytest.mark.parametrize("door", ["mem0", "govern"])
async def test_held_released_and_held_again_when_it_changes(tmp_path: Path, door: str) -> None:
    """A release lets exactly this text through; one word more and it is withheld, and a new item."""

    async def admitted(bench: Court, text: str) -> bool:
        if door == "mem0":
            return await bench.memories(("m1", text), ("m2", "Likes green tea")) == ["m1", "m2"]
        candidate = {
            "external_memory_id": "m1",
            "source_backend": "mem0",
            "text": text,
            "authority": {"source_trust": "trusted", "scope": "project", "evidence_requirement": "none"},
            "lifecycle_hint": "current",
        }
        body = {"query_text": "q", "candidates": [candidate]}
        status, answer = await bench.ask("POST", GOVERN, body, key="host")
        assert status == 200
        return bool(answer["agent_context"]["use_now_memory_ids"])

    async with court(tmp_path) as bench:
        assert not await admitted(bench, POISON)
        await bench.settled()
        (item,) = await bench.queue()
        assert (item["memory_id"], item["tier"], item["count"]) == ("m1", "person", 1)
        body = {"findings": item["releasable"], "note": "a test of ours"}
        status, answer = await bench.ask("POST", f"/v1/quarantine/{item['id']}/release", body)
        assert (status, answer["status"]) == (200, "released")
        assert await admitted(bench, POISON)
        assert not await admitted(bench, POISON + " Now.")
        await bench.settled()
        (changed,) = await bench.queue()
        assert (changed["memory_id"], changed["status"]) == ("m1", "held")
        assert changed["digest"] != item["digest"]


async def test_a_release_ends_and_a_confirmed_text_stays_out(tmp_path: Path) -> None:
    """Confirmed is withheld by the ledger, whatever else is said of it."""
    async with court(tmp_path) as bench:
        await bench.memories(("m1", POISON))
        await bench.settled()
        (item,) = await bench.queue()
        assert (await bench.ask("POST", f"/v1/quarantine/{item['id']}/confirm", {}))[0] == 200
        assert await bench.memories(("m1", POISON)) == []
        await bench.settled()
        assert await bench.queue() == []
        (settled,) = await bench.queue(status="confirmed")
        assert (settled["count"], settled["decision"]["by"]) == (2, "judge")


async def test_the_text_is_concealed_and_only_reviewers_see_it(tmp_path: Path) -> None:
    """It is in no file in clear; a reviewer reads it, the host who met it does not."""
    async with court(tmp_path) as bench:
        await bench.memories(("m1", POISON))
        await bench.settled()
        (item,) = await bench.queue()
        path = f"/v1/quarantine/{item['id']}"
        status, seen = await bench.ask("GET", path)
        assert (status, seen["text"]["text"]) == (200, POISON)
        status, seen = await bench.ask("GET", path, key="host")
        assert (status, seen["text"]) == (200, None)
        stored = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
        assert b"wipe the disk" not in stored


async def test_erased_is_gone_from_every_file(tmp_path: Path) -> None:
    """After `POST /v1/erase` neither the text nor its ciphertext is in the store; the tombstone is."""
    async with court(tmp_path) as bench:
        await bench.memories(("m1", POISON))
        await bench.settled()
        (item,) = await bench.queue()
        log = bench.memfw.house.log
        concealed = await log.kept_text(KEY, item["id"])  # type: ignore[attr-defined]
        body = {"quarantine_id": item["id"], "why": "asked for"}
        assert (await bench.ask("POST", "/v1/erase", body))[0] == 403
        status, answer = await bench.ask("POST", "/v1/erase", body, key="root")
        assert (status, answer["texts"]) == (200, 1)
        stored = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
        assert concealed[-64:] not in stored
        assert b"wipe the disk" not in stored
        status, seen = await bench.ask("GET", f"/v1/quarantine/{item['id']}")
        assert (seen["item"]["status"], seen["text"]) == ("erased", None)
        assert seen["item"]["decision"] == {
            "by": "root",
            "at": seen["item"]["decision"]["at"],
            "note": "asked for",
        }


async def test_an_upstream_delete_takes_the_held_text_with_it(tmp_path: Path) -> None:
    """A delete that passed through memfw and was taken leaves a tombstone; one that the upstream refused does not."""
    async with court(tmp_path) as bench:
        await bench.memories(("m1", POISON), ("m2", POISON))
        bench.double.answer("DELETE", "/v1/memories/m1/", {"message": "Memory deleted successfully!"})
        for id_ in ("m1", "m2"):
            await bench.ask("DELETE", f"/mem0/v1/memories/{id_}/", key="host")
        await bench.settled()
        statuses = {item["memory_id"]: item["status"] for item in await bench.queue(status="all")}
        assert statuses == {"m1": "erased", "m2": "held"}


async def test_scope_escapes(tmp_path: Path) -> None:
    """Another tenant's admin finds no item by id, no tenant by name, no page by cursor, and erases nothing."""
    async with court(tmp_path) as bench:
        await bench.memories(*((f"m{number}", POISON) for number in range(3)))
        await bench.settled()
        status, page = await bench.ask("GET", "/v1/quarantine", limit="1")
        id_, cursor = page["items"][0]["id"], page["cursor"]
        path = f"/v1/quarantine/{id_}"
        for method, where, body, want in (
            ("GET", path, None, 404),
            ("POST", f"{path}/release", {"findings": ["injection"]}, 404),
            ("POST", f"{path}/confirm", {}, 404),
            ("POST", f"{path}/confirm", {"tenant_id": "acme"}, 403),
            ("POST", "/v1/quarantine/confirm", {"ids": [id_], "expected": 1, "operation_id": "x"}, 404),
            ("POST", "/v1/erase", {"quarantine_id": id_, "why": "x"}, 404),
            ("GET", f"/v1/quarantine?limit=1&cursor={cursor}", None, 400),
            ("GET", "/v1/quarantine?tenant_id=acme", None, 403),
        ):
            status, answer = await bench.ask(method, where, body, key="other")
            assert status == want, (where, answer)
        assert len(await bench.queue()) == 3


async def test_what_an_operator_measures(tmp_path: Path) -> None:
    """Items by tier and the age of the oldest are in the metrics."""
    async with court(tmp_path) as bench:
        await bench.memories(("m1", POISON))
        await bench.settled()
        async with bench.http.get(f"{bench.memfw.url}/metrics") as response:
            text = await response.text()
        assert "memfw_quarantine_items 1.0" in text
        assert 'memfw_quarantine_open_items{tier="person"} 1.0' in text
        assert 'memfw_quarantine_open_items{tier="operational"} 0.0' in text
        assert "memfw_quarantine_oldest_seconds" in text


async def test_texts_need_not_be_kept(tmp_path: Path) -> None:
    """With `keep_texts: false` items are held and decided, without any text."""
    async with court(tmp_path, quarantine={"keep_texts": False}) as bench:
        await bench.memories(("m1", POISON))
        await bench.settled()
        (item,) = await bench.queue()
        status, seen = await bench.ask("GET", f"/v1/quarantine/{item['id']}")
        assert (status, seen["text"]) == (200, None)


async def test_operational_notes_are_held_where_it_is_asked_for(tmp_path: Path) -> None:
    """With `also: [age]` a memory that is withheld for its age is an operational item, and expires by itself."""
    policy = {
        "freshness": {"default": 1},
        "surfaces": {"drop_in": {"inspect": {"unlabelled": "admit"}}},
    }
    async with court(tmp_path, policy=policy, quarantine={"also": ["age"]}) as bench:
        row = {"id": "m1", "memory": "Likes tea", "user_id": "u1", "created_at": "2020-01-01T00:00:00Z"}
        bench.double.answer("POST", LIST, {"count": 1, "results": [row]})
        status, answer = await bench.ask("POST", f"/mem0{LIST}", {"filters": {"user_id": "u1"}}, key="host")
        assert (status, answer["results"]) == (200, [])
        await bench.settled()
        assert [item["tier"] for item in await bench.queue()] == ["operational"]
