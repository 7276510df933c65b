"""Each call against a recording server: method, path and body; the bodies are those that the server's own models take."""

from typing import Any

import pytest

from firewall.client import Memfw, MemfwError
from firewall.service.evidence.handoff_body import HandoffRecoverBody, HandoffStoreBody
from firewall.service.evidence.observe_body import ObserveBody
from firewall.service.learning.feedback_body import MemoryFeedbackBody
from firewall.service.strict_body import validated
from tests.client import seed
from tests.client.double import Double

PLAIN = {
    "observe": "/v1/observe",
    "guide": "/v1/guide",
    "feedback": "/v1/feedback",
    "measure": "/v1/measure",
    "snapshot": "/v1/operator/snapshot",
    "rehydrate": "/v1/rehydrate",
    "forget": "/v1/forget",
    "resolve": "/v1/memory/resolve",
    "flight_recorder": "/v1/audit/flight-recorder",
    "govern_memory": "/v1/memory/govern",
}


@pytest.mark.parametrize(("call", "path"), PLAIN.items())
async def test_plain_calls(server: Double, client: Memfw, call: str, path: str) -> None:
    """What the caller says is posted as it is, with the scope of the client."""
    server.answer(path, {"contract_version": "v"})
    assert await getattr(client, call)({"some": ["thing"]}) == {"contract_version": "v"}
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", path, {"scope": "checkout", "some": ["thing"]})


async def test_observe_step_as_the_contract_shows_it(server: Double, client: Memfw) -> None:
    """The first event of the seed becomes the body that the reference shows, with the role beside it."""
    await client.execution.observe_step(
        agent_id="worker-1",
        team_id="checkout-team",
        run_id="run-1",
        task_signature="checkout-migration",
        title="Legacy adapter rejected",
        summary="It changed unrelated modules.",
        outcome="failed",
        target_files=["src/checkout/legacyAdapter.ts"],
    )
    body = server.asked[0].body
    assert body == {
        "scope": "checkout",
        "auto_embed": True,
        "memory_lane": "shared",
        "producer_agent_id": "worker-1",
        "owner_team_id": "checkout-team",
        "agent_role": "agent",
        "input_text": "Legacy adapter rejected\nIt changed unrelated modules.",
        "execution": {
            "run_id": "run-1",
            "task_signature": "checkout-migration",
            "title": "Legacy adapter rejected",
            "summary": "It changed unrelated modules.",
            "outcome": "failed",
            "target_files": ["src/checkout/legacyAdapter.ts"],
            "slots": {
                "task_signature": "checkout-migration",
                "execution_result_summary": {"status": "failed", "summary": "It changed unrelated modules."},
            },
        },
    }
    validated(ObserveBody, body)


async def test_remember(server: Double, client: Memfw) -> None:
    """A memory is a node of its kind's type, with the lifecycle in its slots."""
    await client.remember(agent_id="worker-1", kind="preference", text="Answer in German.\nAlways.")
    body = server.asked[0].body
    assert body["memory"] == {
        "type": "self_model",
        "title": "Answer in German.",
        "text_summary": "Answer in German.\nAlways.",
        "slots": {"memory_kind": "general_memory", "lifecycle_state": "active", "compression_layer": "L2"},
    }
    validated(ObserveBody, body)


async def test_guide_for_role(server: Double, client: Memfw) -> None:
    """The agent is the consumer; the task is the context; ten memories with packets, if nothing else is said."""
    await client.execution.guide_for_role(
        agent_id="worker-2",
        team_id="checkout-team",
        role="worker",
        run_id="run-2",
        task_signature="checkout-migration",
        query_text="Continue.",
        context_mode="compact_agent",
    )
    assert server.asked[0].path == "/v1/guide"
    assert server.asked[0].body == {
        "scope": "checkout",
        "query_text": "Continue.",
        "agent_role": "worker",
        "consumer_agent_id": "worker-2",
        "consumer_team_id": "checkout-team",
        "run_id": "run-2",
        "context": {"task_signature": "checkout-migration"},
        "context_mode": "compact_agent",
        "limit": 10,
        "include_packets": True,
    }


async def test_handoff_and_recover(server: Double, client: Memfw) -> None:
    """Without an anchor a handoff is found by task, run and agent; who recovers it is its consumer."""
    await client.execution.handoff(
        agent_id="reviewer-1",
        team_id="checkout-team",
        role="reviewer",
        run_id="run-1",
        task_signature="checkout-migration",
        summary="Adapter accepted.",
        continuation_hint="Continue in src/checkout/adapter.ts.",
        handoff_target="worker",
    )
    await client.execution.recover_handoff(
        agent_id="worker-2", team_id="checkout-team", anchor="checkout-migration:run-1:reviewer-1"
    )
    stored, wanted = (asked.body for asked in server.asked)
    assert stored["anchor"] == wanted["anchor"] == "checkout-migration:run-1:reviewer-1"
    assert stored["handoff_text"] == stored["next_action"] == "Continue in src/checkout/adapter.ts."
    assert (stored["handoff_kind"], stored["memory_lane"]) == ("task_handoff", "shared")
    assert (wanted["consumer_agent_id"], wanted["consumer_team_id"]) == ("worker-2", "checkout-team")
    validated(HandoffStoreBody, stored)
    validated(HandoffRecoverBody, wanted)


