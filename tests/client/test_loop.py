"""What is read from guides and measurements, and what becomes of it."""

from typing import Any

import pytest

from firewall.client import (
    MemfwError,
    active_route_targets_from_guide,
    agent_prompt_from_guide,
    blocked_routes_from_guide,
    command_posture_from_guide,
    effect_report_from_measure,
    feedback_attribution_from_guide,
    measure_input_from_guide_loop,
    memory_ids_from_guide,
    memory_use_receipt_from_guide,
    rehydrate_hints_from_guide,
    route_contract_from_guide,
    snapshot_input_from_guide_loop,
    trace_derived_skill_candidates_from_measure,
    trace_derived_skill_review_items_from_measure,
)
from tests.client.seed import ACCEPTED, FAILED, POINTER, attribution, guide, measure


def test_the_prompt() -> None:
    """The prompt text and nothing else; a guide without one is an error, never an empty prompt."""
    assert agent_prompt_from_guide(guide()).startswith("AIONIS_CTX v2")
    for broken, code in (
        ({}, "guide_agent_context_missing"),
        ({"agent_context": "text"}, "guide_agent_context_missing"),
        ({"agent_context": {"prompt_text": None}}, "guide_prompt_missing"),
    ):
        with pytest.raises(MemfwError) as refused:
            agent_prompt_from_guide(broken)
        assert refused.value.code == code


def test_the_extractors() -> None:
    """Each gives its part of a guide; what is not there is empty or None."""
    served = guide(memory_use_receipt={"guide_trace_id": "gt-91"})
    assert memory_ids_from_guide(served) == [ACCEPTED, FAILED, "seen-only", POINTER]
    assert memory_ids_from_guide(served, "use_now") == [ACCEPTED]
    assert memory_ids_from_guide(served, "inspect_before_use") == []
    assert memory_ids_from_guide(served, "rehydrate") == [POINTER]
    assert active_route_targets_from_guide(served) == ["src/checkout/adapter.ts"]
    assert [route["source_memory_id"] for route in blocked_routes_from_guide(served)] == [FAILED]
    assert set(route_contract_from_guide(served)) == {"active_targets", "blocked_routes"}
    assert [said["memory_id"] for said in command_posture_from_guide(served, "must_not")] == [FAILED]
    assert len(command_posture_from_guide(served)) == 2
    assert [hint["memory_id"] for hint in rehydrate_hints_from_guide(served)] == [POINTER]
    assert memory_use_receipt_from_guide(served) == {"guide_trace_id": "gt-91"}
    assert feedback_attribution_from_guide(served) == attribution()
    bare = {"agent_context": {"route_contract": [], "command_posture": "x", "memory_ids": [1, None, ""]}}
    assert memory_ids_from_guide(bare) == []
    assert active_route_targets_from_guide(bare) == []
    assert command_posture_from_guide(bare, "must_not") == []
    assert memory_use_receipt_from_guide(bare) is None
    assert feedback_attribution_from_guide(bare) is None


def test_measure_input() -> None:
    """The five fields of the task, the two guides and the feedback; claims are passed on, None is not."""
    task = {"task_id": "run-2", "run_id": "run-2", "task_signature": "checkout-migration", "note": "x"}
    body = measure_input_from_guide_loop(
        task,
        guide(),
        before_guide={"agent_context": {}},
        feedback_result={"operation": "activate"},
        sufficient_evidence=False,
        evidence_ids=[],
        scope="checkout",
        product_trace={"evidence_ids": ["ci:1"]},
    )
    assert body == {
        "scope": "checkout",
        "task": {"task_id": "run-2", "run_id": "run-2", "task_signature": "checkout-migration"},
        "product_trace": {
            "before_guide": {"agent_context": {}},
            "after_guide": guide(),
            "forget_result": {"operation": "activate"},
            "sufficient_evidence": False,
            "evidence_ids": ["ci:1"],
        },
    }


def test_snapshot_input() -> None:
    """Parts of the guide and of the measurement are lifted out of them; what is no object is refused."""
    body = snapshot_input_from_guide_loop(
        run_id="run-2",
        task_signature="checkout-migration",
        guide=guide(),
        measure_result=measure(),
        include_markdown=True,
        extra={"memory_decision_audit": {"x": 1}},
    )
    assert body["guide_trace_id"] == "gt-91"
    assert body["agent_context"] == guide()["agent_context"]
    assert body["guide_packet"] == guide()["guide_packet"]
    assert body["memory_decision_trace"] == {"decisions": []}
    assert body["memory_decision_audit"] == {"x": 1}
    assert body["effect_report"] == effect_report_from_measure(measure())
    assert body["include_markdown"] is True
    assert "task_family" not in body
    for name, wrong in (("guide", {"guide": None}), ("measure", {"measure_result": []})):
        fields: dict[str, Any] = {"guide": guide(), "measure_result": measure(), **wrong}
        with pytest.raises(MemfwError) as refused:
            snapshot_input_from_guide_loop(run_id="r", task_signature="t", **fields)
        assert refused.value.code == f"snapshot_{name}_invalid"


def test_skills() -> None:
    """Only trace-derived skills of the known contract; one flat row each, with what keeps it out of prompts."""
    candidates = trace_derived_skill_candidates_from_measure(measure())
    assert [candidate["source_ids"] for candidate in candidates] == [[ACCEPTED]]
    (row,) = trace_derived_skill_review_items_from_measure(measure())
    assert row["review_action"] == "review_for_promotion"
    assert (row["skill_name"], row["label"]) == ("checkout continuation", "positive")
    assert (row["export_ready"], row["promotion_status"]) == (True, "promotion_ready")
    assert row["procedure_steps"] == ["continue src/checkout/adapter.ts"]
    assert row["does_not_apply_when"] == []
    assert row["candidate"] == candidates[0]
    assert row["safety"] == {
        "authority_state": "candidate",
        "agent_prompt_included": False,
        "runtime_mutation": False,
        "required_gate": "admission_and_promotion_gate",
    }
    assert trace_derived_skill_candidates_from_measure({}) == []
    with pytest.raises(MemfwError) as refused:
        effect_report_from_measure({})
    assert refused.value.code == "measure_effect_report_missing"
