"""The operator's snapshot: from the record where there is one, marked where the host says otherwise, never a prompt."""

import json
from typing import Any

import pytest

from firewall.core.evidence import FeedbackGiven, Measured, Observed, Skill, SkillReviewed, SkillsQueued
from firewall.service.audit.snapshot import snapshot
from firewall.service.principals import LOCAL, Principal
from tests.service.learning.desk import NOW, Json, Office, exposed, item, private_to

ASK: Json = {"run_id": "run-1", "task_signature": "checkout", "guide_trace_id": "gt-1"}
CONTEXT: Json = {
    "contract_version": "aionis_agent_context_v1",
    "prompt_text": "SECRET-PROMPT",
    "history_used": True,
    "actionable_history_used": True,
    "memory_ids": ["a17e", "6d0c", "raw"],
    "use_now_memory_ids": ["a17e"],
    "inspect_before_use_memory_ids": [],
    "do_not_use_memory_ids": ["6d0c"],
    "rehydrate_hints": [{"memory_id": "raw", "reason": "large", "required": True}],
    "command_posture": [
        {
            "posture": "should_continue",
            "surface": "current",
            "memory_id": "a17e",
            "instruction": "SECRET-TEXT",
            "execution_state": {"execution_outcome_role": "passed_solution"},
        },
        {
            "posture": "must_not",
            "surface": "do_not_use",
            "memory_id": "6d0c",
            "execution_state": {"execution_outcome_role": "failed_branch"},
        },
    ],
    "evidence_refs": {"memory_ids": [], "workflow_ids": ["wf-1"], "evidence_count": 0},
}


def step(node_id: str, outcome: Any = "", **fields: Any) -> Observed:
    return Observed(
        node_id=node_id,
        kind="execution",
        title="SECRET-TEXT",
        outcome=outcome,
        target_files=(f"src/{node_id}.ts",),
        principal="p",
        at=NOW - 90,
        observed_at=NOW - 90,
        **fields,
    )


@pytest.fixture
async def office() -> Office:
    """Two steps, a procedure, a guide that served them, and feedback on it."""
    opened = Office()
    await opened.log(
        step("a17e", "succeeded"),
        step("6d0c", "failed"),
        step("how", node_type="procedure"),
        exposed(
            item("a17e"),
            item("6d0c", "do_not_use", "failed_branch"),
            item("mem0:x", "do_not_use", "execution:recommends"),
            item("mem0:y", "do_not_use", "too_old:fact"),
            item("another-team", "inspect_before_use", "unverified_failed_branch"),
            item("mem0:z", "inspect_before_use", "execution:contested_route"),
            item("raw", "rehydrate"),
            active_id="a17e",
            actionable=True,
            prompt_chars=611,
        ),
        FeedbackGiven(
            guide_trace_id="gt-1",
            run_id="run-1",
            outcome="positive",
            served_surface="use_now",
            memory_ids=("a17e",),
            principal="p",
            at=NOW,
        ),
    )
    return opened


def claims(answer: Json) -> dict[str, str]:
    return {one["claim"]: one["status"] for one in answer["operator_snapshot"]["claims"]}


async def test_from_the_record(office: Office) -> None:
    """A trace id is enough: execution state, receipt, learning and claims of what was served."""
    answer = await office.ask(snapshot, ASK)
    assert answer["contract_version"] == "aionis_operator_snapshot_result_v1"
    assert "markdown" not in answer
    seen = answer["operator_snapshot"]
    assert seen["source"] == "persisted_exposure"
    assert seen["execution_state"] == {
        "active_path": ["a17e"],
        "passed_solutions": ["a17e"],
        "failed_branches": ["6d0c", "another-team", "mem0:x"],
        "rehydrate": ["raw"],
    }
    receipt = seen["memory_use_receipt"]
    assert receipt["contract_version"] == "aionis_memory_use_receipt_v1"
    assert (receipt["guide_trace_id"], receipt["prompt_char_count"]) == ("gt-1", 611)
    assert receipt["use_now_memory_ids"] == ["a17e"]
    assert receipt["do_not_use_memory_ids"] == ["6d0c", "mem0:x", "mem0:y"]
    assert receipt["attributed_memory_ids"] == ["a17e"]
    assert "a17e" not in receipt["unattributed_recalled_memory_ids"]
    assert len(receipt["unattributed_recalled_memory_ids"]) == 6
    assert receipt["decision_summaries"][0]["decision_kind"] == "blocked"
    assert receipt["risk_flags"] == [
        "execution",
        "failed_branch",
        "too_old",
        "unverified_failed_branch",
    ]
    assert seen["learning_control"]["authority_mutation"] is False
    assert seen["learning_control"]["supported_memory_ids"] == ["a17e"]
    assert set(claims(answer).values()) == {"pass"}
    assert (seen["runtime_mutation"], seen["agent_prompt_included"]) == (False, False)


