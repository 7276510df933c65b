"""Which tool of those that are at hand: the one that procedures which worked speak of, else the first."""

from collections.abc import Sequence

from firewall.core.guide.memory import Memory, Part
from firewall.core.route_words import words_of


def chosen_tool(candidates: Sequence[str], memories: Sequence[Memory]) -> str:
    """The tool that most procedures name whole; of equals the earlier one."""
    told = [
        f" {' '.join(words_of(' '.join((node.title, node.text, *node.workflow_steps))))} "
        for memory in memories
        if memory.part is Part.procedure and (node := memory.recalled.node) is not None
    ]

    def named(tool: str) -> int:
        words = " ".join(words_of(tool))
        return sum(f" {words} " in text for text in told) if words else 0

    return max(candidates, key=named)
