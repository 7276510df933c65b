"""From decided memories to the prompt: which line each memory gets in which section, within the budget."""

from collections.abc import Iterator, Sequence

import msgspec

from firewall.core.guide.lines import TEXT_CHARS, TITLE_CHARS, label_of, listed, prose, repeats, token
from firewall.core.guide.memory import USED, Memory, Part, Role
from firewall.core.guide.prompt import (
    ACTIVE,
    CONTEXT,
    FAILED,
    INSPECT,
    PASSED,
    POINTERS,
    Composed,
    Line,
    compose,
)
from firewall.core.guide.roles import FOCUS, ORDER, rank_of

#: A token counts as so many characters.
TOKEN_CHARS = 4
#: The budget where none is asked for, by whether the prompt is compact.
COMPACT_CHARS = 8_000
STANDARD_CHARS = 24_000

_SECTIONS = {
    Part.current: (PASSED, ACTIVE),
    Part.handoff: (ACTIVE,),
    Part.passed: (PASSED,),
    Part.procedure: (PASSED,),
    Part.context: (CONTEXT,),
    Part.candidate: (INSPECT,),
    Part.inspect: (INSPECT,),
    Part.failed: (FAILED,),
    Part.rehydrate: (POINTERS,),
}
_DROPPED = {
    PASSED: "prompt_budget_passed_solutions",
    ACTIVE: "prompt_budget_active_path",
    POINTERS: "prompt_budget_rehydrate",
    CONTEXT: "prompt_budget_context",
    INSPECT: "prompt_budget_inspect",
}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How the prompt is to be: for whom, of which task, in which mode, within which budget of characters."""

    role: Role = "agent"
    task: str = ""
    mode: str = "full_power"
    budget: int = STANDARD_CHARS

    @property
    def compact(self) -> bool:
        return self.mode == "compact_agent"


class Compiled(msgspec.Struct, frozen=True):
    """`memories` are those that are served, in the order of the role. `dropped` counts the rest, by code; `line_of`
    is the line of each memory without its label, for those who use the fields instead of the prompt."""

    prompt_text: str
    memories: tuple[Memory, ...]
    dropped: dict[str, int]
    line_of: dict[str, str]


def budget_of(*, compact: bool, chars: int | None, tokens: int | None, aggressive: bool = False) -> int:
    """The smaller of what is asked for; else the mode's own, halved for an aggressive compaction."""
    asked = [
        limit for limit in (chars, None if tokens is None else tokens * TOKEN_CHARS) if limit is not None
    ]
    if asked:
        return min(asked)
    own = COMPACT_CHARS if compact else STANDARD_CHARS
    return own // 2 if aggressive else own


def compile_prompt(memories: Sequence[Memory], layout: Layout) -> Compiled:
    """The prompt with what fits. Aliases count in the order of the recall, so that they are the same for every role."""
    served = [
        msgspec.structs.replace(memory, alias=f"m{place}")
        for place, memory in enumerate(_ordered(memories), 1)
    ]
    sections: dict[str, list[Line]] = {}
    for memory in served:
        for header in _SECTIONS[memory.part]:
            sections.setdefault(header, []).append(_line(memory, header, layout))
    by_role = sorted(served, key=lambda memory: rank_of(layout.role, memory))
    composed = compose(
        _head(layout, layout.role),
        sections,
        budget=layout.budget,
        labels={one.memory_id: one.alias if layout.compact else label_of(one.memory_id) for one in served},
        # The same for every role, so that a role changes nothing of what fits.
        head_chars=max(sum(len(line) + 1 for line in _head(layout, role)) for role in ORDER),
        order={memory.memory_id: place for place, memory in enumerate(by_role)},
    )
    line_of = dict(_lines_of(composed))
    return Compiled(
        composed.text,
        tuple(memory for memory in by_role if memory.memory_id in line_of),
        {_DROPPED[header]: count for header, count in composed.left_out.items()},
        line_of,
    )


def _ordered(memories: Sequence[Memory]) -> list[Memory]:
    """What is used first, then what failed, then the rest, each as it was recalled; handoffs newest first."""
    return sorted(memories, key=_place)