async def test_from_what_the_host_supplies(office: Office) -> None:
    """Where nothing was recorded, the host's context is shown, and a claim says whose word it is."""
    answer = await office.ask(snapshot, {**ASK, "guide_trace_id": "gt-9", "agent_context": CONTEXT})
    seen = answer["operator_snapshot"]
    assert seen["source"] == "agent_context"
    assert seen["execution_state"] == {
        "active_path": ["a17e"],
        "passed_solutions": ["a17e"],
        "failed_branches": ["6d0c"],
        "rehydrate": ["raw"],
    }
    assert seen["memory_use_receipt"]["prompt_char_count"] == len("SECRET-PROMPT")
    assert seen["trace_to_procedure"]["workflow_ids"] == ["wf-1"]
    assert claims(answer)["the exposure was recorded here"] == "warn"


async def test_the_record_wins(office: Office) -> None:
    """A host that tells it otherwise gets the record, and a claim that warns; one that agrees a pass."""
    name = "what the host says agrees with the recorded exposure"
    agreeing = await office.ask(snapshot, {**ASK, "agent_context": CONTEXT})
    assert claims(agreeing)[name] == "pass"
    lying = {**CONTEXT, "use_now_memory_ids": ["a17e", "6d0c", "made-up"], "do_not_use_memory_ids": []}
    answer = await office.ask(snapshot, {**ASK, "agent_context": lying})
    assert claims(answer)[name] == "warn"
    receipt = answer["operator_snapshot"]["memory_use_receipt"]
    assert receipt["use_now_memory_ids"] == ["a17e"]
    assert "made-up" not in receipt["exposed_memory_ids"]


async def test_a_blocked_memory_that_was_used(office: Office) -> None:
    """A host that says both of a memory: it counts as blocked, and the claim fails."""
    both = {**CONTEXT, "use_now_memory_ids": ["6d0c"]}
    answer = await office.ask(snapshot, {**ASK, "guide_trace_id": None, "agent_context": both})
    assert claims(answer)["blocked memory was not actionable"] == "fail"
    assert answer["operator_snapshot"]["memory_use_receipt"]["use_now_memory_ids"] == []


async def test_the_guide_of_another_run(office: Office) -> None:
    """A guide that was served to another run is shown, with a warning."""
    answer = await office.ask(snapshot, {**ASK, "run_id": "run-7"})
    assert claims(answer)["the guide was served to this run"] == "warn"


HOSTILE = "run`\n# FORGED\n- [x](javascript:1)\u2028USE_NOW: <script>\u202e"


async def test_markdown_is_one_line_a_value_and_holds_no_prompt(office: Office) -> None:
    """Hostile values end no line and no code span; neither prompt nor text is in it, nor anywhere in the answer."""
    hostile = {**CONTEXT, "use_now_memory_ids": [HOSTILE], "memory_ids": [HOSTILE]}
    body = {
        **ASK,
        "run_id": HOSTILE[:200],
        "guide_trace_id": None,
        "agent_context": hostile,
        "include_markdown": True,
    }
    answer = await office.ask(snapshot, body)
    markdown: str = answer["markdown"]
    assert [line for line in markdown.splitlines() if line.startswith("#")] == [
        "# Operator snapshot",
        "## Execution state",
        "## Memory use",
        "## Learning",
        "## Claims",
    ]
    assert all(line.count("`") % 2 == 0 for line in markdown.splitlines())
    assert "\u2028" not in markdown
    assert "SECRET" not in json.dumps(answer)


async def test_many_values_are_counted(office: Office) -> None:
    """The markdown lists a few of many ids and says how many more there are."""
    many = {**CONTEXT, "use_now_memory_ids": [f"m{n}" for n in range(100)]}
    body = {**ASK, "guide_trace_id": None, "agent_context": many, "include_markdown": True}
    markdown = (await office.ask(snapshot, body))["markdown"]
    assert "and 71 more" in markdown


async def test_nothing_is_written(office: Office) -> None:
    """A snapshot leaves the log as it was."""
    before = len(office.ledger.records)
    reply = await office.reply(snapshot, ASK)
    assert (reply.offset, len(office.ledger.records)) == (0, before)


# ---- procedures --------------------------------------------------------------------------------------------------


def skill(candidate_id: str = "c1", **fields: Any) -> Skill:
    said: Json = {
        "skill_name": "continue",
        "label": "positive",
        "reason": "r",
        "export_ready": True,
        "promotion_status": "promotion_ready",
        "task_signature": "checkout",
        "workflow_signature": "wf-2",
        "source_trace_ids": ("gt-1",),
        "applies_when": ("always",),
        "procedure_steps": ("step",),
        "evidence_refs": ("a17e",),
    }
    return Skill(candidate_id=candidate_id, **{**said, **fields})


async def queue(office: Office, *skills: Skill) -> None:
    await office.log(
        Measured(
            measurement_id="ms",
            digest="d",
            report_sha256="r",
            run_id="run-1",
            task_signature="checkout",
            sufficient=True,
            skills=skills,
            principal="p",
            at=NOW,
        ),
        SkillsQueued(measurement_id="ms", principal="p", at=NOW),
    )


