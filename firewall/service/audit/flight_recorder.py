"""`POST /v1/audit/flight-recorder`: what could the agent see when it decided, and what came of it.

The recorded exposure answers, with the feedback that was given on it up to the time of the decision; where nothing was
recorded the host's own account is replayed, and marked as such. Reads, and changes nothing.
"""

from collections.abc import Iterator, Sequence

from firewall.core.attribution import Exposure
from firewall.errors import CallerError
from firewall.service.audit.answer import AgentView, Attribution, Blocked, FlightAnswer, FlightRecorder
from firewall.service.audit.body import FlightBody
from firewall.service.audit.served_view import View, claims_of, of_context, of_exposure, of_rows
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Reply, read_reply
from firewall.service.govern.response import Claim
from firewall.service.learning.exposures import exposure_of, exposure_of_run, reader_of
from firewall.service.moments import iso
from firewall.service.strict_body import parsed

_SOURCES = SourceMap(
    routes_used=("/v1/audit/flight-recorder",),
    internal_surfaces_used=("exposure", "attribution"),
    omitted_internal_surfaces=("prompt_text", "raw_rows", "raw_slots", "vectors"),
)

#: (outcome, memory ids) of each feedback.
Said = tuple[str, Sequence[str]]


async def flight_recorder(desk: Desk, call: Call) -> Reply:
    """CallerError 400 `nothing_to_replay` where no guide is named and nothing supplied, 404 `guide_trace_unknown`
    where the one that is named is not known here and nothing was supplied."""
    body = parsed(FlightBody, call.raw)
    key = call.key(body.tenant_id, body.scope)
    reader = reader_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    state = await desk.state(key, after=call.after)
    trace_id = _trace_id(body)
    exposure = exposure_of(state, reader, trace_id)
    if trace_id is None and body.run_id is not None:
        exposure = exposure_of_run(state, reader, body.run_id, until=body.until)
    told = list(_told(body, trace_id or ""))
    if exposure is not None:
        view = of_exposure(exposure, state, reader.viewer)
    elif told:
        view = told[0]
    elif trace_id is None and body.run_id is None:
        raise CallerError(400, "nothing_to_replay", "name a guide_trace_id or a run_id, or supply a record")
    else:
        raise CallerError(
            404, "guide_trace_unknown", "no guide of that trace or run was served to this caller"
        )
    recorder = _recorder(body, view, exposure, told)
    return read_reply(
        FlightAnswer(
            tenant_id=key.tenant, scope=key.scope, agent_flight_recorder=recorder, source_map=_SOURCES
        )
    )


def _recorder(
    body: FlightBody, view: View, exposure: Exposure | None, told: Sequence[View]
) -> FlightRecorder:
    until, served_at = body.until, None if exposure is None else exposure.served.at
    feedback, from_host = _feedback(body, exposure)
    attribution = _attribution(view, feedback)
    claims = [*claims_of(view, told)]
    if until is not None and served_at is not None:
        early = served_at <= until
        claims.append(
            Claim(
                claim="the guide was served before the decision",
                status="pass" if early else "fail",
                evidence=iso(served_at),
            )
        )
    if attribution.present:
        source = "host_supplied" if from_host else "persisted_feedback"
        claims.append(
            Claim(
                claim="the feedback was recorded here",
                status="warn" if from_host else "pass",
                evidence=source,
            )
        )
    return FlightRecorder(
        guide_trace_id=view.guide_trace_id or None,
        run_id=body.run_id or view.run_id or None,
        decision_time=None if until is None else iso(until),
        served_at=None if served_at is None else iso(served_at),
        offset=None if exposure is None else exposure.offset,
        agent_view=AgentView(
            exposed_memory_ids=view.exposed,
            use_now_memory_ids=view.on("use_now"),
            inspect_before_use_memory_ids=view.on("inspect_before_use"),
            do_not_use_memory_ids=view.on("do_not_use"),
            rehydrate_memory_ids=view.on("rehydrate"),
        ),
        blocked_or_suppressed=tuple(
            Blocked(memory_id=one.memory_id, agent_surface=one.surface, reason_codes=one.reasons)
            for one in view.decisions
            if one.surface == "do_not_use"
        ),
        attribution=attribution,
        replay_sources=(
            *((view.source,) if exposure is not None else ()),
            *(account.source for account in told),
            *(("feedback_result",) if attribution.present and from_host else ()),
        ),
        claims=tuple(claims),
        source_map=_SOURCES,
        summary=view.summary,
    )


