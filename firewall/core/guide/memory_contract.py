"""`memory_contract`: for what a served memory may be used, how far its source is trusted, and what is missing."""

from typing import Literal

from firewall.core.guide.lines import TITLE_CHARS, prose
from firewall.core.guide.memory import Memory, Part
from firewall.core.guide.packet_shapes import MemoryContract
from firewall.core.model import Action

_POLICIES: dict[Action, Literal["direct_use", "inspect_before_use", "do_not_use", "evidence_only"]] = {
    Action.use_now: "direct_use",
    Action.inspect_before_use: "inspect_before_use",
    Action.rehydrate: "evidence_only",
    Action.do_not_use: "do_not_use",
}


def memory_contract(memory: Memory) -> MemoryContract:
    """What is agreed on one memory."""
    blocked = memory.part is Part.failed
    direct = memory.action is Action.use_now
    return MemoryContract(
        source_trust=(
            "blocked_or_suppressed"
            if blocked
            else "external_or_unverified"
            if memory.recalled.node is None
            else "authoritative_runtime"
            if memory.authority == "trusted"
            else "scoped_advisory"
        ),
        allowed_scope=(
            "none"
            if blocked
            else "supporting_evidence_only"
            if not direct
            else "current_scope"
            if memory.part is Part.context
            else "task_or_workflow_scope"
        ),
        evidence_requirement=(
            "satisfied"
            if memory.authority == "trusted"
            else "node_evidence_only"
            if direct
            else "requires_more_evidence"
        ),
        use_policy=_POLICIES[memory.action],
        confirmation_required=not direct,
        reasons=tuple(prose(code, TITLE_CHARS) for code in memory.reasons),
    )
