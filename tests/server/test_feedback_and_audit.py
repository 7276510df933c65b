"""Feedback, snapshot and audit over real HTTP: the whole loop once, and what is refused on each of the routes."""

import json

import aiohttp
import pytest

from firewall.client import (
    feedback_from_guide,
    measure_input_from_guide_loop,
    snapshot_input_from_guide_loop,
)
from firewall.core.events import ScopeKey
from firewall.core.visibility import Audience
from tests.server.asking import Json, refusal
from tests.server.conftest import KEYS, Reopened
from tests.service.learning.desk import about, exposed, item
from tests.sidecar import Sidecar

FEEDBACK = "/v1/feedback"
SNAPSHOT = "/v1/operator/snapshot"
FLIGHT = "/v1/audit/flight-recorder"
REPORT = "/v1/audit/memory-decision-report"
TRACE = "/v1/debug/memory-decision-trace"

TEAM = {"Memfw-Key": KEYS["TEAM_KEY"]}
OTHER = {"Memfw-Key": KEYS["OTHER_KEY"]}

#: A body that each route answers once the guide is there.
GOOD: dict[str, Json] = {
    FEEDBACK: about("a17e"),
    SNAPSHOT: {"run_id": "run-1", "task_signature": "t", "guide_trace_id": "gt-1", "include_markdown": True},
    "/v1/snapshot": {"run_id": "run-1", "task_signature": "t", "guide_trace_id": "gt-1"},
    FLIGHT: {"guide_trace_id": "gt-1"},
    REPORT: {"guide_trace_id": "gt-1"},
    TRACE: {"guide_trace_id": "gt-1"},
}


async def serve_a_guide(sidecar: Sidecar, key: ScopeKey | None = None) -> None:
    """The log holds that `gt-1` served one memory for use and blocked another."""
    guide = exposed(item("a17e"), item("6d0c", "do_not_use", "failed_branch"))
    await sidecar.house.desk.projections.append(key or ScopeKey(), [guide])


