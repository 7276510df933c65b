"""Every call of the client, once. Bodies have the fields of the server's contract; answers are JSON objects.

A body's `tenant_id` and `scope` come before those of the client. `operation_id` makes a write safe to repeat.
"""

import urllib.parse
from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack

from firewall.client.candidates import Mapper
from firewall.client.errors import MemfwError
from firewall.client.face import Call
from firewall.client.feedback import Outcome, ToolStatus, VerifierStatus, feedback_from_guide
from firewall.client.govern import (
    GovernOptions,
    Results,
    govern_request,
    mem0_search_results_to_candidates,
    pinecone_matches_to_candidates,
    zep_search_results_to_candidates,
)
from firewall.client.inputs import (
    GuideInput,
    HandoffInput,
    MemoryInput,
    Reader,
    RecoverInput,
    StepInput,
)
from firewall.client.shapes import Json, compact
from firewall.client.steps import (
    guide_body,
    handoff_body,
    memory_body,
    reader_fields,
    recover_body,
    step_body,
)
from firewall.client.wire import Wire

OBSERVE = "/v1/observe"
GOVERN = "/v1/memory/govern"
FEEDBACK = "/v1/feedback"
CANDIDATES = "/v1/skills/candidates"

_JUDGED: dict[str, tuple[Outcome, VerifierStatus, ToolStatus]] = {
    "succeeded": ("positive", "passed", "succeeded"),
    "failed": ("negative", "failed", "failed"),
    "blocked": ("negative", "failed", "failed"),
    "interrupted": ("negative", "failed", "failed"),
    "unknown": ("neutral", "unknown", "unknown"),
}


class OutcomeReport(TypedDict):
    """What became of an observed outcome: the step as it was stored, and the feedback, if there was any."""

    observe: Json
    feedback: Json | None


def posting(path: str) -> Call[[Json], Json]:
    """The call that posts its body as it is."""

    async def post(wire: Wire, body: Json) -> Json:
        return await wire.post(path, body)

    post.__doc__ = f"POST {path}: the body has the fields of that route's contract."
    return Call(post)


async def _remember(wire: Wire, **memory: Unpack[MemoryInput]) -> Json:
    """Store something worth knowing that is no step of work."""
    return await wire.post(OBSERVE, memory_body(memory))


async def _observe_step(wire: Wire, **step: Unpack[StepInput]) -> Json:
    """Store a step of work: what was tried, by whom, and what came of it."""
    return await wire.post(OBSERVE, step_body(step))


async def _guide_for_role(wire: Wire, **question: Unpack[GuideInput]) -> Json:
    """Ask what this agent does next; feed it `agent_prompt_from_guide(answer)` and nothing else."""
    return await wire.post("/v1/guide", guide_body(question))


async def _handoff(wire: Wire, **handoff: Unpack[HandoffInput]) -> Json:
    """Store what the next agent needs to go on."""
    return await wire.post("/v1/handoff/store", handoff_body(handoff))


async def _recover_handoff(wire: Wire, **wanted: Unpack[RecoverInput]) -> Json:
    """Find a handoff by its anchor, id or URI."""
    return await wire.post("/v1/handoff/recover", recover_body(wanted))


async def _observe_outcome(
    wire: Wire,
    *,
    guide: Json | None = None,
    used_memory_ids: Sequence[str] = (),
    feedback: bool = True,
    reason: str | None = None,
    runtime_signal_refs: Sequence[str] = (),
    **step: Unpack[StepInput],
) -> OutcomeReport:
    """Store a step and credit the memory that it used. What cannot be credited is refused before anything is stored."""
    body = None
    if feedback and used_memory_ids:
        body = _outcome_feedback(guide, used_memory_ids, reason, runtime_signal_refs, step)
    observed = await wire.post(OBSERVE, step_body(step))
    return {"observe": observed, "feedback": None if body is None else await wire.post(FEEDBACK, body)}


def _outcome_feedback(
    guide: Json | None,
    used_memory_ids: Sequence[str],
    reason: str | None,
    runtime_signal_refs: Sequence[str],
    step: StepInput,
) -> dict[str, object]:
    if guide is None:
        raise MemfwError(
            "guide_feedback_attribution_missing", "memory is credited by the guide that served it"
        )
    if not step.get("run_id"):
        raise MemfwError("guide_feedback_run_missing", "memory is credited for a run: name its run_id")
    outcome, verifier, tool = _JUDGED[step.get("outcome", "unknown")]
    return feedback_from_guide(
        guide,
        run_id=step["run_id"],
        outcome=outcome,
        reason=reason or step.get("summary") or step["title"],
        used_memory_ids=used_memory_ids,
        actor=step["agent_id"],
        operation_id=step.get("operation_id"),
        verifier_status=verifier,
        tool_status=tool,
        runtime_signal_refs=runtime_signal_refs,
    )


