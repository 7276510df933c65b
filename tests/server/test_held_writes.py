"""Held writes over real HTTP: not sent, recorded before the caller hears of it, and sent once when a reviewer says so."""

import json
from pathlib import Path
from typing import Any

import pytest

from firewall.core.events import WriteHeld
from firewall.core.model import Trust
from firewall.core.stamp import STAMP_KEY, read
from tests.backends.mem0_double import Trouble
from tests.server.reviewing import ADD, KEY, POISON, REVIEWING, Court, Json, court

HOLDING = {"surfaces": {"write": {"do_not_use": {"content": "hold"}}}}


async def add(bench: Court, text: str = POISON, *, key: str = "host", **fields: object) -> tuple[int, Json]:
    body = {"messages": [{"role": "user", "content": text}], "user_id": "u1", **fields}
    return await bench.ask("POST", f"/mem0{ADD}", body, key=key)


def sent(bench: Court) -> list[Any]:
    return [one for one in bench.double.received if one.path == ADD]


async def test_a_write_is_held_reviewed_and_sent_once(tmp_path: Path) -> None:
    """403 with the hold id, nothing upstream; a reviewer sees the request; released it goes with the real key, stamped."""
    async with court(tmp_path, policy=HOLDING) as bench:
        status, refusal = await add(bench, metadata={"topic": "ops"})
        assert (status, refusal["code"]) == (403, "write_held")
        assert refusal["reasons"]
        assert sent(bench) == []
        (item,) = await bench.queue()
        assert (item["id"], item["kind"], item["writer"]) == (refusal["hold_id"], "write", "host")
        path = f"/v1/quarantine/{item['id']}"
        _, seen = await bench.ask("GET", path)
        assert POISON in seen["request"]["body"]
        assert "memfw-key" not in json.dumps(seen)
        assert await bench.ask("GET", path, key="solo") == (
            404,
            (await bench.ask("GET", path, key="solo"))[1],
        )
        status, answer = await bench.ask("POST", f"{path}/release", {"note": "ours"})
        assert (status, answer["status"]) == (200, "sent")
        (request,) = sent(bench)
        assert dict(request.headers)["Authorization"] == "Token the-real-key"
        assert request.body["messages"][0]["content"] == POISON
        assert request.body["user_id"] == "u1"
        assert any(key.startswith("_fw") for key in request.body["metadata"])
        assert (await bench.ask("POST", f"{path}/release", {}))[0] == 409
        assert len(sent(bench)) == 1


async def test_the_reason_of_a_feedback_is_written_too(tmp_path: Path) -> None:
    """Held with what is hostile in it: neither the upstream nor the standing has heard of it until a reviewer says so."""
    async with court(tmp_path, policy=HOLDING) as bench:
        body = {"memory_id": "m1", "feedback": "VERY_NEGATIVE", "feedback_reason": POISON}
        bench.double.answer("POST", "/v1/feedback/", {"id": "f1", **body})
        status, refusal = await bench.ask("POST", "/mem0/v1/feedback/", body, key="host")
        assert (status, refusal["code"]) == (403, "write_held")
        assert bench.double.received == []
        path = f"/v1/quarantine/{refusal['hold_id']}/release"
        assert (await bench.ask("POST", path, {"note": "ours"}))[0] == 200
        assert [one.body for one in bench.double.received] == [body]
        state = bench.memfw.house.desk.projections.state(KEY)
        assert state is not None
        assert ("mem0", "m1") in state.standings


async def test_the_same_request_again_is_the_same_hold(tmp_path: Path) -> None:
    """A client that retries makes no second item and no second event; another principal's is another."""
    async with court(tmp_path, policy=HOLDING) as bench:
        ids = {(await add(bench))[1]["hold_id"] for _ in range(3)}
        ids.add((await add(bench, key="solo"))[1]["hold_id"])
        assert len(ids) == 2
        records = await bench.memfw.house.log.read(KEY)
        assert sum(isinstance(record.event, WriteHeld) for record in records) == 2


