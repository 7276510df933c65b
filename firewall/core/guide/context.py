"""`agent_context`: the prompt beside its structured side, made of the same served memories."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from firewall.core.guide.answer import (
    AgentContext,
    EvidenceRefs,
    PromptAlias,
    RecommendedPosture,
    RehydrateHint,
    Risk,
)
from firewall.core.guide.compile import Compiled, Layout
from firewall.core.guide.contract import active_files, contract_of
from firewall.core.guide.lines import FILE_CHARS, prose
from firewall.core.guide.memory import AuthorityWord, Memory, Part
from firewall.core.guide.posture import alias_surface_of, posture_of, reason_of
from firewall.core.model import Action
from firewall.core.reasons import head

_STALE = frozenset(
    {"superseded", "superseded_route", "archived", "too_old", "expired", "superseded_by", "invalidated"}
)
_SUPPORTED = frozenset({Part.current, Part.handoff, Part.passed, Part.procedure})
#: What makes an answer risky beyond its being blocked.
_GRAVE = frozenset({"adjudication_error", "premise_firewall_query_mentions_blocked_memory"})


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """For whom and of what kind the context is."""

    tenant: str
    scope: str
    profile: str = "general"


def agent_context(
    compiled: Compiled, layout: Layout, identity: Identity, dropped: Mapping[str, int]
) -> AgentContext:
    """The whole context. `dropped` counts by code all that is not in it."""
    memories = compiled.memories
    use_now = _with(memories, Action.use_now)
    inspect = _with(memories, Action.inspect_before_use)
    blocked = _with(memories, Action.do_not_use)
    rehydrate = _with(memories, Action.rehydrate)
    return AgentContext(
        tenant_id=identity.tenant,
        scope=identity.scope,
        agent_role=layout.role,
        agent_context_mode=layout.mode,
        task_context_profile=identity.profile,
        prompt_text=compiled.prompt_text,
        summary=summary_of(memories),
        actionable_history_used=actionable(memories),
        recommended_posture=_posture(memories),
        authority=_authority(memories),
        target_files=active_files(memories),
        use_now=_lines(use_now, compiled),
        inspect_before_use=_lines(inspect, compiled),
        do_not_use=_lines(blocked, compiled),
        memory_ids=_ids(memories),
        use_now_memory_ids=_ids(use_now),
        inspect_before_use_memory_ids=_ids(inspect),
        do_not_use_memory_ids=_ids(blocked),
        command_posture=tuple(posture_of(memory, layout.role) for memory in memories),
        route_contract=contract_of(memories),
        prompt_aliases=tuple(
            PromptAlias(alias=one.alias, memory_id=one.memory_id, surface=alias_surface_of(one))
            for one in memories
        ),
        rehydrate_hints=tuple(
            RehydrateHint(memory_id=one.memory_id, reason=reason_of(one)) for one in rehydrate
        ),
        risk=risk_of(memories, dropped),
        evidence_refs=EvidenceRefs(
            memory_ids=_ids(memories),
            workflow_ids=tuple(
                dict.fromkeys(
                    prose(one.recalled.node.workflow_signature, FILE_CHARS)
                    for one in memories
                    if one.recalled.visible
                    and one.recalled.node is not None
                    and one.recalled.node.workflow_signature
                )
            ),
            evidence_count=len(memories),
        ),
    )


def summary_of(memories: Sequence[Memory]) -> str:
    """The counts as one line."""
    words = {
        Part.current: ("active path", "active paths"),
        Part.handoff: ("handoff", "handoffs"),
        Part.passed: ("passed solution", "passed solutions"),
        Part.procedure: ("procedure", "procedures"),
        Part.failed: ("failed branch", "failed branches"),
        Part.candidate: ("route to inspect", "routes to inspect"),
        Part.inspect: ("memory to inspect", "memories to inspect"),
        Part.rehydrate: ("pointer", "pointers"),
        Part.context: ("memory as context", "memories as context"),
    }
    counts = {part: sum(memory.part is part for memory in memories) for part in words}
    said = [f"{count} {words[part][count > 1]}" for part, count in counts.items() if count]
    return ", ".join(said) or "nothing is known of this task"


def actionable(memories: Sequence[Memory]) -> bool:
    """Whether anything of this can change the next step."""
    return any(memory.part not in {Part.candidate, Part.inspect} for memory in memories)


def drop_codes(dropped: Mapping[str, int]) -> tuple[str, ...]:
    """What was left out, each with its count."""
    return tuple(f"{code}:{count}" for code, count in sorted(dropped.items()))


def risk_of(memories: Sequence[Memory], dropped: Mapping[str, int]) -> Risk:
    """What may mislead whoever acts on this."""
    blocked = sum(memory.part is Part.failed for memory in memories)
    reasons = {head(code) for memory in memories for code in memory.reasons}
    if any(memory.failed_route for memory in memories):
        reasons.add("failed_branch_present")
    grave = bool(reasons & _GRAVE) or any(memory.hostile for memory in memories)
    unsettled = any(memory.part in {Part.candidate, Part.inspect, Part.rehydrate} for memory in memories)
    lost = bool(blocked) and not any(memory.part in _SUPPORTED for memory in memories)
    return Risk(
        negative_transfer_risk="high" if grave else "medium" if unsettled or lost or dropped else "low",
        blocked_authority_count=blocked,
        stale_memory_count=sum(any(head(code) in _STALE for code in memory.reasons) for memory in memories),
        reasons=(*sorted(reasons), *drop_codes(dropped)),
    )


def _posture(memories: Sequence[Memory]) -> RecommendedPosture:
    parts = {memory.part for memory in memories}
    if parts & _SUPPORTED:
        return "reuse_supported_history"
    if Part.context in parts:
        return "use_as_context"
    if Part.rehydrate in parts:
        return "rehydrate_before_use"
    if parts & {Part.candidate, Part.inspect}:
        return "inspect_before_use"
    return "use_as_context" if parts else "ignore_history"


def _authority(memories: Sequence[Memory]) -> AuthorityWord:
    """That of the best memory; trusted only where all are."""
    words = {memory.authority for memory in memories}
    if words == {"trusted"}:
        return "trusted"
    if words & {"trusted", "advisory"}:
        return "advisory"
    return "candidate" if "candidate" in words else "blocked" if words else "none"


def _with(memories: Iterable[Memory], action: Action) -> tuple[Memory, ...]:
    return tuple(memory for memory in memories if memory.action is action)


def _ids(memories: Iterable[Memory]) -> tuple[str, ...]:
    return tuple(memory.memory_id for memory in memories)


def _lines(memories: Iterable[Memory], compiled: Compiled) -> tuple[str, ...]:
    return tuple(compiled.line_of[memory.memory_id] for memory in memories)
