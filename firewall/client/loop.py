"""The end of a loop: what a guide, its feedback and a measurement make of each other. All of it pure.

Reports, candidates and receipts are for the host and for reviewers; none of them goes into a prompt.
"""

from collections.abc import Sequence

from firewall.client.errors import MemfwError
from firewall.client.guides import agent_context_from_guide
from firewall.client.shapes import Json, record, records, strings

_TASK = ("task_id", "run_id", "task_signature", "task_family", "workflow_signature")
_SKILL = "trace_derived_skill"
_SKILL_CONTRACT = "aionis_trace_derived_skill_candidate_v1"


def measure_input_from_guide_loop(
    task: Json,
    after_guide: Json,
    *,
    before_guide: Json | None = None,
    feedback_result: Json | None = None,
    sufficient_evidence: bool | None = None,
    evidence_ids: Sequence[str] | None = None,
    operation_id: str | None = None,
    tenant_id: str | None = None,
    scope: str | None = None,
    product_trace: Json | None = None,
) -> dict[str, object]:
    """The body for `measure`. Whether evidence suffices is the server's to say; what is claimed here it only echoes."""
    trace = {
        "before_guide": before_guide,
        "after_guide": after_guide,
        "forget_result": feedback_result,
        "sufficient_evidence": sufficient_evidence,
        "evidence_ids": None if evidence_ids is None else list(evidence_ids),
        **(product_trace or {}),
    }
    return _said(
        {
            "operation_id": operation_id,
            "tenant_id": tenant_id,
            "scope": scope,
            "task": _said({name: task.get(name) for name in _TASK}),
            "product_trace": _said(trace),
        }
    )


def snapshot_input_from_guide_loop(
    *,
    run_id: str,
    task_signature: str,
    guide: Json,
    measure_result: Json,
    task_family: str | None = None,
    include_markdown: bool | None = None,
    tenant_id: str | None = None,
    scope: str | None = None,
    extra: Json | None = None,
) -> dict[str, object]:
    """The body for `snapshot`. MemfwError where guide or measurement are no objects."""
    for name, value in (("guide", guide), ("measure", measure_result)):
        if not isinstance(value, dict):
            raise MemfwError(f"snapshot_{name}_invalid", f"the {name} is no JSON object")
    lifted = {
        "agent_context": agent_context_from_guide(guide),
        "guide_packet": guide.get("guide_packet"),
        "guide_trace_id": guide.get("guide_trace_id"),
        **{
            name: measure_result.get(name)
            for name in ("memory_decision_trace", "memory_decision_audit", "effect_report")
        },
    }
    named = {
        "run_id": run_id,
        "task_signature": task_signature,
        "task_family": task_family,
        "include_markdown": include_markdown,
        "tenant_id": tenant_id,
        "scope": scope,
    }
    return _said({**named, **lifted, **(extra or {})})


def effect_report_from_measure(measure: Json) -> Json:
    """The effect report. MemfwError where there is none."""
    report = measure.get("effect_report")
    if not isinstance(report, dict):
        raise MemfwError("measure_effect_report_missing", "the measurement has no effect_report")
    return report


def trace_derived_skill_candidates_from_measure(measure: Json) -> list[Json]:
    """The training candidates that are trace-derived skills of the contract that this client knows."""
    return [
        candidate
        for candidate in records(record(measure.get("effect_report")).get("training_candidates"))
        if candidate.get("candidate_type") == _SKILL
        and record(candidate.get(_SKILL)).get("contract_version") == _SKILL_CONTRACT
    ]


def trace_derived_skill_review_items_from_measure(measure: Json) -> list[dict[str, object]]:
    """Each skill candidate as one flat row for a reviewer. Nothing is promoted by making it."""
    return [_review_item(candidate) for candidate in trace_derived_skill_candidates_from_measure(measure)]


def _review_item(candidate: Json) -> dict[str, object]:
    skill = record(candidate.get(_SKILL))
    policy = record(skill.get("export_policy"))
    lists = (
        "source_trace_ids",
        "source_signal_ids",
        "applies_when",
        "does_not_apply_when",
        "procedure_steps",
        "target_files",
        "acceptance_checks",
        "failure_counterexamples",
        "evidence_refs",
    )
    return {
        "candidate_type": _SKILL,
        "review_action": "review_for_promotion",
        "skill_name": skill.get("skill_name"),
        "label": candidate.get("label"),
        "export_ready": candidate.get("export_ready"),
        "promotion_status": skill.get("promotion_status"),
        "reason": candidate.get("reason"),
        "source_ids": strings(candidate.get("source_ids")),
        **{name: strings(skill.get(name)) for name in lists},
        "safety": {
            "authority_state": skill.get("authority_state"),
            "agent_prompt_included": policy.get("agent_prompt_included"),
            "runtime_mutation": policy.get("runtime_mutation"),
            "required_gate": policy.get("required_gate"),
        },
        "candidate": candidate,
    }


def _said(fields: Json) -> dict[str, object]:
    """Without None; empty lists and objects were said on purpose."""
    return {name: value for name, value in fields.items() if value is not None}
