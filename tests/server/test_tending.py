"""`POST /v1/rehydrate` and `/v1/forget` over real HTTP: at hand or not, stopped or not, and never better than before."""

from pathlib import Path

import aiohttp
import pytest

from firewall.core import evidence_state
from firewall.core.events import ScopeKey
from firewall.core.evidence import NATIVE, Tended
from firewall.core.execution import RouteState
from firewall.core.state import State
from firewall.service.evidence import tending
from tests.server.asking import Json, refusal
from tests.server.teams import NOW, observed, post
from tests.sidecar import Sidecar, mem0_at, sidecar

REHYDRATE, FORGET = "/v1/rehydrate", "/v1/forget"
CHECKOUT = ScopeKey("acme", "checkout")

FAILED: Json = {
    "execution": {
        "client_id": "step-1",
        "title": "Legacy adapter rejected",
        "outcome": "failed",
        "target_files": ["src/legacyAdapter.ts"],
    }
}


def forget(operation: str, *ids: str, **fields: object) -> Json:
    return {"operation": operation, "reason": "r", "memory_ids": list(ids), **fields}


def rehydrate(*ids: str, **fields: object) -> Json:
    return {"reason": "need validator output", "memory_ids": list(ids), **fields}


async def done(
    http: aiohttp.ClientSession, sidecar: Sidecar, path: str, body: Json, *, key: str = ""
) -> Json:
    status, answer = await post(http, sidecar, path, body, key=key)
    assert status == 200, answer
    return answer


async def state_of(sidecar: Sidecar, key: ScopeKey | None = None) -> State:
    return await sidecar.house.desk.state(key or ScopeKey())


