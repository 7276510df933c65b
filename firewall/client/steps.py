"""From keyword arguments to request bodies. All of it pure.

observe_step       a step of work and its outcome    POST /v1/observe
remember           something worth knowing           POST /v1/observe
guide_for_role     what does this agent do next?     POST /v1/guide
handoff            what the next one needs           POST /v1/handoff/store
recover_handoff    and finds                         POST /v1/handoff/recover
"""

from collections.abc import Sequence

from firewall.client.errors import MemfwError
from firewall.client.inputs import (
    GuideInput,
    HandoffInput,
    Lane,
    MemoryInput,
    Named,
    Reader,
    RecoverInput,
    StepInput,
)
from firewall.client.shapes import Json, compact

_NODE_TYPES = {
    "fact": "concept",
    "project_context": "concept",
    "preference": "self_model",
    "procedure": "procedure",
    "event": "event",
    "evidence": "evidence",
}
_TITLE_CHARS = 80
_TASK_FIELDS = ("run_id", "task_id", "task_family", "task_signature", "workflow_signature")
_STEP_FIELDS = (
    *_TASK_FIELDS,
    "client_id",
    "title",
    "summary",
    "workflow_steps",
    "target_files",
    "tool_set",
    "acceptance_checks",
    "verifier",
    "continuation_hint",
    "resume_hint",
    "reuse_hint",
    "salience",
    "importance",
    "confidence",
    "evidence_ref",
    "raw_ref",
    "evidence",
    "artifacts",
    "verification",
)


def step_body(step: StepInput) -> dict[str, object]:
    """The observation of one step. MemfwError where nobody speaks, or a team is meant and not named."""
    outcome = step.get("outcome", "unknown")
    said = step.get("summary", "")
    result = None
    if outcome != "unknown":
        evidence_ref = step.get("evidence_ref")
        result = compact(
            {
                "status": "passed" if outcome == "succeeded" else outcome,
                "summary": said or step["title"],
                "evidence_refs": [evidence_ref] if evidence_ref else None,
            }
        )
    slots = {
        **compact({"task_signature": step.get("task_signature"), "execution_result_summary": result}),
        **step.get("slots", {}),
    }
    execution = {
        **_picked(step, _STEP_FIELDS),
        "outcome": outcome,
        **compact({"slots": slots}),
        **step.get("execution", {}),
    }
    return compact(
        {
            **_writer(step, step.get("memory_lane")),
            "agent_role": step.get("role", "agent"),
            "auto_embed": step.get("auto_embed", True),
            "input_text": "\n".join(part for part in (step["title"], said) if part),
            "execution": execution,
        }
    )


def memory_body(memory: MemoryInput) -> dict[str, object]:
    """The observation of a memory. MemfwError for one without text."""
    text = memory["text"].strip()
    if not text:
        raise MemfwError("memory_text_empty", "there is nothing to remember")
    node = {
        "type": _NODE_TYPES[memory.get("kind", "fact")],
        "title": memory.get("title") or text.partition("\n")[0][:_TITLE_CHARS],
        "text_summary": text,
        **_picked(memory, ("client_id", "confidence", "target_files", "evidence_ref", "raw_ref")),
        "slots": {
            "memory_kind": "general_memory",
            "lifecycle_state": memory.get("lifecycle_state", "active"),
            "compression_layer": memory.get("compression_layer", "L2"),
            **memory.get("slots", {}),
        },
    }
    return {
        **_writer(memory, memory.get("memory_lane")),
        "memory_kind": "general_memory",
        "memory": node,
    }


def guide_body(question: GuideInput) -> dict[str, object]:
    """The request for a guide, in the name of one agent."""
    context = _picked(question, ("task_id", "task_signature", "task_family", "workflow_signature"))
    options = (
        "query_text",
        "run_id",
        "context_mode",
        "context_char_budget",
        "context_token_budget",
        "tool_candidates",
        "sources",
    )
    return {
        **_picked(question, ("tenant_id", "scope", "operation_id", *options)),
        **compact({"context": context}),
        "agent_role": question.get("role", "agent"),
        "consumer_agent_id": _agent(question),
        **compact({"consumer_team_id": question.get("team_id")}),
        "limit": question.get("limit", 10),
        "include_packets": question.get("include_packets", True),
        **question.get("options", {}),
    }


def handoff_body(handoff: HandoffInput) -> dict[str, object]:
    """The handoff to store. Without an anchor of its own it is found by task, run and agent."""
    agent = _agent(handoff)
    hint = handoff.get("continuation_hint")
    anchor = ":".join((handoff.get("task_signature", ""), handoff.get("run_id", ""), agent))
    details = (
        *_TASK_FIELDS,
        "handoff_target",
        "file_path",
        "repo_root",
        "symbol",
        "risk",
        "acceptance_checks",
        "tags",
        "target_files",
        "must_change",
        "must_keep",
        "must_remove",
    )
    return {
        **_writer(handoff, handoff.get("memory_lane")),
        "actor": agent,
        "agent_role": handoff.get("role", "agent"),
        "anchor": handoff.get("anchor") or anchor,
        "handoff_kind": handoff.get("handoff_kind", "task_handoff"),
        "summary": handoff["summary"],
        "handoff_text": handoff.get("handoff_text") or hint or handoff["summary"],
        **compact({"next_action": handoff.get("next_action") or hint}),
        **_picked(handoff, details),
        **handoff.get("details", {}),
    }


def recover_body(wanted: RecoverInput) -> dict[str, object]:
    """The handoff that is looked for, in the name of who looks. MemfwError where nothing is named."""
    if not (wanted.get("anchor") or wanted.get("handoff_id") or wanted.get("handoff_uri")):
        raise MemfwError("handoff_unnamed", "name the handoff by anchor, handoff_id or handoff_uri")
    names = (
        "anchor",
        "handoff_id",
        "handoff_uri",
        "handoff_kind",
        "file_path",
        "repo_root",
        "symbol",
    )
    return {**_picked(wanted, names), **reader_fields(wanted)}


def reader_fields(reader: Reader) -> dict[str, str]:
    """The reader as requests name it: the consumer."""
    named = {
        "tenant_id": reader.get("tenant_id"),
        "scope": reader.get("scope"),
        "consumer_agent_id": reader.get("agent_id"),
        "consumer_team_id": reader.get("team_id"),
    }
    return {name: value for name, value in named.items() if value}


def _writer(said: StepInput | MemoryInput | HandoffInput, lane: Lane | None) -> dict[str, object]:
    """Who writes, and for whom: for the team, if there is one; else for the writer alone."""
    agent, team = _agent(said), said.get("team_id")
    lane = lane or ("shared" if team else "private")
    if lane == "shared" and not team:
        raise MemfwError(
            "shared_lane_team_missing", "what is shared needs the team_id that it is shared with"
        )
    return compact(
        {
            **_picked(said, ("tenant_id", "scope", "operation_id")),
            "memory_lane": lane,
            "producer_agent_id": agent,
            "owner_agent_id": agent if lane == "private" else None,
            "owner_team_id": team,
        }
    )


def _agent(said: Named) -> str:
    agent = said["agent_id"].strip()
    if not agent:
        raise MemfwError("agent_id_missing", "an agent_id is needed: who speaks?")
    return agent


def _picked(
    said: Json | StepInput | MemoryInput | GuideInput | HandoffInput | RecoverInput, names: Sequence[str]
) -> dict[str, object]:
    """Those of the fields that say something."""
    fields: Json = dict(said)
    return compact({name: fields.get(name) for name in names})