async def test_the_loop(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Feedback on a guide, then snapshot, flight and report tell of it; each write says from where on it is seen."""
    await serve_a_guide(keyless)
    async with http.post(keyless.url + FEEDBACK, json=GOOD[FEEDBACK]) as response:
        assert response.status == 200
        first, after = await response.read(), response.headers["Memfw-After"]
    async with http.post(keyless.url + FEEDBACK, json=GOOD[FEEDBACK]) as response:
        assert await response.read() == first
        assert response.headers["Memfw-Replayed"] == "true"
    answers: dict[str, Json] = {}
    for route in (SNAPSHOT, FLIGHT, REPORT, TRACE):
        async with http.post(
            keyless.url + route, json=GOOD[route], headers={"Memfw-After": after}
        ) as response:
            assert response.status == 200
            assert "Memfw-After" not in response.headers
            answers[route] = await response.json()
    assert answers[SNAPSHOT]["operator_snapshot"]["learning_control"]["feedback_count"] == 1
    assert answers[SNAPSHOT]["markdown"].startswith("# Operator snapshot\n")
    assert answers[FLIGHT]["agent_flight_recorder"]["attribution"]["supported_memory_ids"] == ["a17e"]
    assert answers[REPORT]["memory_decision_report"]["counts"]["do_not_use"] == 1
    assert answers[TRACE]["memory_decision_trace"]["decisions"][0]["reason_codes"] == ["failed_branch"]
    for answer in answers.values():
        assert list(answer)[:3] == ["contract_version", "tenant_id", "scope"]


async def test_what_the_client_makes_is_taken(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """After a real guide for a named agent: the client's bodies for feedback and snapshot, and the answers themselves."""

    async def post(route: str, body: Json) -> Json:
        async with http.post(keyless.url + route, json=body) as response:
            answer: Json = await response.json()
            assert response.status == 200, answer
            return answer

    task = {"task_id": "run-2", "run_id": "run-2", "task_signature": "checkout-migration"}
    step = {
        "run_id": "run-1",
        "task_signature": "checkout-migration",
        "title": "Accepted adapter migration path",
        "summary": "The verifier accepted the route through the adapter.",
        "outcome": "succeeded",
        "target_files": ["src/checkout/adapter.ts"],
    }
    await post("/v1/observe", {"execution": step, "memory_lane": "shared"})
    guide = await post(
        "/v1/guide",
        {
            "query_text": "Continue the checkout migration",
            "consumer_agent_id": "worker-2",
            "run_id": "run-2",
            "context": {"task_signature": "checkout-migration"},
            "include_packets": True,
        },
    )
    used = guide["agent_context"]["use_now_memory_ids"]
    said = feedback_from_guide(guide, run_id="run-2", outcome="positive", reason="r", used_memory_ids=used)
    answer = await post(FEEDBACK, said)
    assert answer["forget_effect"]["affected_memory_ids"] == used
    measured = await post(
        "/v1/measure", measure_input_from_guide_loop(task, after_guide=guide, feedback_result=answer)
    )
    asked = snapshot_input_from_guide_loop(
        run_id="run-2",
        task_signature="checkout-migration",
        guide=guide,
        measure_result=measured,
        include_markdown=True,
    )
    seen = await post(SNAPSHOT, asked)
    assert {one["status"] for one in seen["operator_snapshot"]["claims"]} == {"pass"}
    assert seen["operator_snapshot"]["execution_state"]["active_path"] == used
    assert guide["agent_context"]["prompt_text"] not in seen["markdown"]
    flown = await post(FLIGHT, {"product_trace": {"after_guide": guide}, "feedback_result": answer})
    assert flown["agent_flight_recorder"]["attribution"]["supported_memory_ids"] == used


async def test_defect_06_both_names_of_the_snapshot(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The client's name and the server's lead to the same."""
    await serve_a_guide(keyless)
    bodies = []
    for route in (SNAPSHOT, "/v1/snapshot"):
        async with http.post(keyless.url + route, json=GOOD["/v1/snapshot"]) as response:
            bodies.append(await response.read())
    assert bodies[0] == bodies[1]


async def test_an_operation_with_another_body(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """409 in the one error shape."""
    await serve_a_guide(keyless)
    async with http.post(keyless.url + FEEDBACK, json=about("a17e", operation_id="op")) as response:
        assert response.status == 200
    async with http.post(
        keyless.url + FEEDBACK, json=about("a17e", operation_id="op", run_id="run-2")
    ) as response:
        await refusal(response, 409, "operation_conflict")


# ---- bad input on each route -------------------------------------------------------------------------------------

NO_JSON = {
    "empty": b"",
    "cut": b'{"guide_trace_id": "gt',
    "not UTF-8": b'{"guide_trace_id": "\xff"}',
    "a lone surrogate": b'{"guide_trace_id": "\\ud800"}',
    "nested a hundred thousand deep": b"[" * 100_000 + b"]" * 100_000,
    "a list": b"[]",
    "null": b"null",
}


@pytest.mark.parametrize("route", GOOD)
@pytest.mark.parametrize("name", NO_JSON)
async def test_what_is_no_request(
    http: aiohttp.ClientSession, keyless: Sidecar, route: str, name: str
) -> None:
    """Broken, deep and foreign documents are 400."""
    async with http.post(keyless.url + route, data=NO_JSON[name]) as response:
        await refusal(response, 400, "invalid_request")


@pytest.mark.parametrize("route", GOOD)
@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"surprise": "SECRET"}, "surprise"),
        ({"guide_trace_id": ["SECRET"]}, "guide_trace_id"),
        ({"guide_trace_id": "SECRET" * 100}, "guide_trace_id"),
        ({"guide_trace_id": ""}, "guide_trace_id"),
        ({"tenant_id": 7}, "tenant_id"),
        ({"scope": {"a": 1}}, "scope"),
        ({"consumer_agent_id": False}, "consumer_agent_id"),
    ],
)
async def test_a_wrong_field_is_named(
    http: aiohttp.ClientSession, keyless: Sidecar, route: str, fields: Json, path: str
) -> None:
    """Unknown fields, wrong types and too long values are 400 with their path, and no value comes back."""
    async with http.post(keyless.url + route, json={**GOOD[route], **fields}) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert [issue["path"] for issue in refused["issues"]] == [path]
    assert "SECRET" not in json.dumps(refused)


MISSING: dict[str, set[str]] = {
    FEEDBACK: {"run_id", "outcome", "reason", "used_surface"},
    SNAPSHOT: {"run_id", "task_signature"},
    "/v1/snapshot": {"run_id", "task_signature"},
}


@pytest.mark.parametrize("route", MISSING)
async def test_missing_fields_are_all_named(
    http: aiohttp.ClientSession, keyless: Sidecar, route: str
) -> None:
    """An empty object is told of everything that it lacks at once."""
    async with http.post(keyless.url + route, json={}) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert {issue["path"] for issue in refused["issues"]} == MISSING[route]


DEEP = [
    (FEEDBACK, {"used_memory_ids": ["a"] * 201}, "used_memory_ids"),
    (FEEDBACK, {"used_memory_ids": ["a", 7]}, "used_memory_ids.1"),
    (FEEDBACK, {"reason": "r" * 65_537}, "reason"),
    (FEEDBACK, {"runtime_signal_refs": ["s"] * 33}, "runtime_signal_refs"),
    (FEEDBACK, {"outcome": "great"}, "outcome"),
    (FEEDBACK, {"host_use_receipt_v1": {"items": 1}}, "host_use_receipt_v1.items"),
    (SNAPSHOT, {"agent_context": {"use_now_memory_ids": "a"}}, "agent_context.use_now_memory_ids"),
    (SNAPSHOT, {"include_markdown": "yes"}, "include_markdown"),
    (FLIGHT, {"product_trace": {"after_guide": 3}}, "product_trace.after_guide"),
    (FLIGHT, {"decision_time": 17}, "decision_time"),
    (REPORT, {"product_trace": []}, "product_trace"),
    (TRACE, {"product_trace": {}}, "product_trace.after_guide"),
]


@pytest.mark.parametrize(("route", "fields", "path"), DEEP)
async def test_what_is_wrong_deeper_down(
    http: aiohttp.ClientSession, keyless: Sidecar, route: str, fields: Json, path: str
) -> None:
    """The path leads to the field."""
    async with http.post(keyless.url + route, json={**GOOD[route], **fields}) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert path in {issue["path"] for issue in refused["issues"]}


async def test_a_free_context_is_bounded_in_depth(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The context of feedback on a tool is the one free object."""
    deep: object = "end"
    for _ in range(40):
        deep = {"in": deep}
    body = {
        "feedback_kind": "tool_selection",
        "guide_trace_id": "gt-1",
        "decision_id": "td-1",
        "run_id": "run-1",
        "selected_tool": "edit",
        "candidates": ["edit"],
        "outcome": "positive",
        "context": {"in": deep},
    }
    async with http.post(keyless.url + FEEDBACK, json=body) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert refused["issues"][0]["path"] == "context"


@pytest.mark.parametrize("route", GOOD)
async def test_a_body_above_the_limit(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened, route: str
) -> None:
    """More bytes than the config allows are 413."""
    async with reopened(keyless.house, max_body=500) as url:
        body = {**GOOD[route], "surprise": "x" * 1_000}
        async with http.post(url + route, json=body) as response:
            await refusal(response, 413, "body_too_large")


@pytest.mark.parametrize("route", GOOD)
async def test_another_scope_and_another_tenant(
    http: aiohttp.ClientSession, keyed: Sidecar, route: str
) -> None:
    """What is not the key's is 403; the same trace id in one's own scope leads nowhere; no key is 401."""
    await serve_a_guide(keyed, ScopeKey("acme", "billing"))
    body = GOOD[route]
    for fields in ({"scope": "billing"}, {"tenant_id": "acme"}):
        async with http.post(keyed.url + route, json={**body, **fields}, headers=OTHER) as response:
            await refusal(response, 403, "scope_denied")
    unknown = (400 if route == FEEDBACK else 404, "guide_trace_unknown")
    for headers in (OTHER, TEAM):
        async with http.post(keyed.url + route, json=body, headers=headers) as response:
            await refusal(response, *unknown)
    async with http.post(keyed.url + route, json=body) as response:
        await refusal(response, 401, "key_required")


@pytest.mark.parametrize("route", GOOD)
async def test_only_post(http: aiohttp.ClientSession, keyless: Sidecar, route: str) -> None:
    """Another method is 405."""
    async with http.get(keyless.url + route) as response:
        await refusal(response, 405, "method_not_allowed")


async def test_another_agent_and_team(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """A consumer that names itself in the keyless set-up sees what is for it, and a private guide of another not."""
    guide = exposed(item("a17e"), audience=Audience(team="blue"))
    await keyless.house.desk.projections.append(ScopeKey(), [guide])
    for route, body in GOOD.items():
        status = 400 if route == FEEDBACK else 404
        async with http.post(keyless.url + route, json={**body, "consumer_team_id": "red"}) as response:
            await refusal(response, status, "guide_trace_unknown")
        async with http.post(keyless.url + route, json={**body, "consumer_team_id": "blue"}) as response:
            assert response.status == 200
