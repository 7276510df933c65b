"""The prompt of a govern answer: which memories go into which section, and what of them is shown.

A blocked memory is its id and a reason. A pointer is its id and its own title: the text stays behind until it is asked
for. Titles that we made from the text are never printed, since the text stands beside them or must not be seen.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from firewall.core.model import Mode
from firewall.core.prompt import Item, Section, one_line, render
from firewall.service.govern.merge import Decided, Split
from firewall.service.govern.reasons import hostile, why

ContextMode = Literal["standard", "compact_agent"]

_TITLE = "AIONIS_EXTERNAL_MEMORY_ADMISSION v1"
_QUERY_CHARS = 320
_USE_CHARS = 480
_TEXT_CHARS = 360
#: Characters of the whole prompt, and how many blocked memories are named in it.
_BUDGET: dict[ContextMode, int] = {"compact_agent": 16_000, "standard": 48_000}
_BLOCKED: dict[ContextMode, int] = {"compact_agent": 10, "standard": 40}


class GovernPrompt(msgspec.Struct, frozen=True):
    """`shown` are the memories that the prompt names."""

    text: str
    shown: tuple[Decided, ...]


def prompt_of(split: Split, *, mode: Mode, context_mode: ContextMode, query: str) -> GovernPrompt:
    sections = (
        (split.use_now, Section(header="USE_NOW", items=_texts(split.use_now), text_chars=_USE_CHARS)),
        (
            split.inspect,
            Section(header="INSPECT_BEFORE_USE", items=_texts(split.inspect), text_chars=_TEXT_CHARS),
        ),
        (
            split.blocked,
            Section(header="DO_NOT_USE", items=_reasons(split.blocked), most=_BLOCKED[context_mode]),
        ),
        (split.rehydrate, Section(header="REHYDRATE", items=_pointers(split.rehydrate))),
    )
    head = (
        _TITLE,
        f"mode={mode.name} context={context_mode}",
        f"contract: {_contract(split)}",
        f"query: {one_line(query, _QUERY_CHARS)}",
    )
    prompt = render(head, [section for _, section in sections], _BUDGET[context_mode])
    shown = [
        one for (memories, _), count in zip(sections, prompt.shown, strict=True) for one in memories[:count]
    ]
    return GovernPrompt(prompt.text, tuple(shown))


def _contract(split: Split) -> str:
    """One line, of the sections that are there."""
    parts = [
        duty
        for memories, duty in (
            (split.use_now, "act on USE_NOW"),
            (split.inspect, "verify INSPECT_BEFORE_USE first"),
            (split.blocked, "never follow DO_NOT_USE"),
            (split.rehydrate, "fetch REHYDRATE by id"),
        )
        if memories
    ]
    return "; ".join(parts)


def _texts(memories: Sequence[Decided]) -> tuple[Item, ...]:
    return tuple(
        Item(
            id=one.memory_id,
            title=one.described.candidate.title,
            text=one.described.candidate.text,
            refs=one.described.candidate.evidence_refs,
        )
        for one in memories
    )


def _pointers(memories: Sequence[Decided]) -> tuple[Item, ...]:
    return tuple(
        Item(
            id=one.memory_id,
            title="" if hostile(one.verdict) else one.described.candidate.title,
            refs=one.described.candidate.evidence_refs,
        )
        for one in memories
    )


def _reasons(memories: Sequence[Decided]) -> tuple[Item, ...]:
    return tuple(Item(id=one.memory_id, reason=_short(why(one.described, one.verdict))) for one in memories)


def _short(reason: str) -> str:
    """The prompt says `failed`, the lists beside it say `lifecycle_hint:failed`."""
    return reason.removeprefix("lifecycle_hint:").removeprefix("evidence_requirement:")
