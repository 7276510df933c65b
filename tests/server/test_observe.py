"""`POST /v1/observe` over real HTTP: what is taken in, for whom, when, how often; and what is refused."""

import aiohttp
import pytest

from firewall.core import evidence_state
from firewall.core.events import ScopeKey
from firewall.core.evidence import Observed
from firewall.core.execution import RouteState
from tests.server.asking import Json, refusal
from tests.server.teams import NOW, observed, post
from tests.sidecar import Sidecar

OBSERVE = "/v1/observe"
CHECKOUT = ScopeKey("acme", "checkout")

FAILED: Json = {
    "tenant_id": "default",
    "scope": "checkout",
    "auto_embed": True,
    "memory_lane": "shared",
    "producer_agent_id": "worker-1",
    "owner_team_id": "checkout-team",
    "input_text": "Legacy adapter rejected\nVerifier rejected the legacy route because it changed unrelated modules.",
    "execution": {
        "run_id": "run-20250615-001",
        "task_signature": "checkout-migration",
        "title": "Legacy adapter rejected",
        "summary": "Verifier rejected the legacy route because it changed unrelated modules.",
        "outcome": "failed",
        "target_files": ["src/checkout/legacyAdapter.ts"],
        "slots": {
            "task_signature": "checkout-migration",
            "execution_result_summary": {"status": "failed", "evidence_refs": ["ci:811"]},
        },
    },
}
ACCEPTED: Json = {
    "scope": "checkout",
    "agent_role": "reviewer",
    "execution": {
        "task_signature": "checkout-migration",
        "title": "Continue adapter migration",
        "summary": "The adapter route passed all checks.",
        "outcome": "succeeded",
        "target_files": ["src/checkout/adapter.ts"],
    },
}


def text(words: str, **fields: object) -> Json:
    return {"input_text": words, **fields}


async def events(sidecar: Sidecar, key: ScopeKey) -> list[Observed]:
    """What the log holds of this scope."""
    records = await sidecar.house.log.read(key, after=0, limit=1_000)
    return [record.event for record in records if isinstance(record.event, Observed)]


