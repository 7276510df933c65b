"""`POST /v1/measure`: what memory did for a run, computed from the guide and the feedback that we recorded.

The caller names a guide; its copy of it, and what it claims of its evidence, count for nothing. A guide that the caller
may not see does not exist. Every measurement is stored with the skills that it gives, for the review queue.
"""

from msgspec import UNSET

from firewall.core.attribution import Exposure
from firewall.core.events import ScopeKey
from firewall.core.evidence import Measured
from firewall.core.measure.kernels import Thresholds
from firewall.core.measure.measurement import (
    Compared,
    Measurement,
    measure_by_hand,
    measure_trial,
    measure_unknown,
)
from firewall.core.measure.skills import Task
from firewall.core.measure.trial import Trial, read_trial
from firewall.core.state import State
from firewall.core.visibility import Audience
from firewall.errors import Issue
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Reply, Work, digest_of, operation_of
from firewall.service.identity import audience_of
from firewall.service.learning.exposures import Reader, exposure_of, reader_of
from firewall.service.learning.measure_answer import (
    ClaimsIgnored,
    MeasureAnswer,
    assessed,
    digest_of_report,
    measured_input,
)
from firewall.service.learning.measure_body import MeasureBody, ProductTrace
from firewall.service.strict_body import decode, invalid, validated

ROUTE = "POST /v1/measure"


async def measure(desk: Desk, call: Call) -> Reply:
    """Measure a run and store the measurement."""
    decoded = decode(call.raw)
    body = validated(MeasureBody, decoded)
    _require_one_source(body)
    key = call.key(body.tenant_id, body.scope)
    reader = reader_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    operation = operation_of(key, call, ROUTE, body.operation_id, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    state = await desk.state(key, after=call.after)
    now = desk.now()
    trace = body.product_trace
    exposure = None if trace is None else exposure_of(state, reader, trace.after_trace)
    measurement = _measured(state, body, exposure, reader, now)
    answer = MeasureAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        measurement_id=f"ms-{desk.new_id()}",
        measurement_digest=_digest(key, body, measurement),
        evidence_assessment=assessed(measurement, _claims(trace)),
        measurement_input=measured_input(measurement),
        effect_report=measurement.report,
        kernel_report=measurement.kernels or UNSET,
        source_map=SourceMap(
            routes_used=("/v1/measure",),
            internal_surfaces_used=("exposures", "feedback", "execution_state") if exposure else (),
            omitted_internal_surfaces=("prompt_text", "raw_slots"),
        ),
    )
    event = Measured(
        measurement_id=answer.measurement_id,
        digest=answer.measurement_digest,
        report_sha256=digest_of_report(measurement.report),
        guide_trace_id="" if exposure is None else exposure.served.guide_trace_id,
        run_id=body.task.run_id,
        task_signature=body.task.task_signature,
        sufficient=measurement.assessment.sufficient,
        skills=measurement.skills,
        audience=_audience(call, body) if exposure is None else exposure.served.audience,
        principal=call.principal.name,
        at=now,
    )
    return await desk.store(key, Work([event], answer), operation)


def _require_one_source(body: MeasureBody) -> None:
    """Either guides or both observations; CallerError 400 otherwise."""
    told = {"baseline": body.baseline, "aionis": body.aionis}
    by_hand = [name for name, part in told.items() if part is not None]
    if body.product_trace is not None and by_hand:
        raise invalid([Issue(name, "Not together with product_trace") for name in by_hand])
    if body.product_trace is None and not by_hand:
        raise invalid([Issue("product_trace", "Field required, or baseline and aionis")])
    if body.product_trace is None and len(by_hand) < len(told):
        raise invalid([Issue(name, "Field required") for name in told if name not in by_hand])


def _measured(
    state: State, body: MeasureBody, exposure: Exposure | None, reader: Reader, now: float
) -> Measurement:
    task, asked = _task(body), Thresholds(body.min_effect_delta, body.min_aionis_score)
    compared = Compared(**body.comparison.model_dump())
    if body.baseline is not None and body.aionis is not None:
        return measure_by_hand(
            task, compared, asked, body.baseline.counted("baseline"), body.aionis.counted("aionis")
        )
    if exposure is None or body.product_trace is None:
        return measure_unknown(task, compared, asked)
    trial = _trial(state, exposure, task.run_id, task, now)
    before = exposure_of(state, reader, body.product_trace.before_trace)
    earlier = (
        None
        if before is None
        else _trial(state, before, compared.baseline_run_id or before.served.run_id, task, now)
    )
    return measure_trial(task, compared, asked, trial, earlier)


def _trial(state: State, exposure: Exposure, run_id: str, task: Task, now: float) -> Trial:
    return read_trial(state, exposure, run_id=run_id, task_signature=task.task_signature, now=now)


def _task(body: MeasureBody) -> Task:
    return Task(**body.task.model_dump())


def _claims(trace: ProductTrace | None) -> ClaimsIgnored:
    return ClaimsIgnored(
        sufficient_evidence=None if trace is None else trace.sufficient_evidence,
        evidence_id_count=0 if trace is None else len(trace.evidence_ids or ()),
    )


def _digest(key: ScopeKey, body: MeasureBody, measurement: Measurement) -> str:
    """Of everything that the report was computed from, and of nothing that the caller only claims."""
    trace = body.product_trace
    inputs = {
        "scope": [key.tenant, key.scope],
        "task": body.task.model_dump(),
        "comparison": body.comparison.model_dump(),
        "thresholds": [body.min_effect_delta, body.min_aionis_score],
        "guides": None if trace is None else [trace.before_trace, trace.after_trace],
        "input": measured_input(measurement),
        "provenance": measurement.assessment.provenance,
        "evidence_ids": measurement.assessment.evidence_ids,
    }
    return digest_of(inputs)


def _audience(call: Call, body: MeasureBody) -> Audience:
    """Of a measurement that belongs to no guide: whoever measured."""
    return audience_of(
        call.principal, lane=None, writer=body.consumer_agent_id, owner_team=body.consumer_team_id
    )
