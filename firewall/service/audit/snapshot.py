"""`POST /v1/operator/snapshot` and `/v1/snapshot`: a run as an operator looks at it. Reads, and changes nothing.

What was recorded of the guide counts; what the host hands back fills in where nothing was, and where the two differ a
claim says so. Candidates and procedures are those of this scope that the caller may see.
"""

from collections.abc import Iterator

from msgspec import UNSET, UnsetType

from firewall.core.attribution import Exposure, bare_id
from firewall.core.state import State
from firewall.errors import CallerError
from firewall.service.audit.host_said import SaidReport
from firewall.service.audit.served_view import View, claims_of, of_context, of_exposure, of_rows, use_receipt
from firewall.service.audit.snapshot_answer import (
    ExecutionState,
    OperatorSnapshot,
    SnapshotAnswer,
    SnapshotEffect,
    SnapshotLearning,
    markdown_of,
)
from firewall.service.audit.snapshot_body import SnapshotBody
from firewall.service.audit.snapshot_procedure import procedure_of
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Reply, read_reply
from firewall.service.govern.response import Claim
from firewall.service.learning.exposures import exposure_of, reader_of
from firewall.service.strict_body import parsed

_SOURCES = SourceMap(
    routes_used=("/v1/operator/snapshot",),
    internal_surfaces_used=("exposure", "attribution", "procedure_queue"),
    omitted_internal_surfaces=("prompt_text", "raw_payload"),
)
_READ_ONLY = Claim(claim="the snapshot was read-only", status="pass", evidence="no memory was written")


async def snapshot(desk: Desk, call: Call) -> Reply:
    """CallerError 400 `snapshot_source_missing` without a guide or a context, 404 `guide_trace_unknown` where the
    guide is not known here and nothing else was given."""
    body = parsed(SnapshotBody, call.raw)
    key = call.key(body.tenant_id, body.scope)
    reader = reader_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    state = await desk.state(key, after=call.after)
    exposure = exposure_of(state, reader, body.guide_trace_id)
    told = list(_told(body))
    view = told[0] if exposure is None and told else None
    if exposure is not None:
        view = of_exposure(exposure, state, reader.viewer)
    if view is None:
        if body.guide_trace_id is None:
            raise CallerError(
                400, "snapshot_source_missing", "a guide_trace_id or an agent_context is needed"
            )
        raise CallerError(404, "guide_trace_unknown", "no guide of that trace id was served to this caller")
    seen = OperatorSnapshot(
        run_id=body.run_id,
        task_signature=body.task_signature,
        task_family=body.task_family,
        source=view.source,
        execution_state=ExecutionState(
            active_path=view.active,
            passed_solutions=view.passed,
            failed_branches=view.failed,
            rehydrate=view.on("rehydrate"),
        ),
        memory_use_receipt=use_receipt(view, attributed=_attributed(exposure)),
        trace_to_procedure=procedure_of(body, view, state, reader.viewer),
        learning_control=_learning(exposure, state),
        effect=_effect(body.effect_report),
        claims=(*claims_of(view, told), _of_this_run(view, body.run_id), _READ_ONLY),
    )
    return read_reply(
        SnapshotAnswer(
            tenant_id=key.tenant,
            scope=key.scope,
            operator_snapshot=seen,
            markdown=markdown_of(seen) if body.include_markdown else UNSET,
            source_map=_SOURCES,
        )
    )


def _told(body: SnapshotBody) -> Iterator[View]:
    trace_id = body.guide_trace_id or ""
    if body.agent_context is not None:
        yield of_context(body.agent_context, guide_trace_id=trace_id, run_id=body.run_id)
    if body.memory_decision_trace is not None:
        rows = body.memory_decision_trace.decisions
        yield of_rows("memory_decision_trace", rows, guide_trace_id=trace_id, run_id=body.run_id)


def _of_this_run(view: View, run_id: str) -> Claim:
    same = view.run_id in ("", run_id)
    return Claim(
        claim="the guide was served to this run",
        status="pass" if same else "warn",
        evidence=view.run_id or "the guide names no run",
    )


def _attributed(exposure: Exposure | None) -> tuple[str, ...]:
    if exposure is None:
        return ()
    return tuple(dict.fromkeys(one for given in exposure.feedback for one in given.memory_ids))


def _learning(exposure: Exposure | None, state: State) -> SnapshotLearning:
    feedback = () if exposure is None else tuple(exposure.feedback)
    items = () if exposure is None else exposure.served.items
    standings = [(item.memory_id, state.standings.get((item.upstream, bare_id(item)))) for item in items]
    return SnapshotLearning(
        feedback_count=len(feedback),
        supported_memory_ids=_of_outcome(exposure, "positive"),
        contradicted_memory_ids=_of_outcome(exposure, "negative"),
        demoted_memory_ids=tuple(one for one, standing in standings if standing and standing.demoted),
        inspect_candidate_memory_ids=tuple(
            one for one, standing in standings if standing and standing.inspect_candidate
        ),
    )


def _of_outcome(exposure: Exposure | None, outcome: str) -> tuple[str, ...]:
    feedback = () if exposure is None else tuple(exposure.feedback)
    return tuple(
        dict.fromkeys(one for given in feedback if given.outcome == outcome for one in given.memory_ids)
    )


def _effect(report: SaidReport | None) -> SnapshotEffect | UnsetType:
    if report is None:
        return UNSET
    impact, comparison = report.history_impact, report.comparison
    return SnapshotEffect(
        changed_future_behavior=impact is not None and impact.changed_future_behavior,
        impact_direction="insufficient_evidence" if impact is None else impact.impact_direction,
        sufficient_evidence=comparison is not None and comparison.sufficient_evidence,
        training_candidate_count=len(report.training_candidates),
    )