async def test_rehydrating_warms_what_was_archived(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Archived evidence is brought to the tier that was asked for; what is as warm already is left alone."""
    node_id = await observed(http, keyless, FAILED)
    await done(http, keyless, FORGET, forget("archive", node_id))
    assert (await state_of(keyless)).evidence.nodes[node_id].tier == "archive"
    answer = await done(http, keyless, REHYDRATE, rehydrate(node_id, target_tier="warm"))
    assert answer["contract_version"] == "aionis_rehydrate_result_v1"
    assert (answer["operation"], answer["target"]) == ("rehydrate", "archive")
    assert answer["forget_effect"]["affected_memory_ids"] == [node_id]
    assert answer["forget_effect"]["changed_count"] == 1
    assert answer["result"]["rehydrated"]["moved_ids"] == [node_id]
    assert (await state_of(keyless)).evidence.nodes[node_id].tier == "warm"
    again = await done(http, keyless, REHYDRATE, rehydrate(node_id, target_tier="warm"))
    assert again["result"]["rehydrated"]["noop_ids"] == [node_id]
    assert again["forget_effect"]["changed_count"] == 0


async def test_a_hot_memory_is_never_cooled(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Asking for `warm` what is hot changes nothing."""
    node_id = await observed(http, keyless, FAILED)
    await done(http, keyless, REHYDRATE, rehydrate(node_id))
    assert (await state_of(keyless)).evidence.nodes[node_id].tier == "hot"


@pytest.mark.parametrize("lets_go", [False, True])
async def test_a_rehydrated_failed_branch_stays_failed(
    http: aiohttp.ClientSession, keyless: Sidecar, monkeypatch: pytest.MonkeyPatch, lets_go: bool
) -> None:
    """Availability comes back and nothing else: the route is failed, the node is only a candidate."""
    node_id = await observed(http, keyless, FAILED)
    if lets_go:
        monkeypatch.setattr(evidence_state, "MOST_NODES", 1)
        monkeypatch.setattr(evidence_state, "SLACK", 0)
        await observed(http, keyless, {"input_text": "newer"})
        monkeypatch.undo()
        assert node_id not in (await state_of(keyless)).evidence.nodes
    else:
        await done(http, keyless, FORGET, forget("archive", node_id))
    await done(http, keyless, REHYDRATE, rehydrate(node_id, target_tier="hot"))
    state = await state_of(keyless)
    node = state.evidence.nodes[node_id]
    assert (node.outcome, node.lifecycle, node.tier) == ("failed", "rehydration_candidate", "hot")
    assert [route.state for route in state.routes.routes.values()] == [RouteState.failed]
    assert state.routes.routes[node.route].step_id == node_id


async def test_what_was_let_go_comes_back_whole(
    http: aiohttp.ClientSession, keyless: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event carries the evidence without its payload, which is still read where it first was."""
    monkeypatch.setattr(evidence_state, "MOST_NODES", 1)
    monkeypatch.setattr(evidence_state, "SLACK", 0)
    node_id = await observed(http, keyless, FAILED)
    await observed(http, keyless, {"input_text": "newer"})
    origin = (await state_of(keyless)).evidence.archived[node_id]
    await done(http, keyless, REHYDRATE, rehydrate(node_id))
    records = await keyless.house.log.read(ScopeKey(), after=0, limit=10)
    event = records[-1].event
    assert isinstance(event, Tended)
    assert event.restored is not None
    assert (event.origin, event.restored.node_id, event.restored.payload) == (origin, node_id, b"")
    _, answer = await post(http, keyless, "/v1/memory/resolve", {"memory_ids": [node_id]})
    assert answer["resolved"][0]["payload"] == FAILED


async def test_an_anchor_brings_its_payload(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Named by an anchor, the answer holds what the anchor points at, as deep as was asked."""
    linked = await observed(http, keyless, {"memory": {"title": "Log", "text_summary": "Retry log"}})
    anchor = await observed(http, keyless, {"memory": {"title": "Repair", "slots": {"memory_ids": [linked]}}})
    answer = await done(
        http, keyless, REHYDRATE, {"reason": "r", "anchor_id": anchor, "mode": "full", "target_tier": "hot"}
    )
    assert answer["target"] == "payload"
    assert answer["forget_effect"]["anchor_id"] == anchor
    assert [node["id"] for node in answer["result"]["payload"]["rehydrated"]["nodes"]] == [linked]


@pytest.mark.parametrize("name", ["memory_ids", "node_ids", "client_ids", "anchor_id", "anchor_uri"])
async def test_defect_04_suppressing_takes_every_name(
    http: aiohttp.ClientSession, keyless: Sidecar, name: str
) -> None:
    """A memory is suppressed by id, client id or anchor alike, and unsuppressed by another of its names."""
    node_id = await observed(http, keyless, FAILED)
    value: object = {
        "client_ids": ["step-1"],
        "anchor_id": node_id,
        "anchor_uri": f"aionis://default/default/event/{node_id}",
    }.get(name, [node_id])
    answer = await done(http, keyless, FORGET, {"operation": "suppress", "reason": "r", name: value})
    assert answer["forget_effect"]["affected_memory_ids"] == [node_id]
    assert set((await state_of(keyless)).suppressions) == {(NATIVE, node_id)}
    lifted = await done(http, keyless, FORGET, forget("unsuppress", node_id))
    assert lifted["forget_effect"]["changed_count"] == 1
    state = await state_of(keyless)
    assert state.suppressions == {}
    assert state.evidence.nodes[node_id].lifecycle == "active"


async def test_defect_04_a_freeze_is_more_than_a_stop(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """`hard_freeze` freezes what is counted, `shadow_learn` does not; the answer says which, and until when."""
    node_id = await observed(http, keyless, FAILED)
    until = "2999-01-01T00:00:00Z"
    answer = await done(http, keyless, FORGET, forget("suppress", node_id, mode="hard_freeze", until=until))
    assert (answer["result"]["mode"], answer["result"]["until"]) == (
        "hard_freeze",
        "2999-01-01T00:00:00.000Z",
    )
    assert (await state_of(keyless)).suppressions[NATIVE, node_id].frozen
    await done(http, keyless, FORGET, forget("suppress", node_id, until=until))
    assert not (await state_of(keyless)).suppressions[NATIVE, node_id].frozen
    same = await done(http, keyless, FORGET, forget("suppress", node_id, until=until))
    assert same["result"]["changed"]["noop_ids"] == [node_id]


async def test_memory_of_an_upstream(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """It is stopped and let through again under its name; to archive or to warm it is not for memfw."""
    async with sidecar(tmp_path, {"upstreams": mem0_at("http://127.0.0.1:9")}, environ={}) as running:
        await done(http, running, FORGET, forget("suppress", "mem0:m-1"))
        assert set((await state_of(running)).suppressions) == {("mem0", "m-1")}
        for path, body in ((FORGET, forget("archive", "mem0:m-1")), (REHYDRATE, rehydrate("mem0:m-1"))):
            answer = await done(http, running, path, body)
            assert answer["forget_effect"]["changed_count"] == 0
        await done(http, running, FORGET, forget("unsuppress", "mem0:m-1"))
        assert (await state_of(running)).suppressions == {}
        status, refused = await post(http, running, FORGET, forget("suppress", "mem9:m-1"))
        assert (status, refused["error"]) == (404, "memory_not_found")


async def test_suppressions_are_bounded(
    http: aiohttp.ClientSession, keyless: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scope holds so many; one that is held already can still be renewed."""
    monkeypatch.setattr(tending, "MOST_SUPPRESSIONS", 1)
    ids = [await observed(http, keyless, {"input_text": f"memory {number}"}) for number in range(2)]
    await done(http, keyless, FORGET, forget("suppress", ids[0]))
    await done(http, keyless, FORGET, forget("suppress", ids[0], mode="hard_freeze"))
    async with http.post(keyless.url + FORGET, json=forget("suppress", ids[1])) as response:
        await refusal(response, 409, "scope_full")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (REHYDRATE, {"reason": "r"}),
        (FORGET, {"operation": "suppress", "reason": "r"}),
        (FORGET, {"operation": "unsuppress", "reason": "r"}),
        (FORGET, {"operation": "archive", "reason": "r"}),
        (FORGET, {"operation": "rehydrate", "reason": "r"}),
    ],
)
async def test_another_teams_memory_is_not_there(
    http: aiohttp.ClientSession, teamed: Sidecar, path: str, body: Json
) -> None:
    """By id, client id or anchor it answers as an id that was never given, and stays as it was; one such id and
    nothing of the request is done."""
    theirs = await observed(http, teamed, FAILED, key="BLUE")
    ours = await observed(http, teamed, {"input_text": "ours"}, key="RED")
    before = (await state_of(teamed, CHECKOUT)).offset
    names: list[Json] = [
        {"memory_ids": [ours, theirs]},
        {"memory_ids": [ours, "0" * 32]},
        {"node_ids": [theirs]},
        {"client_ids": ["step-1"]},
        {"anchor_id": theirs},
        {"anchor_uri": f"aionis://acme/checkout/event/{theirs}"},
    ]
    answers = []
    for name in names:
        status, answer = await post(http, teamed, path, {**body, **name}, key="RED")
        assert (status, answer["error"]) == (404, "memory_not_found")
        answers.append(answer)
    assert answers[0] == answers[1]
    assert (await state_of(teamed, CHECKOUT)).offset == before


async def test_an_end_lies_in_the_future(http: aiohttp.ClientSession, teamed: Sidecar) -> None:
    """A suppression that has ended already is refused."""
    node_id = await observed(http, teamed, FAILED, key="RED")
    status, answer = await post(http, teamed, FORGET, forget("suppress", node_id, until=NOW), key="RED")
    assert (status, answer["issues"][0]["path"]) == (400, "until")
    await done(http, teamed, FORGET, forget("suppress", node_id, until=NOW + 1), key="RED")


async def test_activation_is_feedback(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """`activate` is answered with the route that takes it."""
    body = {
        **forget("activate"),
        "used_memory_ids": ["x"],
        "outcome": "positive",
        "run_id": "r",
        "used_surface": "s",
    }
    async with http.post(keyless.url + FORGET, json=body) as response:
        refused = await refusal(response, 400, "use_feedback")
    assert "POST /v1/feedback" in refused["message"]


REFUSED: dict[str, tuple[str, object, set[str]]] = {
    "no ids": (REHYDRATE, {"reason": "r"}, {""}),
    "no reason": (REHYDRATE, {"memory_ids": ["x"]}, {"reason"}),
    "a colder tier": (REHYDRATE, rehydrate("x", target_tier="cold"), {"target_tier"}),
    "wrong types": (REHYDRATE, {"reason": 1, "memory_ids": "x"}, {"reason", "memory_ids"}),
    "unknown field": (REHYDRATE, rehydrate("x", surprise=1), {"surprise"}),
    "too many": (FORGET, forget("suppress", *["x"] * 201), {"memory_ids"}),
    "an unknown operation": (FORGET, forget("delete", "x"), {"operation"}),
    "no operation": (FORGET, {"reason": "r", "memory_ids": ["x"]}, {"operation"}),
    "a mode of another operation": (FORGET, forget("suppress", "x", mode="full"), {""}),
    "an end of another operation": (FORGET, forget("archive", "x", until="2999-01-01"), {""}),
    "no moment": (FORGET, forget("suppress", "x", until="someday"), {"until"}),
    "no object": (FORGET, "x", {""}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused(http: aiohttp.ClientSession, keyless: Sidecar, name: str) -> None:
    """A body that does not fit is 400 with the paths of its problems."""
    path, body, paths = REFUSED[name]
    async with http.post(keyless.url + path, json=body) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert {issue["path"] for issue in refused["issues"]} == paths


@pytest.mark.parametrize(("path", "body"), [(REHYDRATE, rehydrate("x")), (FORGET, forget("suppress", "x"))])
async def test_what_is_no_request(
    http: aiohttp.ClientSession, teamed: Sidecar, path: str, body: Json
) -> None:
    """No JSON, a foreign scope, another's name: each has the one error shape."""
    async with http.post(teamed.url + path, data=b"{", headers={"Memfw-Key": "k-red"}) as response:
        await refusal(response, 400, "invalid_request")
    status, answer = await post(http, teamed, path, {**body, "scope": "billing"}, key="RED")
    assert (status, answer["error"]) == (403, "scope_denied")
    status, answer = await post(http, teamed, path, {**body, "consumer_team_id": "blue"}, key="RED")
    assert (status, answer["error"]) == (403, "identity_denied")


@pytest.mark.parametrize("path", [REHYDRATE, FORGET])
async def test_an_operation_id_is_done_once(http: aiohttp.ClientSession, keyless: Sidecar, path: str) -> None:
    """The same body gets the same bytes, though it would change nothing now; another one is a conflict."""
    node_id = await observed(http, keyless, {"memory": {"title": "M", "tier": "archive"}})
    body = {
        **(rehydrate(node_id) if path == REHYDRATE else forget("suppress", node_id)),
        "operation_id": "op",
    }
    answers = []
    for _ in range(2):
        async with http.post(keyless.url + path, json=body) as response:
            answers.append(await response.read())
    assert answers[0] == answers[1]
    async with http.post(keyless.url + path, json={**body, "reason": "another"}) as response:
        await refusal(response, 409, "operation_conflict")


async def test_a_freeze_is_its_setters(http: aiohttp.ClientSession, teamed: Sidecar) -> None:
    """Nobody else lifts it or puts a shorter stop in its place, but a reviewer; a plain stop is anybody's."""
    step = {"memory_lane": "shared", **FAILED}
    memory = await observed(http, teamed, step, key="JUDGE")
    await done(http, teamed, FORGET, forget("suppress", memory, mode="hard_freeze"), key="RED")
    shorter = forget("suppress", memory, until="2026-03-01T00:00:05Z")
    for body in (forget("unsuppress", memory), shorter):
        status, answer = await post(http, teamed, FORGET, body, key="BLUE")
        assert (status, answer["error"]) == (403, "memory_frozen")
    assert (await state_of(teamed, CHECKOUT)).suppressions[NATIVE, memory].until is None
    await done(http, teamed, FORGET, forget("unsuppress", memory), key="JUDGE")
    await done(http, teamed, FORGET, forget("suppress", memory), key="RED")
    await done(http, teamed, FORGET, forget("unsuppress", memory), key="BLUE")
    assert (await state_of(teamed, CHECKOUT)).suppressions == {}
