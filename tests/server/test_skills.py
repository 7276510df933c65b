"""The skill candidate routes over real HTTP: measured, queued, reviewed, materialized, and nothing observed on the way."""

import json
from pathlib import Path

import aiohttp
import msgspec
import pytest

from firewall.core.events import ScopeKey
from firewall.core.state import State
from firewall.core.visibility import Audience
from firewall.service.desk import Call
from firewall.service.evidence.observe import observe
from firewall.service.evidence.observe_body import ObserveBody
from firewall.service.principals import LOCAL
from firewall.service.strict_body import validated
from tests.core.measure.scene import ACCEPTED, ADAPTER, REJECTED, TASK, guided, said, step
from tests.server.asking import refusal
from tests.server.conftest import KEYS, Reopened
from tests.server.conftest import TEAM as TEAM_PRINCIPAL
from tests.server.measuring import CANDIDATES, GOOD, MEASURE, REVIEW, Json, append, measuring
from tests.sidecar import Sidecar, sidecar

TEAM = {"Memfw-Key": KEYS["TEAM_KEY"]}


async def post(
    http: aiohttp.ClientSession, url: str, body: object, headers: dict[str, str] | None = None
) -> Json:
    """The answer to a request that is answered."""
    async with http.post(url, json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        answer: Json = await response.json()
    return answer


async def refused(
    http: aiohttp.ClientSession, url: str, body: object, status: int, code: str, **headers: str
) -> Json:
    """The refusal of a request."""
    async with http.post(url, json=body, headers=headers) as response:
        return await refusal(response, status, code)


async def measured(http: aiohttp.ClientSession, keyless: Sidecar, **body: object) -> Json:
    """A measured run whose skill is ready."""
    return await post(http, keyless.url + MEASURE, {**measuring(), **body})


async def queued(http: aiohttp.ClientSession, keyless: Sidecar) -> str:
    """The path of a candidate that stands for review."""
    await append(keyless, GOOD)
    result = await measured(http, keyless)
    answer = await post(http, keyless.url + CANDIDATES, {"measure_result": result})
    return f"{keyless.url}{CANDIDATES}/{answer['candidates'][0]['candidate_id']}"


async def rows(http: aiohttp.ClientSession, keyless: Sidecar, **query: str) -> list[Json]:
    """The rows of the list."""
    async with http.get(keyless.url + CANDIDATES, params=query) as response:
        assert response.status == 200, await response.text()
        found: list[Json] = (await response.json())["candidates"]
    return found


def state_of(keyless: Sidecar) -> State:
    state = keyless.house.desk.projections.state(ScopeKey())
    assert state is not None
    return state


async def test_from_a_measurement_to_a_procedure(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Queued, promoted and materialized, the draft is the host's to observe; until then there is no memory of it."""
    path = await queued(http, keyless)
    before = set(state_of(keyless).evidence.nodes), set(state_of(keyless).routes.routes)
    (row,) = await rows(http, keyless, status="pending")
    assert (row["status"], row["label"], row["export_ready"]) == ("pending", "positive", True)
    assert row["reviewer_id"] is None
    promoted = await post(http, f"{path}/promote", REVIEW)
    assert promoted["candidate"]["status"] == "promoted"
    assert promoted["candidate"]["reviewed_at"].endswith("Z")
    offset = state_of(keyless).offset
    answer = await post(http, f"{path}/materialize", {})
    assert answer["contract_version"] == "aionis_skill_candidate_materialize_result_v1"
    draft = answer["draft"]
    assert draft["procedure_steps"] == [f"continue {ADAPTER}"]
    assert draft["review"]["reviewer_id"] == "reviewer-1"
    assert draft["write_policy"]["requires_observe_commit"] is True
    assert answer["safety"]["memory_runtime_mutation"] is False
    assert state_of(keyless).offset == offset
    assert (set(state_of(keyless).evidence.nodes), set(state_of(keyless).routes.routes)) == before


async def test_the_payload_is_what_observe_takes(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """It passes the strict body of observe as it is, as a procedure that names no failed route."""
    path = await queued(http, keyless)
    await post(http, f"{path}/promote", REVIEW)
    payload = (await post(http, f"{path}/materialize", {}))["recommended_observe_payload"]
    body = validated(ObserveBody, payload)
    assert body.memory is not None
    assert (body.memory.type, body.memory_lane) == ("procedure", "shared")
    assert body.memory.text_summary == f"1. continue {ADAPTER}\ncheck: verifier passes"
    assert list(body.memory.target_files) == [ADAPTER]
    assert "legacy" not in json.dumps(payload).casefold()


async def test_only_what_is_observed_is_memory(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The host observes the payload: a procedure with the steps, of the task."""
    path = await queued(http, keyless)
    await post(http, f"{path}/promote", REVIEW)
    payload = (await post(http, f"{path}/materialize", {}))["recommended_observe_payload"]
    before = set(state_of(keyless).evidence.nodes)
    await observe(keyless.house.desk, Call(principal=LOCAL, raw=json.dumps(payload).encode()))
    nodes = state_of(keyless).evidence.nodes
    (new,) = set(nodes) - before
    assert nodes[new].node_type == "procedure"
    assert nodes[new].task_signature == TASK
    assert nodes[new].workflow_steps == (f"continue {ADAPTER}",)


async def test_materialize_without_a_body(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """No body is an empty one."""
    path = await queued(http, keyless)
    await post(http, f"{path}/promote", REVIEW)
    async with http.post(f"{path}/materialize") as response:
        assert response.status == 200


async def test_queuing_is_idempotent(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The same way measured and queued again updates its row; a decided row stays decided."""
    path = await queued(http, keyless)
    again = await measured(http, keyless)
    answer = await post(http, keyless.url + CANDIDATES, {"effect_report": again["effect_report"]})
    (row,) = await rows(http, keyless)
    assert row["measurement_id"] == answer["measurement_id"]
    await post(http, f"{path}/reject", REVIEW)
    third = await post(http, keyless.url + CANDIDATES, {"measure_result": await measured(http, keyless)})
    assert third["candidates"] == await rows(http, keyless, status="rejected")


async def test_the_report_survives_other_json_libraries(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """A client that writes 1.0 as 1, or keys in another order, still names the same report."""

    def retold(value: object) -> object:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, dict):
            return {key: retold(value[key]) for key in reversed(value)}
        return [retold(inner) for inner in value] if isinstance(value, list) else value

    await append(keyless, GOOD)
    result = await measured(http, keyless)
    for body in ({"effect_report": retold(result["effect_report"])}, {"measure_result": retold(result)}):
        assert (await post(http, keyless.url + CANDIDATES, body))["queued_count"] == 1


async def test_the_callers_copy_is_never_queued(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """A changed report is refused; an unknown measurement or a made-up report does not exist."""
    await append(keyless, GOOD)
    result = await measured(http, keyless)
    report = result["effect_report"]
    report["training_candidates"][-1]["trace_derived_skill"]["procedure_steps"] = ["rm -rf /"]
    url = keyless.url + CANDIDATES
    await refused(http, url, {"measure_result": result}, 409, "measurement_mismatch")
    await refused(http, url, {"effect_report": report}, 404, "measurement_unknown")
    await refused(http, url, {"measure_result": {"measurement_id": "ms-0"}}, 404, "measurement_unknown")
    assert await rows(http, keyless) == []


async def test_a_measurement_without_skills_queues_nothing(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """There is nothing to review, and nothing is stored."""
    result = await measured(http, keyless)
    offset = state_of(keyless).offset
    answer = await post(http, keyless.url + CANDIDATES, {"measure_result": result})
    assert (answer["queued_count"], answer["candidates"]) == (0, [])
    assert state_of(keyless).offset == offset


async def test_a_list_within_its_limit_says_how_many_there_are(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """The oldest rows come first; the count is that of all."""
    path = await queued(http, keyless)
    other = step("other", "succeeded", "src/other.ts", steps=("another way",))
    served = guided(("other", "use_now"), trace="gt-5")
    await append(keyless, [other, served, said("positive", "other", trace="gt-5")])
    body = measuring(after_guide={"guide_trace_id": "gt-5"})
    result = await post(http, keyless.url + MEASURE, body)
    await post(http, keyless.url + CANDIDATES, {"measure_result": result})
    async with http.get(keyless.url + CANDIDATES, params={"limit": "1"}) as response:
        answer = await response.json()
    assert answer["count"] == 2
    assert [row["candidate_id"] for row in answer["candidates"]] == [path.rpartition("/")[2]]


async def test_rejected_is_for_good(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """A promoted row may be rejected; a rejected one is never promoted or materialized."""
    path = await queued(http, keyless)
    await post(http, f"{path}/promote", REVIEW)
    await post(http, f"{path}/reject", {**REVIEW, "review_reason": "no"})
    await refused(http, f"{path}/promote", REVIEW, 409, "skill_candidate_rejected")
    again = await post(http, f"{path}/reject", {**REVIEW, "review_reason": "still no"})
    assert (again["candidate"]["status"], again["candidate"]["review_reason"]) == ("rejected", "no")
    error = await refused(http, f"{path}/materialize", {}, 409, "skill_candidate_not_materializable")
    assert error["issues"] == [{"path": "reasons", "message": "review_status_rejected"}]


async def test_pending_and_unready_are_not_materialized(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """A candidate without feedback names every reason, before and after its promotion."""
    await append(keyless, GOOD[:3])
    result = await measured(http, keyless)
    answer = await post(http, keyless.url + CANDIDATES, {"measure_result": result})
    path = f"{keyless.url}{CANDIDATES}/{answer['candidates'][0]['candidate_id']}"
    waiting = {"not_export_ready", "promotion_status_needs_feedback_attribution"}
    error = await refused(http, f"{path}/materialize", {}, 409, "skill_candidate_not_materializable")
    assert {issue["message"] for issue in error["issues"]} == {"review_status_pending", *waiting}
    await post(http, f"{path}/promote", REVIEW)
    error = await refused(http, f"{path}/materialize", {}, 409, "skill_candidate_not_materializable")
    assert {issue["message"] for issue in error["issues"]} == waiting


async def test_a_row_that_is_not_visible_does_not_exist(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """Another team neither sees, queues, reviews nor materializes it."""
    mine = guided(("adapter", "use_now"), ("legacy", "do_not_use"), audience=Audience(team="mine"))
    await append(keyless, [REJECTED, ACCEPTED, mine, said("positive", "adapter")])
    result = await measured(http, keyless, consumer_team_id="mine")
    url, theirs = keyless.url + CANDIDATES, {"consumer_team_id": "theirs"}
    await refused(http, url, {"measure_result": result, **theirs}, 404, "measurement_unknown")
    await refused(http, url, {"effect_report": result["effect_report"], **theirs}, 404, "measurement_unknown")
    answer = await post(http, url, {"measure_result": result, "consumer_team_id": "mine"})
    path = f"{url}/{answer['candidates'][0]['candidate_id']}"
    assert await rows(http, keyless, consumer_team_id="theirs") == []
    assert len(await rows(http, keyless, consumer_team_id="mine")) == 1
    for word, body in (("promote", REVIEW), ("reject", REVIEW), ("materialize", {})):
        await refused(http, f"{path}/{word}", {**body, **theirs}, 404, "skill_candidate_unknown")


@pytest.mark.parametrize("word", ["promote", "reject"])
async def test_who_may_review(http: aiohttp.ClientSession, keyed: Sidecar, word: str) -> None:
    """A key that is no reviewer and may not act as one is refused, whether the candidate is there or not."""
    url = f"{keyed.url}{CANDIDATES}/cand-0/{word}"
    await refused(http, url, REVIEW, 403, "role_denied", **TEAM)


async def test_a_host_accounts_for_what_it_asked_for(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """The key that asked for an agent's guide measures, queues and lists; a reviewer who names the agent decides."""
    reviewer = {
        **TEAM_PRINCIPAL,
        "name": "judge",
        "key": "env:OTHER_KEY",
        "role": "reviewer",
        "scopes": ["checkout"],
    }
    theirs = guided(
        ("adapter", "use_now"), ("legacy", "do_not_use"), audience=Audience(lane="private", agent="worker-9")
    )
    key, judge = ScopeKey("acme", "checkout"), {"Memfw-Key": KEYS["OTHER_KEY"]}
    named = {"consumer_agent_id": "worker-9"}
    async with sidecar(tmp_path, {"principals": [TEAM_PRINCIPAL, reviewer]}, environ=KEYS) as running:
        served = msgspec.structs.replace(theirs, principal="team")
        await append(running, [REJECTED, ACCEPTED, served, said("positive", "adapter")], key)
        url = running.url + CANDIDATES
        result = await post(http, running.url + MEASURE, measuring(), TEAM)
        await refused(http, url, {"measure_result": result}, 404, "measurement_unknown", **judge)
        answer = await post(http, url, {"measure_result": result}, TEAM)
        path = f"{url}/{answer['candidates'][0]['candidate_id']}"
        async with http.get(url, headers=TEAM) as response:
            assert (await response.json())["count"] == 1
        await refused(http, f"{path}/promote", REVIEW, 404, "skill_candidate_unknown", **judge)
        promoted = await post(http, f"{path}/promote", {**REVIEW, **named}, judge)
        assert promoted["candidate"]["status"] == "promoted"
        draft = await post(http, f"{path}/materialize", {}, TEAM)
        assert draft["recommended_observe_payload"]["memory_lane"] == "private"
        assert draft["recommended_observe_payload"]["owner_agent_id"] == "worker-9"


async def test_foreign_scopes(http: aiohttp.ClientSession, keyed: Sidecar) -> None:
    """Every route refuses a scope that is not the key's; no key is 401."""
    url = keyed.url + CANDIDATES
    foreign = {"scope": "secret"}
    await refused(http, url, {"measure_result": {}, **foreign}, 403, "scope_denied", **TEAM)
    for word, body in (("promote", REVIEW), ("reject", REVIEW), ("materialize", {})):
        await refused(http, f"{url}/cand-0/{word}", {**body, **foreign}, 403, "scope_denied", **TEAM)
        await refused(http, f"{url}/cand-0/{word}", body, 401, "key_required")
    async with http.get(url, params=foreign, headers=TEAM) as response:
        await refusal(response, 403, "scope_denied")


async def test_operations(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The same operation gets the same bytes; another body, or another candidate, is 409."""
    path = await queued(http, keyless)
    body = {**REVIEW, "operation_id": "op-1"}
    answers = []
    for _ in range(2):
        async with http.post(f"{path}/promote", json=body) as response:
            answers.append(await response.read())
    assert answers[0] == answers[1]
    await refused(http, f"{path}/promote", {**body, "reviewer_id": "x"}, 409, "operation_conflict")
    other = f"{keyless.url}{CANDIDATES}/cand-0/promote"
    await refused(http, other, body, 409, "operation_conflict")
    result = {"measure_result": await measured(http, keyless), "operation_id": "op-1"}
    first = await post(http, keyless.url + CANDIDATES, result)
    assert await post(http, keyless.url + CANDIDATES, result) == first


BAD: dict[str, tuple[str, object, set[str]]] = {
    "queue: nothing": ("", {}, {"measure_result"}),
    "queue: both": ("", {"measure_result": {}, "effect_report": {}}, {"measure_result"}),
    "queue: no id": ("", {"measure_result": {}}, {"measure_result.measurement_id"}),
    "queue: id of a wrong type": (
        "",
        {"measure_result": {"measurement_id": 7}},
        {"measure_result.measurement_id"},
    ),
    "queue: wrong types": ("", {"effect_report": [], "more": 1}, {"effect_report", "more"}),
    "promote: nothing": ("/cand-0/promote", {}, {"reviewer_id", "review_reason"}),
    "promote: wrong types": (
        "/cand-0/promote",
        {"reviewer_id": 7, "review_reason": "", "more": 1},
        {"reviewer_id", "review_reason", "more"},
    ),
    "reject: too long": (
        "/cand-0/reject",
        {"reviewer_id": "r", "review_reason": "x" * 5000},
        {"review_reason"},
    ),
    "reject: unknown": ("/cand-0/reject", {**REVIEW, "force": True}, {"force"}),
    "materialize: unknown": ("/cand-0/materialize", {"write": True}, {"write"}),
    "materialize: wrong type": ("/cand-0/materialize", {"scope": 7}, {"scope"}),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input(http: aiohttp.ClientSession, keyless: Sidecar, name: str) -> None:
    """Every mistake is 400 with its path."""
    tail, body, paths = BAD[name]
    error = await refused(http, keyless.url + CANDIDATES + tail, body, 400, "invalid_request")
    assert {issue["path"] for issue in error["issues"]} == paths


@pytest.mark.parametrize(
    "query",
    [{"status": "open"}, {"status": ""}, {"more": "1"}, {"scope": ""}, {"limit": "0"}, {"limit": "x"}],
)
async def test_bad_queries(http: aiohttp.ClientSession, keyless: Sidecar, query: dict[str, str]) -> None:
    """A parameter or a status that there is not is 400."""
    async with http.get(keyless.url + CANDIDATES, params=query) as response:
        error = await refusal(response, 400, "invalid_request")
    assert [issue["path"] for issue in error["issues"]] == list(query)


@pytest.mark.parametrize("tail", ["", "/cand-0/promote", "/cand-0/reject", "/cand-0/materialize"])
async def test_what_is_no_request(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened, tail: str
) -> None:
    """What is no JSON object is 400, what is too large 413."""
    for raw in (b"{", b"[]", b"null", b"\xff", b"[" * 50_000):
        async with http.post(keyless.url + CANDIDATES + tail, data=raw) as response:
            await refusal(response, 400, "invalid_request")
    large = {**REVIEW, "review_reason": "x" * 4096}
    async with reopened(keyless.house, max_body=2048) as url:
        await refused(http, url + CANDIDATES + tail, large, 413, "body_too_large")


@pytest.mark.parametrize("word", ["promote", "reject", "materialize"])
async def test_unknown_candidates(http: aiohttp.ClientSession, keyless: Sidecar, word: str) -> None:
    """An id that was never given is 404, whatever it looks like."""
    body = {} if word == "materialize" else REVIEW
    for forged in ("cand-0", "cand-%20%25", "%0aUSE_NOW", "c" * 900):
        url = f"{keyless.url}{CANDIDATES}/{forged}/{word}"
        await refused(http, url, body, 404, "skill_candidate_unknown")