async def procedure(office: Office, *, principal: Principal = LOCAL, **fields: object) -> Json:
    answer = await office.ask(snapshot, {**ASK, **fields}, principal)
    found: Json = answer["operator_snapshot"]["trace_to_procedure"]
    return found


async def test_no_procedure(office: Office) -> None:
    """Nothing queued and nothing served as one."""
    found = await procedure(office)
    assert (found["present"], found["promotion_status"]) == (False, "not_applicable")
    told = await procedure(office, effect_report={"comparison": {"sufficient_evidence": False}})
    assert told["promotion_status"] == "insufficient_evidence"


async def test_candidates_in_the_queue(office: Office) -> None:
    """A candidate of the task is visible as such; rejected ones block."""
    await queue(office, skill(), skill("c2", task_signature="another", source_trace_ids=("gt-5",)))
    found = await procedure(office)
    assert (found["promotion_status"], found["candidate_visible"]) == ("candidate_only", True)
    assert (found["workflow_ids"], found["evidence_refs"]) == (["wf-2"], ["a17e"])
    assert found["runtime_mutation"] is False
    await office.log(
        SkillReviewed(
            candidate_id="c1",
            decision="rejected",
            reviewer_id="r",
            review_reason="no",
            principal="p",
            at=NOW,
        )
    )
    found = await procedure(office)
    assert (found["promotion_status"], found["promotion_blocked_count"]) == ("blocked", 1)


async def test_a_private_candidate_is_not_seen(office: Office) -> None:
    """Another agent's candidate does not exist in this snapshot."""
    await queue(office, skill(audience=private_to("worker-1")))
    found = await procedure(office, principal=Principal(name="worker-2", agent="worker-2"))
    assert (found["present"], found["promotion_status"]) == (False, "not_applicable")


async def test_a_procedure_that_was_served(office: Office) -> None:
    """A procedure served for use is stable reuse; a host's word alone makes none."""
    await office.log(exposed(item("how"), guide_trace_id="gt-2"))
    found = await procedure(office, guide_trace_id="gt-2")
    assert (found["promotion_status"], found["procedure_memory_ids"]) == ("stable_ready", ["how"])
    report = {
        "history_impact": {"changed_future_behavior": True, "impact_direction": "positive"},
        "comparison": {"sufficient_evidence": True},
        "training_candidates": [
            {
                "candidate_type": "trace_derived_skill",
                "label": "positive",
                "export_ready": True,
                "trace_derived_skill": {"promotion_status": "promotion_ready", "evidence_refs": ["e1"]},
            },
            {"candidate_type": "transfer_judge"},
        ],
    }
    told = await office.ask(snapshot, {**ASK, "effect_report": report})
    seen = told["operator_snapshot"]
    assert seen["trace_to_procedure"]["promotion_status"] == "candidate_only"
    assert seen["trace_to_procedure"]["evidence_refs"] == ["e1"]
    assert seen["effect"] == {
        "source": "host_supplied",
        "changed_future_behavior": True,
        "impact_direction": "positive",
        "sufficient_evidence": True,
        "training_candidate_count": 2,
    }


# ---- refusals ----------------------------------------------------------------------------------------------------

REFUSALS: dict[str, tuple[Json, int, str]] = {
    "neither a guide nor a context": ({**ASK, "guide_trace_id": None}, 400, "snapshot_source_missing"),
    "an unknown guide": ({**ASK, "guide_trace_id": "gt-9"}, 404, "guide_trace_unknown"),
    "no run": ({"task_signature": "t", "guide_trace_id": "gt-1"}, 400, "invalid_request"),
    "an unknown field": ({**ASK, "more": 1}, 400, "invalid_request"),
    "ids that are none": (
        {**ASK, "agent_context": {"use_now_memory_ids": [7]}},
        400,
        "invalid_request",
    ),
    "too many ids": (
        {**ASK, "agent_context": {"memory_ids": ["m"] * 1_001}},
        400,
        "invalid_request",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusals(office: Office, name: str) -> None:
    """What cannot be shown is refused with a code."""
    body, status, code = REFUSALS[name]
    assert await office.refused(snapshot, body) == (status, code)


async def test_a_foreign_guide_does_not_exist() -> None:
    """Another agent's guide is as unknown as one that never was; the host's word on it stays the host's word."""
    office = Office()
    await office.log(exposed(item("a17e"), audience=private_to("worker-1")))
    other = Principal(name="w2", agent="worker-2")
    assert await office.refused(snapshot, ASK, other) == (404, "guide_trace_unknown")
    told = await office.ask(snapshot, {**ASK, "agent_context": CONTEXT}, other)
    assert told["operator_snapshot"]["source"] == "agent_context"
    own = await office.ask(snapshot, ASK, Principal(name="w1", agent="worker-1"))
    assert own["operator_snapshot"]["source"] == "persisted_exposure"
