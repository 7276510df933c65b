"""The route contract: which files the active route works in, which are only to be looked at, which are off limits."""

from collections.abc import Sequence

from firewall.core.guide.answer import ActiveTarget, PendingArtifact, RouteContract, Target
from firewall.core.guide.memory import Memory, Part
from firewall.core.guide.posture import reason_of

_ACTIVE = frozenset({Part.current, Part.handoff})
_REFERENCE = frozenset({Part.candidate, Part.inspect})


def contract_of(memories: Sequence[Memory]) -> RouteContract:
    """Every file by what it is to the agent. What was handed over may still have to be made."""
    active = [memory for memory in memories if memory.part in _ACTIVE]
    reference = [memory for memory in memories if memory.part in _REFERENCE]
    blocked = [memory for memory in memories if memory.part is Part.failed and memory.failed_route]
    return RouteContract(
        active_targets=tuple(
            ActiveTarget(
                target=file,
                source_memory_id=memory.memory_id,
                source="should_continue",
                reason=reason_of(memory),
            )
            for memory in active
            for file in memory.files
        ),
        pending_artifacts=tuple(
            PendingArtifact(
                target=file,
                source_memory_id=memory.memory_id,
                source="should_continue",
                reason=reason_of(memory),
            )
            for memory in active
            if memory.part is Part.handoff
            for file in memory.files
        ),
        reference_only_targets=tuple(_target(memory, file) for memory in reference for file in memory.files),
        blocked_direction_targets=tuple(_target(memory, file) for memory in blocked for file in memory.files),
        evidence_sources=tuple(
            _target(memory, file, use="reference_only", policy="must_not_be_primary_route")
            for memory in reference
            for file in memory.files
        ),
        blocked_routes=tuple(
            _target(memory, file, use="counter_evidence_only", policy="blocked_route")
            for memory in blocked
            for file in (memory.files or (None,))
        ),
    )


def active_files(memories: Sequence[Memory]) -> tuple[str, ...]:
    """The files of the active path first, then those of everything else that is used."""
    first = [file for memory in memories if memory.part in _ACTIVE for file in memory.files]
    more = [
        file for memory in memories if memory.part in {Part.passed, Part.procedure} for file in memory.files
    ]
    return tuple(dict.fromkeys((*first, *more)))


def _target(memory: Memory, file: str | None, *, use: str = "", policy: str = "") -> Target:
    return Target(
        target=file,
        source_memory_id=memory.memory_id,
        source="must_not" if memory.part is Part.failed else "inspect_first",
        reason=reason_of(memory),
        evidence_use=use,
        direction_policy=policy,
    )
