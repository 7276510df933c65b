"""The skill candidate routes: queue, list, promote, reject, materialize.

Nothing here changes a memory. Queuing takes the skills of a measurement that we stored, never the caller's copy; a review
changes a row's status; materializing makes a draft and writes nothing. A row that the caller may not see does not exist.
"""

from typing import Literal

from firewall.core.evidence import Measured, SkillReviewed, SkillsQueued
from firewall.core.procedure import ReviewRow, queued, refusals, reviewed
from firewall.core.state import State
from firewall.errors import CallerError, Issue
from firewall.service.contract import SourceMap
from firewall.service.desk import Call, Desk, Reply, Work, operation_of, read_reply
from firewall.service.learning.exposures import Reader, reader_of
from firewall.service.learning.measure_answer import report_digest
from firewall.service.learning.skills_answer import (
    ListAnswer,
    MaterializeAnswer,
    QueueAnswer,
    ReviewAnswer,
    draft_of,
    payload_of,
    shown_row,
)
from firewall.service.learning.skills_body import (
    Addressed,
    MaterializeBody,
    QueueBody,
    ReviewBody,
    list_query,
)
from firewall.service.principals import Principal, Role
from firewall.service.strict_body import decode, invalid, validated

QUEUE = "POST /v1/skills/candidates"
_REVIEWERS = frozenset({Role.reviewer, Role.admin})


async def queue(desk: Desk, call: Call) -> Reply:
    """Put the skills of a measurement up for review; those that are there are brought up to date."""
    decoded = decode(call.raw)
    body = validated(QueueBody, decoded)
    if (body.measure_result is None) == (body.effect_report is None):
        raise invalid([Issue("measure_result", "Exactly one of measure_result, effect_report is needed")])
    key = call.key(body.tenant_id, body.scope)
    reader = _reader(call, body)
    operation = operation_of(key, call, QUEUE, body.operation_id, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    state = await desk.state(key, after=call.after)
    measured = _measurement(state, reader, body)
    event = SkillsQueued(measurement_id=measured.measurement_id, principal=call.principal.name, at=desk.now())
    rows = state.procedures.rows
    items = tuple(
        shown_row(queued(rows.get(skill.candidate_id), skill, event), key.tenant, key.scope)
        for skill in measured.skills
    )
    answer = QueueAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        measurement_id=measured.measurement_id,
        queued_count=len(items),
        candidates=items,
        source_map=_map("/v1/skills/candidates"),
    )
    return await desk.store(key, Work([event] if items else [], answer), operation)


async def listed(desk: Desk, call: Call) -> Reply:
    """The rows of the queue that the caller may see, oldest first."""
    query = list_query(call.query)
    key = call.key(query.tenant_id, query.scope)
    reader = _reader(call, query)
    state = await desk.state(key, after=call.after)
    found = [
        row
        for row in state.procedures.rows.values()
        if query.status in {"all", row.status} and _sees_row(state, reader, row)
    ]
    answer = ListAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        status=query.status,
        count=len(found),
        candidates=tuple(shown_row(row, key.tenant, key.scope) for row in found[: query.limit]),
        source_map=_map("/v1/skills/candidates"),
    )
    return read_reply(answer)


async def promote(desk: Desk, call: Call) -> Reply:
    """Say that a candidate may be materialized: intent, no memory."""
    return await _review(desk, call, "promoted", "promote")


async def reject(desk: Desk, call: Call) -> Reply:
    """Take a candidate out, for good."""
    return await _review(desk, call, "rejected", "reject")


async def materialize(desk: Desk, call: Call) -> Reply:
    """The draft of a promoted candidate, and what the host may observe; writes nothing. An empty body is an empty one."""
    body = validated(MaterializeBody, decode(call.raw) if call.raw else {})
    key = call.key(body.tenant_id, body.scope)
    reader = _reader(call, body)
    state = await desk.state(key, after=call.after)
    row = _row(state, reader, call)
    reasons = refusals(row)
    if reasons:
        raise CallerError(
            409,
            "skill_candidate_not_materializable",
            "this candidate cannot become a procedure yet",
            issues=[Issue("reasons", reason) for reason in reasons],
        )
    answer = MaterializeAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        candidate_id=row.skill.candidate_id,
        draft=draft_of(row),
        recommended_observe_payload=payload_of(row.skill, key.tenant, key.scope),
        source_map=_map("/v1/skills/candidates/{candidate_id}/materialize"),
    )
    return read_reply(answer)