async def test_the_worked_example(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """A failed step makes one node, whose text is the step's own summary, and the counts say so."""
    status, answer = await post(http, keyless, OBSERVE, FAILED)
    assert status == 200
    assert answer["contract_version"] == "aionis_observe_result_v1"
    assert answer["observed"] == {
        "memory_written": True,
        "handoff_stored": False,
        "claim_count": 0,
        "general_memory_count": 0,
        "execution_memory_count": 1,
        "auto_text_memory_count": 0,
        "execution_observation_count": 1,
    }
    (node,) = answer["memory_write"]["nodes"]
    assert answer["structured_memory"]["execution"][0]["memory_id"] == node["id"]
    assert node["type"] == "event"
    assert answer["post_commit_projections"]["embedding"] == "not_requested"
    (event,) = await events(keyless, ScopeKey("default", "checkout"))
    assert event.text == FAILED["execution"]["summary"]
    assert event.evidence_refs == ("ci:811",)
    assert (event.audience.team, event.audience.writer) == ("checkout-team", "worker-1")


async def test_a_failed_and_an_accepted_step_make_two_routes(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """What is answered is already so: the projection holds the failed route and the accepted one."""
    await observed(http, keyless, FAILED)
    await observed(http, keyless, ACCEPTED)
    state = await keyless.house.desk.state(ScopeKey("default", "checkout"))
    routes = {route.target_files[0]: route.state for route in state.routes.routes.values()}
    assert routes == {
        "src/checkout/legacyAdapter.ts": RouteState.failed,
        "src/checkout/adapter.ts": RouteState.accepted,
    }


async def test_every_part_is_a_node_and_all_go_in_together(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """Memory, step, handoff, claims and nodes of one body each become one event; the text stays beside them."""
    body = {
        "input_text": "said aloud",
        "memory": {"title": "M", "text_summary": "kept", "type": "procedure", "slots": {"free": {"a": 1}}},
        "execution": {"title": "E", "outcome": "succeeded", "slots": {"actor_role": "verifier"}},
        "handoff": {"anchor": "a:1", "handoff_kind": "task_handoff", "summary": "s", "handoff_text": "t"},
        "claims": [{"claim": "The gateway retries twice"}],
        "nodes": [{"client_id": "n1", "title": "N"}],
    }
    status, answer = await post(http, keyless, OBSERVE, body)
    assert status == 200
    held = await events(keyless, ScopeKey())
    assert [event.kind for event in held] == ["execution", "memory", "handoff", "claim", "memory"]
    assert held[0].text == "said aloud"
    assert (held[0].role, held[0].verified) == ("verifier", True)
    assert held[1].node_type == "procedure"
    assert answer["observed"]["general_memory_count"] == 2
    assert answer["handoff"]["anchor"] == "a:1"


async def test_text_alone_is_a_memory(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """A body with nothing but words makes one node of kind text."""
    _, answer = await post(http, keyless, OBSERVE, text("The gateway retries twice\nand then gives up"))
    assert answer["observed"]["auto_text_memory_count"] == 1
    (event,) = await events(keyless, ScopeKey())
    assert (event.kind, event.title) == ("text", "The gateway retries twice and then gives up")


REFUSED: dict[str, tuple[object, int, str, set[str]]] = {
    "nothing": ({}, 400, "invalid_request", {""}),
    "blank": (text("  \n"), 400, "invalid_request", {""}),
    "unknown field": (text("x", surprise=1), 400, "invalid_request", {"surprise"}),
    "wrong types": (
        {"execution": {"title": 7, "target_files": "a.ts", "salience": "high", "outcome": "won"}},
        400,
        "invalid_request",
        {"execution.title", "execution.target_files", "execution.salience", "execution.outcome"},
    ),
    "a nameless step": ({"execution": {"outcome": "failed"}}, 400, "invalid_request", {""}),
    "an empty memory": ({"memory": {}}, 400, "invalid_request", {""}),
    "an unknown role": (text("x", agent_role="boss"), 400, "invalid_request", {"agent_role"}),
    "a role that is no word": (
        {"execution": {"title": "t", "slots": {"agent_role": {"of": "all"}}}},
        400,
        "invalid_request",
        {"execution.slots.agent_role"},
    ),
    "an unknown lifecycle": (
        {"memory": {"title": "t", "slots": {"lifecycle_state": "immortal"}}},
        400,
        "invalid_request",
        {"memory.slots.lifecycle_state"},
    ),
    "no moment": (text("x", observed_at="yesterday"), 400, "invalid_request", {"observed_at"}),
    "a moment of another type": (text("x", observed_at=[1]), 400, "invalid_request", {"observed_at"}),
    "a long text": (text("x" * 65_537), 400, "invalid_request", {"input_text"}),
    "a long list": (
        {"execution": {"title": "t", "target_files": ["f"] * 257}},
        400,
        "invalid_request",
        {"execution.target_files"},
    ),
    "too much of it": (
        {"execution": {"title": "t", "slots": {"log": ["x" * 1_000] * 300}}},
        413,
        "evidence_too_large",
        set(),
    ),
    "half an edge": (text("x", edges=[{"type": "supersedes"}]), 400, "invalid_request", {"edges.0"}),
    "an edge to nothing": (
        text("x", edges=[{"type": "supersedes", "target": "0" * 32}]),
        404,
        "memory_not_found",
        {"edges.0"},
    ),
    "a list": ([], 400, "invalid_request", {""}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused(http: aiohttp.ClientSession, keyless: Sidecar, name: str) -> None:
    """A body that does not fit is refused with the paths of its problems, and nothing of it is stored."""
    body, status, code, paths = REFUSED[name]
    async with http.post(keyless.url + OBSERVE, json=body) as response:
        refused = await refusal(response, status, code)
    assert {issue["path"] for issue in refused.get("issues", ())} == paths
    assert await events(keyless, ScopeKey()) == []


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"input_text": NaN}', b"[" * 100_000])
async def test_what_is_no_json(http: aiohttp.ClientSession, keyless: Sidecar, raw: bytes) -> None:
    """Broken documents get the one error shape."""
    async with http.post(keyless.url + OBSERVE, data=raw) as response:
        await refusal(response, 400, "invalid_request")


async def test_deep_slots(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Free objects are bounded in depth."""
    deep: Json = {}
    for _ in range(40):
        deep = {"in": deep}
    async with http.post(keyless.url + OBSERVE, json={"memory": {"title": "t", "slots": deep}}) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert refused["issues"][0]["path"] == "memory.slots"


async def test_an_operation_id_is_done_once(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The same body gets the same bytes; another one under the same id is a conflict."""
    body = text("once", operation_id="op-1")
    answers = []
    for _ in range(2):
        async with http.post(keyless.url + OBSERVE, json=body) as response:
            answers.append(await response.read())
    assert answers[0] == answers[1]
    async with http.post(keyless.url + OBSERVE, json=text("twice", operation_id="op-1")) as response:
        await refusal(response, 409, "operation_conflict")
    assert len(await events(keyless, ScopeKey())) == 1


async def test_a_client_id_repeats_without_an_operation_id(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """The same body again is the same observation; another body is a new one, for which the client id then stands."""
    first = {"execution": {"client_id": "step-1", "title": "Adapter", "outcome": "unknown"}}
    second = {"execution": {"client_id": "step-1", "title": "Adapter", "outcome": "succeeded"}}
    assert await observed(http, keyless, first) == await observed(http, keyless, first)
    newest = await observed(http, keyless, second)
    state = await keyless.house.desk.state(ScopeKey())
    assert len(state.evidence.nodes) == 2
    assert state.evidence.clients["step-1"][-1] == newest


async def test_when_it_was_observed(http: aiohttp.ClientSession, teamed: Sidecar) -> None:
    """A host may say when, though never ahead of now; an agent's word on it is ignored."""
    past, ahead = "2026-02-01T00:00:00Z", NOW + 3_600
    await observed(http, teamed, text("host, past", observed_at=past), key="RED")
    await observed(http, teamed, text("host, ahead", observed_at=ahead), key="RED")
    await observed(http, teamed, text("agent, past", observed_at=past), key="SOLO")
    moments = [event.observed_at for event in await events(teamed, CHECKOUT)]
    assert moments == [1_769_904_000.0, NOW, NOW]
    async with http.post(
        teamed.url + OBSERVE, json=text("x", observed_at="soon"), headers={"Memfw-Key": "k-solo"}
    ) as response:
        await refusal(response, 400, "invalid_request")


async def test_who_may_say_what(http: aiohttp.ClientSession, teamed: Sidecar) -> None:
    """A role, a team and an agent are the key's own; the reviewer's failed step is a rejection."""
    step = {"title": "Legacy", "outcome": "failed", "target_files": ["src/legacy.ts"]}
    claimed = {"execution": {**step, "slots": {"agent_role": "verifier"}}}
    handoff = {"anchor": "a", "handoff_kind": "task_handoff", "summary": "s", "handoff_text": "t"}
    for body, key, code in (
        (claimed, "RED", "role_denied"),
        ({"handoff": {**handoff, "agent_role": "reviewer"}}, "RED", "role_denied"),
        ({"handoff": {**handoff, "owner_team_id": "blue"}}, "RED", "identity_denied"),
        (text("x", owner_team_id="blue"), "RED", "identity_denied"),
        (text("x", producer_agent_id="solo-2"), "SOLO", "identity_denied"),
        (text("x", scope="billing"), "RED", "scope_denied"),
        (text("x", tenant_id="globex"), "RED", "scope_denied"),
    ):
        status, answer = await post(http, teamed, OBSERVE, body, key=key)
        assert (status, answer["error"]) == (403, code)
    await observed(http, teamed, {**claimed, "memory_lane": "shared"}, key="JUDGE")
    state = await teamed.house.desk.state(CHECKOUT)
    (route,) = state.routes.routes.values()
    assert route.state is RouteState.rejected


async def test_edges_supersede_and_contradict(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """A sure edge changes its end, whether named by id, client id or URI; an unsure one changes nothing."""
    ids = [
        await observed(http, keyless, {"memory": {"client_id": f"m{number}", "title": f"Old {number}"}})
        for number in range(4)
    ]
    uri = f"memfw://default/default/concept/{ids[2]}"
    edges = [
        {"type": "supersedes", "target": ids[0]},
        {"relation": "contradicts", "to": "m1", "confidence": 0.7},
        {"type": "invalidates", "target": uri, "confidence": 0.9},
        {"type": "supersedes", "target": ids[3], "confidence": 0.69},
    ]
    status, answer = await post(http, keyless, OBSERVE, text("New", edges=edges))
    assert status == 200
    assert [edge["dst_id"] for edge in answer["memory_write"]["edges"]] == ids
    state = await keyless.house.desk.state(ScopeKey())
    assert [state.evidence.nodes[node_id].lifecycle for node_id in ids] == [
        "superseded",
        "contested",
        "contested",
        "active",
    ]


async def test_an_edge_to_what_another_team_keeps(http: aiohttp.ClientSession, teamed: Sidecar) -> None:
    """What the writer cannot see is not there, and stays as it is."""
    theirs = await observed(http, teamed, text("theirs"), key="BLUE")
    body = text("x", edges=[{"type": "supersedes", "target": theirs}])
    status, answer = await post(http, teamed, OBSERVE, body, key="RED")
    assert (status, answer["error"]) == (404, "memory_not_found")
    assert (await teamed.house.desk.state(CHECKOUT)).evidence.nodes[theirs].lifecycle == "active"


async def test_a_full_scope_opens_no_new_route(
    http: aiohttp.ClientSession, keyless: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the bound a step of a known route is taken in, one that would open another is refused."""
    monkeypatch.setattr(evidence_state, "MOST_ROUTES", 1)
    known = {"execution": {"title": "Adapter", "target_files": ["a.ts"], "outcome": "unknown"}}
    await observed(http, keyless, known)
    await observed(http, keyless, {"execution": {**known["execution"], "outcome": "failed"}})
    other = {"execution": {"title": "Other", "target_files": ["b.ts"]}}
    async with http.post(keyless.url + OBSERVE, json=other) as response:
        await refusal(response, 409, "scope_full")
