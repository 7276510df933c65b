"""`POST /v1/audit/memory-decision-report` and `POST /v1/debug/memory-decision-trace`: what a guide decided, and why.

The trace is the decisions with their reason codes; the report adds counts and claims. Both are read from the recorded
exposure, else from the guide's answer as the host hands it back. Reads, and changes nothing.
"""

import msgspec

from firewall.core.attribution import Exposure
from firewall.core.events import ScopeKey
from firewall.errors import CallerError
from firewall.service.audit.answer import (
    DecisionCounts,
    DecisionReport,
    DecisionReportAnswer,
    DecisionTrace,
    DecisionTraceAnswer,
)
from firewall.service.audit.body import DecisionsBody
from firewall.service.audit.served_view import View, claims_of, of_context, of_exposure, summaries
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Reply, read_reply
from firewall.service.learning.exposures import exposure_of, reader_of
from firewall.service.strict_body import parsed

_SURFACES = ("exposure",)
_OMITTED = ("prompt_text", "raw_payload")


class _Found(msgspec.Struct, frozen=True):
    """A guide as the audit looks at it; `told` are the host's accounts of it."""

    key: ScopeKey
    view: View
    exposure: Exposure | None
    told: tuple[View, ...]


async def decision_trace(desk: Desk, call: Call) -> Reply:
    """Each decision of a guide with its reason codes. Errors as `_found` says."""
    found = await _found(desk, call)
    return read_reply(
        DecisionTraceAnswer(
            tenant_id=found.key.tenant,
            scope=found.key.scope,
            memory_decision_trace=DecisionTrace(
                guide_trace_id=found.view.guide_trace_id or None,
                run_id=found.view.run_id or None,
                source=found.view.source,
                decisions=summaries(found.view),
            ),
            source_map=_sources("/v1/debug/memory-decision-trace"),
        )
    )


async def decision_report(desk: Desk, call: Call) -> Reply:
    """The decisions of a guide, counted, with claims about them. Errors as `_found` says."""
    found = await _found(desk, call)
    view = found.view
    served = None if found.exposure is None else found.exposure.served
    counts = DecisionCounts(
        considered=len(view.decisions) if served is None else max(served.considered, len(served.items)),
        use_now=len(view.on("use_now")),
        inspect_before_use=len(view.on("inspect_before_use")),
        do_not_use=len(view.on("do_not_use")),
        rehydrate=len(view.on("rehydrate")),
        not_agent_facing=len(view.on("not_agent_facing")),
    )
    return read_reply(
        DecisionReportAnswer(
            tenant_id=found.key.tenant,
            scope=found.key.scope,
            memory_decision_report=DecisionReport(
                guide_trace_id=view.guide_trace_id or None,
                run_id=view.run_id or None,
                source=view.source,
                counts=counts,
                dropped_reason_codes=() if served is None else served.dropped,
                decisions=summaries(view),
                claims=claims_of(view, found.told),
                summary=view.summary,
            ),
            source_map=_sources("/v1/audit/memory-decision-report"),
        )
    )


async def _found(desk: Desk, call: Call) -> _Found:
    """CallerError 400 `nothing_to_replay` where no guide is named, 404 `guide_trace_unknown` where it is not known here
    and was not handed back."""
    body = parsed(DecisionsBody, call.raw)
    key = call.key(body.tenant_id, body.scope)
    reader = reader_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id)
    state = await desk.state(key, after=call.after)
    guide = None if body.product_trace is None else body.product_trace.after_guide
    trace_id = body.guide_trace_id or (guide and guide.guide_trace_id) or ""
    told: tuple[View, ...] = ()
    if guide is not None and guide.agent_context is not None:
        told = (of_context(guide.agent_context, guide_trace_id=trace_id, run_id="", source="product_trace"),)
    exposure = exposure_of(state, reader, trace_id)
    if exposure is not None:
        return _Found(key, of_exposure(exposure, state, reader.viewer), exposure, told)
    if told:
        return _Found(key, told[0], None, told)
    if not trace_id:
        raise CallerError(400, "nothing_to_replay", "name a guide_trace_id, or supply a guide")
    raise CallerError(404, "guide_trace_unknown", "no guide of that trace id was served to this caller")


def _sources(route: str) -> SourceMap:
    return SourceMap(
        routes_used=(route,), internal_surfaces_used=_SURFACES, omitted_internal_surfaces=_OMITTED
    )