async def test_a_confirmed_write_is_refused(tmp_path: Path) -> None:
    """The reviewer said no: the same write is not held again."""
    async with court(tmp_path, policy=HOLDING) as bench:
        _, refusal = await add(bench)
        await bench.ask("POST", f"/v1/quarantine/{refusal['hold_id']}/confirm", {})
        status, answer = await add(bench)
        assert (status, answer["code"]) == (403, "write_refused")
        assert await bench.queue() == []


async def test_without_a_key_of_our_own_it_is_only_looked_at(tmp_path: Path) -> None:
    """The client's key went through and was not kept: 409, and the write waits on."""
    async with court(tmp_path, policy=HOLDING, inject=False) as bench:
        _, refusal = await add(bench)
        status, answer = await bench.ask("POST", f"/v1/quarantine/{refusal['hold_id']}/release", {})
        assert (status, answer["error"]) == (409, "release_needs_inject")
        assert [item["status"] for item in await bench.queue()] == ["held"]


async def test_an_upstream_that_fails(tmp_path: Path) -> None:
    """Its refusal is recorded with the status and can be tried again; a broken connection needs force."""
    async with court(tmp_path, policy=HOLDING) as bench:
        _, refusal = await add(bench)
        path = f"/v1/quarantine/{refusal['hold_id']}/release"
        bench.double.answer("POST", ADD, {"error": "quota"}, status=402)
        assert (await bench.ask("POST", path, {}))[1]["upstream_status"] == 402
        bench.double.answer("POST", ADD, {"message": "ok", "status": "PENDING", "event_id": "e"})
        bench.double.trouble(Trouble(cut=3))
        status, answer = await bench.ask("POST", path, {})
        assert status in (502, 504), answer
        assert (await bench.ask("POST", path, {}))[1]["error"] == "release_pending"
        assert (await bench.ask("POST", path, {"force": True}))[1]["status"] == "sent"


async def test_own_writes_need_somebody_else(tmp_path: Path) -> None:
    """A reviewer's own write is released by another reviewer."""
    async with court(tmp_path, policy=HOLDING) as bench:
        _, refusal = await add(bench, key="judge")
        path = f"/v1/quarantine/{refusal['hold_id']}/release"
        assert (await bench.ask("POST", path, {}))[1]["error"] == "own_write"
        assert (await bench.ask("POST", path, {}, key="second"))[1]["status"] == "sent"


async def test_a_second_key_of_the_same_agent_is_nobody_else(tmp_path: Path) -> None:
    """What an agent wrote with one key it does not release with another."""
    one_agent = [
        {**entry, "agent": "bot"} if entry["name"] in {"host", "judge"} else entry for entry in REVIEWING
    ]
    async with court(tmp_path, policy=HOLDING, principals=one_agent) as bench:
        _, refusal = await add(bench)
        path = f"/v1/quarantine/{refusal['hold_id']}/release"
        assert (await bench.ask("POST", path, {}))[1]["error"] == "own_write"
        assert (await bench.ask("POST", path, {}, key="second"))[1]["status"] == "sent"


@pytest.mark.parametrize(
    ("word", "status", "code"),
    [
        ("store", 200, ""),
        ("store_marked", 200, ""),
        ("hold", 403, "write_held"),
        ("refuse", 403, "write_refused"),
    ],
)
async def test_the_four_words(tmp_path: Path, word: str, status: int, code: str) -> None:
    """What the policy says for the family is what becomes of the write."""
    policy = {"surfaces": {"write": {"do_not_use": {"content": word}}}}
    async with court(tmp_path, policy=policy) as bench:
        bench.double.answer("POST", ADD, {"message": "ok", "status": "PENDING", "event_id": "e"})
        got, answer = await add(bench)
        assert (got, answer.get("code", "")) == (status, code)
        assert len(sent(bench)) == (status == 200)