def _trace_id(body: FlightBody) -> str | None:
    """The guide that is meant: named, or that of the first record that names one."""
    guide = None if body.product_trace is None else body.product_trace.after_guide
    for record in (guide, body.memory_use_receipt, body.memory_decision_trace):
        if body.guide_trace_id is None and record is not None and record.guide_trace_id:
            return record.guide_trace_id
    return body.guide_trace_id


def _told(body: FlightBody, trace_id: str) -> Iterator[View]:
    """The host's accounts, the fullest first."""
    run_id = body.run_id or ""
    guide = None if body.product_trace is None else body.product_trace.after_guide
    snapshot = body.operator_snapshot
    if body.agent_context is not None:
        yield of_context(body.agent_context, guide_trace_id=trace_id, run_id=run_id)
    if guide is not None and guide.agent_context is not None:
        yield of_context(guide.agent_context, guide_trace_id=trace_id, run_id=run_id, source="product_trace")
    if (receipt := body.memory_use_receipt) is not None:
        rows = receipt.decision_summaries
        yield of_rows("memory_use_receipt", rows, guide_trace_id=trace_id, run_id=run_id, receipt=receipt)
    if body.memory_decision_trace is not None:
        rows = body.memory_decision_trace.decisions
        yield of_rows("memory_decision_trace", rows, guide_trace_id=trace_id, run_id=run_id)
    if body.memory_admission_record is not None:
        rows = body.memory_admission_record.entries
        yield of_rows("memory_admission_record", rows, guide_trace_id=trace_id, run_id=run_id)
    if snapshot is not None and (receipt := snapshot.memory_use_receipt) is not None:
        rows = receipt.decision_summaries
        yield of_rows("operator_snapshot", rows, guide_trace_id=trace_id, run_id=run_id, receipt=receipt)


def _feedback(body: FlightBody, exposure: Exposure | None) -> tuple[list[Said], bool]:
    """The feedback of the run up to the decision, and whether only the host tells of it. A record that there is
    speaks alone: what came after the decision does not come back by the host's word."""
    given = [] if exposure is None else exposure.feedback
    recorded = [one for one in given if body.run_id is None or one.run_id == body.run_id]
    if recorded:
        until = body.until
        said = [(one.outcome, one.memory_ids) for one in recorded if until is None or one.at <= until]
        return [(outcome, ids) for outcome, ids in said], False
    host = body.feedback_result
    if host is None or host.said is None or (body.run_id and host.run_id not in (None, body.run_id)):
        return [], False
    return [(host.said, host.ids)], True


def _attribution(view: View, feedback: Sequence[Said]) -> Attribution:
    if not feedback:
        return Attribution(present=False)
    exposed = set(view.exposed)
    outcomes = {outcome for outcome, _ in feedback}
    used = _ids(feedback, "positive", "negative", "neutral")
    credited = set(used) & exposed
    return Attribution(
        present=True,
        outcome=outcomes.pop() if len(outcomes) == 1 else "mixed",
        used_memory_ids=used,
        attributed_memory_ids=tuple(one for one in used if one in credited),
        unattributed_memory_ids=tuple(one for one in view.exposed if one not in credited),
        supported_memory_ids=tuple(one for one in _ids(feedback, "positive") if one in credited),
        contradicted_memory_ids=tuple(one for one in _ids(feedback, "negative") if one in credited),
    )


def _ids(feedback: Sequence[Said], *outcomes: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for outcome, ids in feedback if outcome in outcomes for one in ids))
