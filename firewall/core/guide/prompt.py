"""The prompt of a guide: four sections, always all of them and in this order, and two groups where they are needed.

    PASSED_SOLUTIONS, FAILED_BRANCHES, CURRENT_ACTIVE_PATH, REHYDRATE_IF_NEEDED  ("- none" where there is nothing)
    USE_NOW              memory that is no route: facts, preferences, memory of the upstreams
    INSPECT_BEFORE_USE   what has to be verified first

A budget is in characters; a token counts as four. What does not fit goes from the bottom: first USE_NOW, then
INSPECT_BEFORE_USE, pointers, passed solutions, the active path; a failed branch keeps one short line whatever the
budget is. What goes is counted in its section. What fits does not depend on the role, and its order does.
"""

from collections.abc import Mapping, Sequence

import msgspec

from firewall.core.guide.memory import Memory
from firewall.core.prompt import GUIDE_HEADERS

PASSED, FAILED, ACTIVE, POINTERS = GUIDE_HEADERS
CONTEXT, INSPECT = "USE_NOW", "INSPECT_BEFORE_USE"
#: Sections in the order in which they are printed, and groups in which they are given room.
_PRINTED = (PASSED, FAILED, ACTIVE, POINTERS, CONTEXT, INSPECT)
_SERVED_FIRST = (ACTIVE, FAILED, PASSED, POINTERS, INSPECT, CONTEXT)


class Line(msgspec.Struct, frozen=True):
    """One memory in one section, after its label. `least` is what stays of a failed branch when there is no room."""

    memory: Memory
    body: str
    least: str = ""


class Composed(msgspec.Struct, frozen=True):
    """`shown` are the lines that are printed, by header; `left_out` counts the others."""

    text: str
    shown: Mapping[str, tuple[Line, ...]]
    left_out: Mapping[str, int]


def compose(
    head: Sequence[str],
    sections: Mapping[str, Sequence[Line]],
    *,
    budget: int,
    labels: Mapping[str, str],
    head_chars: int,
    order: Mapping[str, int],
) -> Composed:
    """The prompt in at most `budget` characters, or the least that there is. `labels` name the memories; `order` is
    the place of each within its section; `head_chars` is what is set aside for the head."""
    present = [header for header in _PRINTED if header in GUIDE_HEADERS or sections.get(header)]
    room = budget - head_chars - sum(_least(header, sections.get(header, ())) for header in present)
    shown: dict[str, list[Line]] = {header: [] for header in present}
    for line in sections.get(FAILED, ()):
        room -= len(_printed(labels, line, line.least)) + 1
    full = True
    for header in _SERVED_FIRST:
        lines = sections.get(header, ())
        for place, line in enumerate(lines, 1):
            cost = len(_printed(labels, line, line.body)) + 1
            if header == FAILED:
                cost -= len(_printed(labels, line, line.least)) + 1
                fits = cost <= room
                shown[header].append(line if fits else Line(line.memory, line.least))
            else:
                if place == len(lines):
                    cost -= len(_rest(len(lines))) + 1  # nothing is left to be counted
                fits = full = (
                    full and cost <= room
                )  # nothing of lesser weight takes the place of what had to go
                if fits:
                    shown[header].append(line)
            room -= cost if fits else 0
    left_out = {header: len(sections.get(header, ())) - len(lines) for header, lines in shown.items()}
    printed = list(head)
    for header in present:
        ordered = sorted(shown[header], key=lambda line: order[line.memory.memory_id])
        shown[header] = ordered
        printed.append(header)
        printed += [_printed(labels, line, line.body) for line in ordered]
        if left_out[header]:
            printed.append(_rest(left_out[header]))
        elif not ordered:
            printed.append("- none")
    return Composed(
        "\n".join(printed),
        {header: tuple(entries) for header, entries in shown.items()},
        {header: count for header, count in left_out.items() if count},
    )


def _printed(labels: Mapping[str, str], line: Line, body: str) -> str:
    return f"- {labels[line.memory.memory_id]} {body}"


def _least(header: str, lines: Sequence[Line]) -> int:
    """The header, and one line that says that there is nothing or how much is not shown."""
    if header == FAILED and lines:
        return len(header) + 1
    return len(header) + 1 + len(_rest(len(lines)) if lines else "- none") + 1


def _rest(count: int) -> str:
    return f"- (+{count} not shown)"