async def test_skills(server: Double, client: Memfw) -> None:
    """The review queue's routes; a candidate's id is one segment of the path, whatever is in it."""
    await client.skills.queue({"measure_result": {}})
    await client.skills.promote("a/b?c", reviewer_id="r", review_reason="two clean runs")
    await client.skills.reject("c1", reviewer_id="r", review_reason="no")
    await client.skills.materialize("c1")
    await client.skills.list(team_id="core")
    paths = [f"{asked.method} {asked.path}" for asked in server.asked]
    root = "/v1/skills/candidates"
    assert paths == [
        f"POST {root}",
        f"POST {root}/a%2Fb%3Fc/promote",
        f"POST {root}/c1/reject",
        f"POST {root}/c1/materialize",
        f"GET {root}",
    ]
    said = {"scope": "checkout", "reviewer_id": "r", "review_reason": "two clean runs"}
    assert server.asked[1].body == said
    assert dict(server.asked[4].query) == {
        "scope": "checkout",
        "status": "pending",
        "consumer_team_id": "core",
    }


async def test_a_materialized_skill_is_observed_as_recommended(server: Double, client: Memfw) -> None:
    """The payload goes where the candidate is from; an answer without a payload is refused here."""
    payload = {"memory_kind": "execution_workflow", "memory": {"type": "procedure", "title": "t"}}
    result = {"tenant_id": "acme", "scope": "billing", "recommended_observe_payload": payload}
    await client.observe_materialized_skill_candidate(result)
    assert server.asked[0].body == {"tenant_id": "acme", "scope": "billing", **payload}
    with pytest.raises(MemfwError) as refused:
        await client.observe_materialized_skill_candidate({})
    assert refused.value.code == "skill_candidate_payload_missing"


STEP: dict[str, Any] = {
    "agent_id": "worker-2",
    "run_id": "run-2",
    "title": "Adapter migrated",
    "team_id": "t",
}


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("succeeded", ("positive", "passed", "succeeded")),
        ("failed", ("negative", "failed", "failed")),
        ("blocked", ("negative", "failed", "failed")),
        ("interrupted", ("negative", "failed", "failed")),
        ("unknown", ("neutral", "unknown", "unknown")),
    ],
)
async def test_observe_outcome(
    server: Double, client: Memfw, outcome: Any, said: tuple[str, str, str]
) -> None:
    """The step first, then what it says of the memory that was used."""
    server.answer("/v1/observe", {"observed": {}})
    server.answer("/v1/feedback", {"operation": "activate"})
    report = await client.observe_outcome(
        guide=seed.guide(), used_memory_ids=[seed.ACCEPTED], outcome=outcome, operation_id="op-1", **STEP
    )
    assert report == {"observe": {"observed": {}}, "feedback": {"operation": "activate"}}
    step, feedback = (asked.body for asked in server.asked)
    assert step["execution"]["outcome"] == outcome
    assert (feedback["outcome"], feedback["verifier_status"], feedback["tool_status"]) == said
    assert (feedback["operation_id"], feedback["actor"]) == ("op-1", "worker-2")
    validated(MemoryFeedbackBody, feedback)


@pytest.mark.parametrize(
    "asked_for", [{"used_memory_ids": []}, {"used_memory_ids": [seed.ACCEPTED], "feedback": False}]
)
async def test_observe_outcome_without_feedback(
    server: Double, client: Memfw, asked_for: dict[str, Any]
) -> None:
    """Nothing used, or nothing to be said: the step alone."""
    report = await client.observe_outcome(guide=seed.guide(), outcome="succeeded", **asked_for, **STEP)
    assert report["feedback"] is None
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"guide": None}, "guide_feedback_attribution_missing"),
        ({"used_memory_ids": ["strange"]}, "guide_feedback_unknown_memory"),
        ({"run_id": ""}, "guide_feedback_run_missing"),
    ],
)
async def test_what_cannot_be_credited_stores_nothing(
    server: Double, client: Memfw, changes: dict[str, Any], code: str
) -> None:
    """Feedback that will be refused is refused before the step is stored."""
    asked_for = {"guide": seed.guide(), "used_memory_ids": [seed.ACCEPTED], **STEP, **changes}
    with pytest.raises(MemfwError) as refused:
        await client.observe_outcome(outcome="succeeded", **asked_for)
    assert refused.value.code == code
    assert server.asked == []


async def test_govern_search_results(server: Double, client: Memfw) -> None:
    """Each store's results are sent as candidates, in mode `firewall` with records unless something else is said."""
    await client.govern_mem0_search_results("q", {"results": [{"id": "m1", "memory": "x"}]}, run_id="r")
    await client.govern_zep_search_results("q", {"edges": [{"uuid": "z1", "fact": "x"}]}, mode="strict")
    await client.govern_pinecone_matches("q", {"matches": [{"id": "p1", "metadata": {"text": "x"}}]})
    bodies = [asked.body for asked in server.asked]
    assert [body["candidates"][0]["external_memory_id"] for body in bodies] == [
        "mem0:m1",
        "zep:z1",
        "pinecone:p1",
    ]
    assert [body["mode"] for body in bodies] == ["firewall", "strict", "firewall"]
    assert all(body["include_records"] and body["context_mode"] == "compact_agent" for body in bodies)
    assert bodies[0]["run_id"] == "r"
    with pytest.raises(MemfwError) as refused:
        await client.govern_mem0_search_results("q", {"results": []})
    assert refused.value.code == "govern_candidates_missing"