async def _review(
    desk: Desk, call: Call, decision: Literal["promoted", "rejected"], word: Literal["promote", "reject"]
) -> Reply:
    decoded = decode(call.raw)
    body = validated(ReviewBody, decoded)
    key = call.key(body.tenant_id, body.scope)
    _require_reviewer(call.principal)
    reader = _reader(call, body)
    # The candidate is part of what is done: one operation id is not the same operation on two of them.
    route = f"POST /v1/skills/candidates/{word}"
    asked = {"candidate_id": call.params["candidate_id"], "body": decoded}
    operation = operation_of(key, call, route, body.operation_id, asked)
    done = await desk.before(operation)
    if done is not None:
        return done
    state = await desk.state(key, after=call.after)
    row = _row(state, reader, call)
    if row.status == "rejected" and decision == "promoted":
        raise CallerError(409, "skill_candidate_rejected", "a rejected candidate cannot be promoted")
    event = SkillReviewed(
        candidate_id=row.skill.candidate_id,
        decision=decision,
        reviewer_id=body.reviewer_id,
        review_reason=body.review_reason,
        principal=call.principal.name,
        at=desk.now(),
    )
    answer = ReviewAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        candidate=shown_row(reviewed(row, event), key.tenant, key.scope),
        source_map=_map(f"/v1/skills/candidates/{{candidate_id}}/{word}"),
    )
    # Rejected is for good: saying it again is true already, and stores nothing.
    return await desk.store(key, Work([] if row.status == "rejected" else [event], answer), operation)


def _measurement(state: State, reader: Reader, body: QueueBody) -> Measured:
    """The stored measurement that is meant. CallerError 404 `measurement_unknown`, 409 `measurement_mismatch` where the
    report that came with its id is not the one that we gave."""
    stored = state.procedures.measurements
    if body.measure_result is None:
        digest = report_digest(body.effect_report)
        found = next(
            (one for one in reversed(stored.values()) if one.report_sha256 == digest and _sees(reader, one)),
            None,
        )
    else:
        name = body.measure_result.get("measurement_id")
        if not isinstance(name, str):
            raise invalid([Issue("measure_result.measurement_id", "A string is needed")])
        found = stored.get(name)
    if found is None or not _sees(reader, found):
        raise CallerError(404, "measurement_unknown", "this measurement is not known here")
    report = None if body.measure_result is None else body.measure_result.get("effect_report")
    if report is not None and report_digest(report) != found.report_sha256:
        raise CallerError(409, "measurement_mismatch", "the effect report is not the one of this measurement")
    return found


def _row(state: State, reader: Reader, call: Call) -> ReviewRow:
    row = state.procedures.rows.get(call.params["candidate_id"])
    if row is None or not _sees_row(state, reader, row):
        raise CallerError(404, "skill_candidate_unknown", "this skill candidate is not known here")
    return row


def _require_reviewer(principal: Principal) -> None:
    if principal.role not in _REVIEWERS and "reviewer" not in principal.may_act_as:
        raise CallerError(403, "role_denied", "this key may not review")


def _reader(call: Call, asked: Addressed) -> Reader:
    return reader_of(call.principal, agent=asked.consumer_agent_id, team=asked.consumer_team_id)


def _sees(reader: Reader, measured: Measured) -> bool:
    """As of a guide: it is for its audience, and for the key that measured it."""
    return reader.viewer.sees(measured.audience) or (bool(reader.key) and measured.principal == reader.key)


def _sees_row(state: State, reader: Reader, row: ReviewRow) -> bool:
    measured = state.procedures.measurements.get(row.measurement_id)
    return reader.viewer.sees(row.skill.audience) or (measured is not None and _sees(reader, measured))


def _map(route: str) -> SourceMap:
    return SourceMap(
        routes_used=(route,),
        internal_surfaces_used=("skill_review_queue",),
        omitted_internal_surfaces=("agent_prompt",),
    )