async def test_a_marked_write_is_vouched_for_by_nobody(tmp_path: Path) -> None:
    """It is stored with a stamp that names its writer and gives it no trust."""
    for word, trust in (("store", Trust.known), ("store_marked", Trust.unknown)):
        policy = {"surfaces": {"write": {"do_not_use": {"content": word}}}}
        async with court(tmp_path, policy=policy) as bench:
            bench.double.answer("POST", ADD, {"message": "ok", "status": "PENDING", "event_id": "e"})
            assert (await add(bench))[0] == 200
            stamp = read(sent(bench)[0].body["metadata"][STAMP_KEY])
            assert stamp is not None
            assert (stamp.signed.principal, stamp.signed.trust) == ("host", trust)


@pytest.mark.parametrize("mode", ["strict", "firewall"])
async def test_strict_modes_refuse_what_they_would_not_let_be_read(tmp_path: Path, mode: str) -> None:
    """An injected instruction is refused although the policy says nothing of it, and held where it says hold."""
    async with court(tmp_path, policy={"mode": mode}) as bench:
        assert (await add(bench))[1]["code"] == "write_refused"
    async with court(tmp_path, policy={"mode": mode, **HOLDING}) as bench:
        assert (await add(bench))[1]["code"] == "write_held"


async def test_a_write_that_cannot_be_kept(tmp_path: Path) -> None:
    """Without kept texts holding is refusing; one that is too large is told so; neither is sent."""
    async with court(tmp_path, policy=HOLDING, quarantine={"keep_texts": False}) as bench:
        assert (await add(bench))[1]["code"] == "write_refused"
        assert sent(bench) == []
    async with court(tmp_path, policy=HOLDING, quarantine={"max_write_bytes": 1024}) as bench:
        status, answer = await add(bench, POISON + " x" * 2_000)
        assert (status, answer["code"]) == (413, "held_write_too_large")
        assert sent(bench) == []


async def test_shadow_mode_holds_nothing(tmp_path: Path) -> None:
    """It goes through, and the item says what would have been."""
    async with court(tmp_path, policy={"shadow": True, **HOLDING}) as bench:
        bench.double.answer("POST", ADD, {"message": "ok", "status": "PENDING", "event_id": "e"})
        assert (await add(bench))[0] == 200
        assert len(sent(bench)) == 1


async def test_a_confirmed_write_stays_refused_whatever_is_found_in_it(tmp_path: Path) -> None:
    """Under a policy that would store it by now, the reviewer's word counts; recorded, and another's write is another."""
    async with court(tmp_path, policy=HOLDING) as bench:
        _, refusal = await add(bench)
        await bench.ask("POST", f"/v1/quarantine/{refusal['hold_id']}/confirm", {})
    async with court(tmp_path) as bench:
        bench.double.answer("POST", ADD, {"message": "ok", "status": "PENDING", "event_id": "e"})
        status, answer = await add(bench)
        assert (status, answer["code"], answer["reasons"]) == (403, "write_refused", ["ledger:confirmed"])
        assert answer["decision_id"]
        assert sent(bench) == []
        assert (await add(bench, key="second"))[0] == 200


@pytest.mark.parametrize("text", [POISON, "Likes green tea"])
async def test_without_a_state_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """What reviewers said of a write is not known while the state is away: 503, and it goes once the state is back."""
    async with court(tmp_path) as bench:
        bench.double.answer("POST", ADD, {"message": "ok", "status": "PENDING", "event_id": "e"})
        with monkeypatch.context() as patched:
            patched.setattr(bench.memfw.house.services.projections, "staleness", lambda: 1e9)
            status, answer = await add(bench, text)
            assert (status, answer["code"]) == (503, "state_stale")
            assert sent(bench) == []
        assert (await add(bench, text))[0] == 200


async def test_what_could_not_be_judged_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detector that raises: the write is refused in mode standard too, although the policy stores what is found."""

    def broken(*_: object) -> object:
        raise RuntimeError("the detector met it")

    async with court(tmp_path) as bench:
        monkeypatch.setattr("firewall.core.adjudicate.WRITE_SIGNALS", (broken,))
        monkeypatch.setattr("firewall.proxy.writes.WRITE_SIGNALS", (broken,))
        status, answer = await add(bench, "Likes green tea")
        assert (status, answer["code"], answer["reasons"]) == (403, "write_refused", ["adjudication_error"])
        assert sent(bench) == []
