"""Plans as memory assets: the events, their order and wording, and both shapes of the input."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.client import MemfwError, plan_asset_observe_events
from firewall.client.fnv import fnv1a_32
from firewall.client.steps import step_body
from firewall.service.evidence.observe_body import ObserveBody
from firewall.service.strict_body import validated

PLAN: dict[str, Any] = {
    "title": "Checkout migration",
    "summary": "Move checkout to the adapter.",
    "artifact_ref": "docs/plan.md",
    "decisions": [
        {
            "decision_id": "d1",
            "statement": "Use the adapter.",
            "rationale": "It is small.",
            "alternatives_rejected": ["Rewrite the cart"],
            "target_files": ["src/checkout/adapter.ts", "src/checkout/index.ts"],
        },
        {"decision_id": "d2", "statement": "Keep the API.", "target_files": ["src/checkout/index.ts"]},
    ],
    "acceptance_checks": ["npm test checkout"],
    "execution_boundaries": ["no change outside src/checkout"],
    "failed_branches": [
        {
            "branch_id": "b1",
            "statement": "Extend the legacy adapter.",
            "reason": "It changes unrelated modules. " * 9,
            "target_files": ["src/checkout/legacyAdapter.ts"],
        }
    ],
}
TYPED: dict[str, Any] = {
    "run_id": "run-1",
    "task_signature": "checkout-migration",
    "planner": {"agent_id": "planner-1", "team_id": "checkout-team", "model": "m-1"},
    "plan": PLAN,
}


def test_the_accepted_step() -> None:
    """One succeeded step with the lines in their order, every file once, and the counts in its slots."""
    step = plan_asset_observe_events(TYPED)[0]
    plan_id = f"plan:{fnv1a_32('run-1|checkout-migration||Checkout migration|Move checkout to the adapter.'.replace('|', chr(10)))}"
    assert step["summary"].splitlines() == [
        "PLAN_AS_MEMORY_ASSET",
        f"Plan ID: {plan_id}",
        "Artifact: docs/plan.md",
        "Planner model: m-1",
        "Move checkout to the adapter.",
        "PLAN_DECISION d1: Use the adapter.",
        "Rationale: It is small.",
        "Rejected alternative: Rewrite the cart",
        "PLAN_DECISION d2: Keep the API.",
        "PLAN_ACCEPTANCE_CHECK 1: npm test checkout",
        "PLAN_EXECUTION_BOUNDARY 1: no change outside src/checkout",
        "Rejected branch count: 1",
    ]
    assert (step["title"], step["outcome"], step["role"]) == ("Checkout migration", "succeeded", "planner")
    assert step["target_files"] == ["src/checkout/adapter.ts", "src/checkout/index.ts"]
    assert step["acceptance_checks"] == ["npm test checkout"]
    assert step["slots"] == {
        "evidence_kind": "plan_asset",
        "plan_asset_v1": {
            "plan_id": plan_id,
            "artifact_ref": "docs/plan.md",
            "planner_model": "m-1",
            "decision_ids": ["d1", "d2"],
            "acceptance_check_count": 1,
            "execution_boundary_count": 1,
            "rejected_branch_count": 1,
        },
    }


def test_the_rejected_branch() -> None:
    """One failed step; its statement is in the slots and nowhere in what can be recalled."""
    accepted, rejected = plan_asset_observe_events({**TYPED, "plan": {**PLAN, "plan_id": "plan-7"}})
    assert accepted["slots"]["plan_asset_v1"]["plan_id"] == "plan-7"  # type: ignore[index]
    assert (rejected["title"], rejected["outcome"]) == ("Rejected plan branch: b1", "failed")
    assert rejected["target_files"] == ["src/checkout/legacyAdapter.ts"]
    lines = rejected["summary"].splitlines()
    assert lines[:3] == ["PLAN_REJECTED_BRANCH", "Plan ID: plan-7", "b1: rejected branch."]
    assert lines[3].startswith("Reason: It changes unrelated modules.")
    assert len(lines[3]) <= len("Reason: ") + 120
    assert lines[4].endswith("counter-evidence only; do not use as primary route.")
    body = step_body(rejected)
    assert "Extend the legacy" not in f"{body['input_text']}{rejected['title']}"
    slot = rejected["slots"]["plan_asset_v1"]
    assert slot["rejected_branch_statement"] == "Extend the legacy adapter."  # type: ignore[index]


def test_defect_07_flat_and_typed_input_are_one() -> None:
    """The flat shape of the original's page gives the same events as the nested one of its types."""
    flat = {
        "run_id": "run-1",
        "task_signature": "checkout-migration",
        "agent_id": "planner-1",
        "team_id": "checkout-team",
        "model": "m-1",
        **PLAN,
    }
    assert plan_asset_observe_events(flat) == plan_asset_observe_events(TYPED)
    half = {
        **TYPED,
        "plan": {name: PLAN[name] for name in ("title", "summary")},
        "decisions": PLAN["decisions"],
    }
    assert len(plan_asset_observe_events(half)) == 1


def test_the_server_takes_the_events() -> None:
    """Each event is the input of `observe_step`, and its body one that the server reads."""
    for step in plan_asset_observe_events({**TYPED, "scope": "checkout", "memory_lane": "shared"}):
        body = step_body(step)
        assert (body["agent_role"], body["scope"], body["memory_lane"]) == ("planner", "checkout", "shared")
        validated(ObserveBody, body)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {**TYPED, "planner": {}},
        {**TYPED, "surprise": 1},
        {**TYPED, "plan": {**PLAN, "title": 7}},
        {**TYPED, "plan": {**PLAN, "decisions": ["just words"]}},
        {**TYPED, "plan": {**PLAN, "failed_branches": [{"branch_id": "b1"}]}},
    ],
)
def test_what_is_no_plan(broken: dict[str, Any]) -> None:
    """One error type, and no text of the plan in its message."""
    with pytest.raises(MemfwError) as refused:
        plan_asset_observe_events(broken)
    assert refused.value.code == "plan_asset_invalid"
    assert "just words" not in str(refused.value)


@given(st.text())
def test_no_text_begins_a_line(text: str) -> None:
    """Whatever a plan says, it adds no line."""
    plain = plan_asset_observe_events(TYPED)
    plan = {**PLAN, "summary": f"a{text}", "artifact_ref": f"x{text}"}
    branch = {**PLAN["failed_branches"][0], "branch_id": f"b{text}", "reason": text}
    said = plan_asset_observe_events({**TYPED, "plan": {**plan, "failed_branches": [branch]}})
    assert [len(step["summary"].splitlines()) for step in said] == [
        len(step["summary"].splitlines()) for step in plain
    ]


def test_fnv() -> None:
    """The published test values of FNV-1a in 32 bits."""
    assert [fnv1a_32(text) for text in ("", "a", "foobar")] == ["811c9dc5", "e40c292c", "bf9cf968"]