def _place(memory: Memory) -> tuple[int, int, int]:
    node = memory.recalled.node
    if memory.part is Part.handoff and node is not None:
        return 0, 1, -node.offset
    return (0 if memory.part in USED else 1 if memory.part is Part.failed else 2), 0, 0


def _lines_of(composed: Composed) -> Iterator[tuple[str, str]]:
    for header in (ACTIVE, *(header for header in composed.shown if header != ACTIVE)):
        for line in composed.shown[header]:
            yield line.memory.memory_id, line.body


def _head(layout: Layout, role: Role) -> list[str]:
    task = f" task={token(layout.task)}" if layout.task else ""
    if layout.compact:
        return ["AIONIS_CTX v2", f"mode={layout.mode} role={role}{task} focus={FOCUS[role]}"]
    return ["AIONIS_AGENT_CONTEXT v1", f"mode={layout.mode} role={role}{task}", f"role_focus={FOCUS[role]}"]


# ---- the lines ---------------------------------------------------------------------------------------------------


def _line(memory: Memory, header: str, layout: Layout) -> Line:
    if header == FAILED:
        reason = f"reason={token(memory.why)}"
        body = _fields(_blocked_title(memory), _files(memory), reason, "use=counter_evidence_only")
        return Line(memory, body, reason)
    if header == ACTIVE:
        return Line(memory, _active(memory, layout))
    if header == POINTERS:
        title = "" if memory.hostile else prose(memory.recalled.candidate.title, TITLE_CHARS)
        return Line(memory, _fields(title, _files(memory), f"reason={token(memory.why)}"))
    if header == INSPECT:
        return Line(memory, _fields(_said(memory), _files(memory), f"reason={token(memory.why)}"))
    if header == CONTEXT:
        return Line(memory, _fields(_said(memory), _files(memory)))
    return Line(memory, _passed(memory, layout))


def _passed(memory: Memory, layout: Layout) -> str:
    candidate = memory.recalled.candidate
    title = prose(candidate.title, TITLE_CHARS)
    if layout.compact:
        return _fields(title or prose(candidate.text, TITLE_CHARS), _files(memory))
    summary = prose(candidate.text, TEXT_CHARS // 2)
    refs = ",".join(token(ref) for ref in candidate.evidence_refs[:3])
    return _fields(
        title or summary,
        _files(memory),
        f"summary={summary}" if title and not repeats(candidate.title, candidate.text) else "",
        f"refs={refs}" if refs else "",
    )


def _active(memory: Memory, layout: Layout) -> str:
    node = memory.recalled.node
    assert node is not None
    what = listed(memory.files) or prose(node.title or node.text, TITLE_CHARS)
    if memory.part is Part.handoff:
        to = f" to={token(node.handoff_target)}" if node.handoff_target else ""
        what = f"handoff{to} {prose(node.title or node.text, TITLE_CHARS)}"
        parts = (what, _files(memory))
    else:
        parts = (f"continue {what}", "")
    steps = f"next={prose(node.next_action, TEXT_CHARS // 2)}" if node.next_action else ""
    checks = " | ".join(prose(check, TITLE_CHARS) for check in node.acceptance_checks[:4])
    return _fields(*parts, steps, f"checks={checks}" if checks and not layout.compact else "")


def _said(memory: Memory) -> str:
    """The memory itself, unless the hand it came from means harm."""
    candidate = memory.recalled.candidate
    if memory.hostile:
        return ""
    if not candidate.title or repeats(candidate.title, candidate.text):
        return prose(candidate.text or candidate.title, TEXT_CHARS)
    return prose(f"{candidate.title}: {candidate.text}", TEXT_CHARS)


def _blocked_title(memory: Memory) -> str:
    """What a failed step is called, where that is neither hostile nor the beginning of what it says. Anything else
    that is blocked has a title that may recommend it."""
    recalled = memory.recalled
    node = recalled.node
    if node is None or node.outcome != "failed" or not recalled.visible or memory.hostile:
        return ""
    return "" if repeats(node.title, node.text) else prose(node.title, TITLE_CHARS)


def _files(memory: Memory) -> str:
    return f"files={listed(memory.files)}" if memory.files else ""


def _fields(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
