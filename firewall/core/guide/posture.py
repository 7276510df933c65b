"""Command posture: for each served memory one instruction of ours, its reason, and what its execution state asks for."""

from firewall.core.guide.answer import (
    AliasSurface,
    CommandPosture,
    ExecutionState,
    OutcomeRole,
    Posture,
    Surface,
    TransitionKind,
)
from firewall.core.guide.lines import TEXT_CHARS, TITLE_CHARS, prose
from firewall.core.guide.memory import Memory, Part, Role

_STEPS = 16

#: posture, surface, alias surface, instruction, transition of each part
_TABLE: dict[Part, tuple[Posture, Surface, AliasSurface, str, TransitionKind | None]] = {
    Part.current: (
        "should_continue",
        "current",
        "current",
        "continue the accepted route",
        "resume_current_state",
    ),
    Part.handoff: (
        "should_continue",
        "current",
        "current",
        "take up what was handed over",
        "resume_current_state",
    ),
    Part.passed: ("should_continue", "use_now", "other", "build on this solution; it passed", None),
    Part.procedure: (
        "should_continue",
        "procedure",
        "procedure",
        "follow this procedure where it applies",
        None,
    ),
    Part.context: ("optional_context", "context", "other", "use as context", None),
    Part.candidate: (
        "inspect_first",
        "inspect_before_use",
        "inspect",
        "verify this route before acting on it",
        "inspect_before_use",
    ),
    Part.inspect: (
        "inspect_first",
        "inspect_before_use",
        "inspect",
        "verify this memory before acting on it",
        "inspect_before_use",
    ),
    Part.failed: (
        "must_not",
        "do_not_use",
        "avoid",
        "do not act on this; it is counter-evidence",
        "avoid_failed_branch",
    ),
    Part.rehydrate: (
        "rehydrate_first",
        "rehydrate",
        "rehydrate",
        "fetch this memory by its id before exact use",
        "request_rehydrate",
    ),
}
_WHY = {
    Part.current: "accepted route",
    Part.handoff: "handed over",
    Part.passed: "passed solution",
    Part.procedure: "validated procedure",
    Part.context: "current memory",
}


def posture_of(memory: Memory, role: Role) -> CommandPosture:
    """What the agent is told to do with a memory. Of one that is not used only its files are said."""
    posture, surface, _, instruction, _ = _TABLE[memory.part]
    node = memory.recalled.node
    used = memory.part in _WHY
    return CommandPosture(
        posture=posture,
        surface=surface,
        memory_id=memory.memory_id,
        instruction=instruction,
        reason=reason_of(memory),
        target_files=memory.files,
        workflow_steps=_several(node.workflow_steps) if used and node is not None else (),
        acceptance_checks=_several(node.acceptance_checks) if used and node is not None else (),
        verification_summary="verified" if memory.authority == "trusted" else None,
        execution_state=_state_of(memory, role),
    )


def reason_of(memory: Memory) -> str:
    """The decisive reason, or what speaks for a memory that is used."""
    if memory.reasons:
        return prose(memory.why, TITLE_CHARS)
    return _WHY.get(memory.part, memory.action.name)


def alias_surface_of(memory: Memory) -> AliasSurface:
    """Under what a memory goes in the list of aliases."""
    return _TABLE[memory.part][2]


def _state_of(memory: Memory, role: Role) -> ExecutionState | None:
    node = memory.recalled.node
    if node is None or (node.kind not in {"execution", "handoff"} and memory.recalled.route is None):
        return None
    used = memory.part in _WHY
    return ExecutionState(
        summary_kind="handoff" if node.kind == "handoff" else None,
        transition_kind=_transition(memory, role),
        actor_role=node.role if memory.recalled.visible else None,
        handoff_target=prose(node.handoff_target, TITLE_CHARS) or None if used else None,
        next_action_hint=prose(node.next_action, TEXT_CHARS // 2) or None if used else None,
        execution_outcome_role=_outcome_role(memory),
    )


def _transition(memory: Memory, role: Role) -> TransitionKind | None:
    """A role that something was handed to accepts it; another one sees to whom it goes."""
    node = memory.recalled.node
    if memory.part in _WHY and node is not None and node.handoff_target:
        return "accept_handoff" if node.handoff_target == role else "handoff_to_actor"
    return _TABLE[memory.part][4]


def _outcome_role(memory: Memory) -> OutcomeRole:
    route = memory.recalled.route
    if memory.part is Part.failed:
        return "failed_branch" if memory.failed_route else "blocked"
    return "passed_solution" if route is not None and route.succeeded else "unknown"


def _several(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(prose(text, TEXT_CHARS // 2) for text in texts[:_STEPS])