async def _list(
    wire: Wire,
    status: Literal["pending", "promoted", "rejected", "all"] = "pending",
    **reader: Unpack[Reader],
) -> Json:
    """The skill candidates of one review status."""
    return await wire.get(CANDIDATES, {"status": status, **reader_fields(reader)})


async def _promote(
    wire: Wire, candidate_id: str, *, reviewer_id: str, review_reason: str, **reader: Unpack[Reader]
) -> Json:
    """A reviewer's yes. It changes the candidate's status and no memory."""
    said = {"reviewer_id": reviewer_id, "review_reason": review_reason, **reader_fields(reader)}
    return await wire.post(_candidate(candidate_id, "promote"), said)


async def _reject(
    wire: Wire, candidate_id: str, *, reviewer_id: str, review_reason: str, **reader: Unpack[Reader]
) -> Json:
    """A reviewer's no, for good."""
    said = {"reviewer_id": reviewer_id, "review_reason": review_reason, **reader_fields(reader)}
    return await wire.post(_candidate(candidate_id, "reject"), said)


async def _materialize(wire: Wire, candidate_id: str, **reader: Unpack[Reader]) -> Json:
    """The draft of a promoted candidate. Writes nothing: what it recommends still has to be observed."""
    return await wire.post(_candidate(candidate_id, "materialize"), reader_fields(reader))


async def _observe_materialized(wire: Wire, materialized: Json) -> Json:
    """Observe what `materialize` recommends; from then on it can be recalled, like everything else."""
    payload = materialized.get("recommended_observe_payload")
    if not isinstance(payload, dict):
        raise MemfwError("skill_candidate_payload_missing", "this is no answer of materialize")
    place = {name: materialized.get(name) for name in ("tenant_id", "scope")}
    return await wire.post(OBSERVE, {**compact(place), **payload})


def _candidate(candidate_id: str, verb: str) -> str:
    return f"{CANDIDATES}/{urllib.parse.quote(candidate_id, safe='')}/{verb}"


async def _govern_mem0(
    wire: Wire,
    query_text: str,
    mem0_results: Results,
    *,
    mapper: Mapper | None = None,
    **request: Unpack[GovernOptions],
) -> Json:
    """Govern what a Mem0 search found."""
    candidates = mem0_search_results_to_candidates(mem0_results, mapper)
    return await wire.post(GOVERN, govern_request(query_text, candidates, request))


async def _govern_zep(
    wire: Wire,
    query_text: str,
    zep_results: Results,
    *,
    mapper: Mapper | None = None,
    **request: Unpack[GovernOptions],
) -> Json:
    """Govern what a Zep graph search found."""
    candidates = zep_search_results_to_candidates(zep_results, mapper)
    return await wire.post(GOVERN, govern_request(query_text, candidates, request))


async def _govern_pinecone(
    wire: Wire,
    query_text: str,
    matches: Results,
    *,
    mapper: Mapper | None = None,
    **request: Unpack[GovernOptions],
) -> Json:
    """Govern what a Pinecone query or search found."""
    candidates = pinecone_matches_to_candidates(matches, mapper)
    return await wire.post(GOVERN, govern_request(query_text, candidates, request))


class ExecutionCalls:
    """Steps of work, the guide for the next one, and handoffs."""

    observe_step = Call(_observe_step)
    guide_for_role = Call(_guide_for_role)
    handoff = Call(_handoff)
    recover_handoff = Call(_recover_handoff)


class SkillCalls:
    """The review queue of trace-derived skills."""

    queue = posting(CANDIDATES)
    list = Call(_list)
    promote = Call(_promote)
    reject = Call(_reject)
    materialize = Call(_materialize)


class MemoryCalls:
    """The calls of the client itself."""

    observe = posting(OBSERVE)
    remember = Call(_remember)
    guide = posting("/v1/guide")
    feedback = posting(FEEDBACK)
    measure = posting("/v1/measure")
    snapshot = posting("/v1/operator/snapshot")
    rehydrate = posting("/v1/rehydrate")
    forget = posting("/v1/forget")
    resolve = posting("/v1/memory/resolve")
    flight_recorder = posting("/v1/audit/flight-recorder")
    observe_outcome = Call(_observe_outcome)
    observe_materialized_skill_candidate = Call(_observe_materialized)
    govern_memory = posting(GOVERN)
    govern_mem0_search_results = Call(_govern_mem0)
    govern_zep_search_results = Call(_govern_zep)
    govern_pinecone_matches = Call(_govern_pinecone)
