"""A plan as a memory asset: its decisions as one accepted step, each branch it rejected as one failed step.

The wording of a rejected branch stays in the slots, out of the summary: recalled, it would read like advice.
"""

from collections.abc import Iterator

import msgspec

from firewall.client.errors import MemfwError
from firewall.client.fnv import fnv1a_32
from firewall.client.inputs import StepInput
from firewall.client.shapes import Json, compact, record

REASON_CHARS = 120
_PLANNER = ("agent_id", "team_id", "model")
_PLAN = (
    "plan_id",
    "title",
    "summary",
    "artifact_ref",
    "decisions",
    "acceptance_checks",
    "execution_boundaries",
    "failed_branches",
)


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    decision_id: str
    statement: str
    rationale: str | None = None
    alternatives_rejected: tuple[str, ...] = ()
    target_files: tuple[str, ...] = ()


class Branch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    branch_id: str
    statement: str
    reason: str
    target_files: tuple[str, ...] = ()


class Planner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    agent_id: str
    team_id: str | None = None
    model: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    plan_id: str | None = None
    title: str
    summary: str
    artifact_ref: str | None = None
    decisions: tuple[Decision, ...] = ()
    acceptance_checks: tuple[str, ...] = ()
    execution_boundaries: tuple[str, ...] = ()
    failed_branches: tuple[Branch, ...] = ()


class PlanAsset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a planner hands in."""

    run_id: str
    task_signature: str
    task_id: str | None = None
    task_family: str | None = None
    workflow_signature: str | None = None
    tenant_id: str | None = None
    scope: str | None = None
    memory_lane: str | None = None
    auto_embed: bool | None = None
    planner: Planner
    plan: Plan


def plan_asset_observe_events(asset: Json) -> list[StepInput]:
    """The steps to observe, in order. `asset` may be nested (`planner`, `plan`) or flat. MemfwError where it is neither."""
    try:
        read = msgspec.convert(_nested(asset), PlanAsset)
    except msgspec.ValidationError as error:
        raise MemfwError("plan_asset_invalid", str(error)) from None
    plan_id = read.plan.plan_id or _plan_id(read)
    return [
        _accepted(read, plan_id),
        *(_rejected(read, plan_id, branch) for branch in read.plan.failed_branches),
    ]


def _nested(asset: Json) -> Json:
    """The flat shape as the nested one; what both say, the nested one says."""
    outer = {
        name: value for name, value in asset.items() if name not in {"planner", "plan", *_PLANNER, *_PLAN}
    }
    flat = {name: value for name, value in asset.items() if value is not None}
    planner = {name: flat[name] for name in _PLANNER if name in flat}
    plan = {name: flat[name] for name in _PLAN if name in flat}
    return {
        **outer,
        "planner": {**planner, **record(asset.get("planner"))},
        "plan": {**plan, **record(asset.get("plan"))},
    }


def _plan_id(asset: PlanAsset) -> str:
    said = (
        asset.run_id,
        asset.task_signature,
        asset.workflow_signature or "",
        asset.plan.title,
        asset.plan.summary,
    )
    return f"plan:{fnv1a_32(chr(10).join(said))}"


def _accepted(asset: PlanAsset, plan_id: str) -> StepInput:
    plan = asset.plan
    files = dict.fromkeys(file for decision in plan.decisions for file in decision.target_files)
    step = _step(asset)
    step["title"] = plan.title
    step["outcome"] = "succeeded"
    step["target_files"] = list(files)
    step["acceptance_checks"] = list(plan.acceptance_checks)
    step["summary"] = "\n".join(_line(part) for part in _summary(asset, plan_id))
    step["slots"] = {
        "evidence_kind": "plan_asset",
        "plan_asset_v1": {
            **_origin(asset, plan_id),
            "decision_ids": [decision.decision_id for decision in plan.decisions],
            "acceptance_check_count": len(plan.acceptance_checks),
            "execution_boundary_count": len(plan.execution_boundaries),
            "rejected_branch_count": len(plan.failed_branches),
        },
    }
    return step


def _summary(asset: PlanAsset, plan_id: str) -> Iterator[str]:
    plan = asset.plan
    yield "PLAN_AS_MEMORY_ASSET"
    yield f"Plan ID: {plan_id}"
    if plan.artifact_ref:
        yield f"Artifact: {plan.artifact_ref}"
    if asset.planner.model:
        yield f"Planner model: {asset.planner.model}"
    yield plan.summary
    for decision in plan.decisions:
        yield f"PLAN_DECISION {decision.decision_id}: {decision.statement}"
        if decision.rationale:
            yield f"Rationale: {decision.rationale}"
        for alternative in decision.alternatives_rejected:
            yield f"Rejected alternative: {alternative}"
    for number, check in enumerate(plan.acceptance_checks, 1):
        yield f"PLAN_ACCEPTANCE_CHECK {number}: {check}"
    for number, boundary in enumerate(plan.execution_boundaries, 1):
        yield f"PLAN_EXECUTION_BOUNDARY {number}: {boundary}"
    yield f"Rejected branch count: {len(plan.failed_branches)}"


def _rejected(asset: PlanAsset, plan_id: str, branch: Branch) -> StepInput:
    lines = (
        "PLAN_REJECTED_BRANCH",
        f"Plan ID: {plan_id}",
        f"{branch.branch_id}: rejected branch.",
        f"Reason: {_line(branch.reason)[:REASON_CHARS]}",
        "This is counter-evidence only; do not use as primary route.",
    )
    step = _step(asset)
    step["title"] = f"Rejected plan branch: {branch.branch_id}"
    step["outcome"] = "failed"
    step["target_files"] = list(branch.target_files)
    step["summary"] = "\n".join(_line(part) for part in lines)
    step["slots"] = {
        "evidence_kind": "plan_rejected_branch",
        "plan_asset_v1": {
            **_origin(asset, plan_id),
            "rejected_branch_id": branch.branch_id,
            "rejected_branch_statement": branch.statement,
            "rejected_branch_reason": branch.reason,
        },
    }
    return step


def _step(asset: PlanAsset) -> StepInput:
    """What all steps of a plan have in common."""
    named = compact(
        {
            "run_id": asset.run_id,
            "task_signature": asset.task_signature,
            "task_id": asset.task_id,
            "task_family": asset.task_family,
            "workflow_signature": asset.workflow_signature,
            "tenant_id": asset.tenant_id,
            "scope": asset.scope,
            "memory_lane": asset.memory_lane,
            "auto_embed": asset.auto_embed,
            "team_id": asset.planner.team_id,
        }
    )
    return msgspec.convert(
        {**named, "agent_id": asset.planner.agent_id, "role": "planner", "title": ""}, StepInput
    )


def _origin(asset: PlanAsset, plan_id: str) -> dict[str, object]:
    return compact(
        {
            "plan_id": plan_id,
            "artifact_ref": asset.plan.artifact_ref,
            "planner_model": asset.planner.model,
        }
    )


def _line(text: str) -> str:
    """One line: what a plan says cannot begin a line of its own."""
    return " ".join(text.split())
