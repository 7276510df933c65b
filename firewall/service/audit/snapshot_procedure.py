"""How far a run's way has come to a reusable procedure, as a snapshot shows it. It decides nothing and changes nothing.

The review queue of the scope and the evidence that was served count; a measurement that the host hands back is its own
word, and can show a candidate but never a procedure.
"""

from firewall.core.procedure import ReviewRow
from firewall.core.state import State
from firewall.core.visibility import Viewer
from firewall.service.audit.served_view import View
from firewall.service.audit.snapshot_answer import Promotion, TraceToProcedure
from firewall.service.audit.snapshot_body import SnapshotBody

_MOST = 256

_REASONS: dict[Promotion, str] = {
    "stable_ready": "a procedure was served for use",
    "blocked": "every candidate was rejected, or may not be exported",
    "candidate_only": "there are candidates; none was materialized and observed",
    "insufficient_evidence": "the measurement does not suffice",
    "not_applicable": "no procedure and no candidate belongs to this run",
}


def procedure_of(body: SnapshotBody, view: View, state: State, viewer: Viewer) -> TraceToProcedure:
    """`trace_to_procedure` of a snapshot."""
    procedures = _procedures(view, state, viewer)
    rows = _rows(body, view, state, viewer)
    report = body.effect_report
    skills = [
        one
        for one in (() if report is None else report.training_candidates)
        if one.candidate_type == "trace_derived_skill"
    ]
    blocked = sum(row.status == "rejected" for row in rows) + sum(not one.export_ready for one in skills)
    candidates = len(rows) + len(skills)
    unproven = report is not None and not (report.comparison and report.comparison.sufficient_evidence)
    stable = not set(procedures).isdisjoint(view.on("use_now"))
    status = _status(stable=stable, candidates=candidates, blocked=blocked, unproven=unproven)
    surfaces = (
        ("workflow_projection", bool(view.workflows)),
        ("execution_contract", bool(procedures)),
        ("memory_decision_trace", body.memory_decision_trace is not None),
        ("promotion_evidence", bool(candidates)),
    )
    workflows = [*view.workflows, *(row.skill.workflow_signature for row in rows)]
    refs = [ref for row in rows for ref in row.skill.evidence_refs]
    refs += [
        ref for one in skills if one.trace_derived_skill for ref in one.trace_derived_skill.evidence_refs
    ]
    return TraceToProcedure(
        present=bool(procedures or candidates),
        source_surfaces=tuple(name for name, there in surfaces if there),
        procedure_memory_ids=procedures,
        workflow_ids=tuple(dict.fromkeys(filter(None, workflows)))[:_MOST],
        evidence_refs=tuple(dict.fromkeys(refs))[:_MOST],
        candidate_visible=bool(candidates),
        stable_reuse_visible=stable,
        promotion_status=status,
        promotion_blocked_count=blocked,
        reason=_REASONS[status],
    )


def _status(*, stable: bool, candidates: int, blocked: int, unproven: bool) -> Promotion:
    if stable:
        return "stable_ready"
    if candidates:
        return "blocked" if blocked == candidates else "candidate_only"
    return "insufficient_evidence" if unproven else "not_applicable"


def _procedures(view: View, state: State, viewer: Viewer) -> tuple[str, ...]:
    """Those of the served memories that are procedures."""
    nodes = state.evidence.nodes
    return tuple(
        one
        for one in view.exposed
        if (node := nodes.get(one)) is not None
        and node.node_type == "procedure"
        and viewer.sees(node.audience)
    )


def _rows(body: SnapshotBody, view: View, state: State, viewer: Viewer) -> list[ReviewRow]:
    """The candidates of this task, or of this guide, in the review queue."""
    return [
        row
        for row in state.procedures.rows.values()
        if viewer.sees(row.skill.audience)
        and (
            row.skill.task_signature == body.task_signature
            or (bool(view.guide_trace_id) and view.guide_trace_id in row.skill.source_trace_ids)
        )
    ]
