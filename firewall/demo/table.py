"""The demonstration's table: coloured on a terminal, plain in a pipe. Every text is made printable first."""

import textwrap
from collections.abc import Sequence

import msgspec

RESET, BOLD, DIM, RED, GREEN, YELLOW = "\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"
_COLOURS = {"passed on": GREEN, "withheld": YELLOW, "blocked": RED, "not found": RED}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One memory: whether the agent got it straight, and what became of it through memfw, with the reason."""

    name: str
    text: str
    straight: bool
    outcome: str
    why: str = ""


def printable(text: str) -> str:
    """No control character of a memory reaches the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def render(lines: Sequence[Line], *, colour: bool, width: int) -> str:
    """Two columns side by side. `width` is the terminal's."""
    half = (min(120, max(80, width)) - 3) // 2

    def paint(text: str, *codes: str) -> str:
        return f"{''.join(codes)}{text}{RESET}" if colour else text

    rule = "-" * half + "-+-" + "-" * half
    out = [paint(f"{'straight from Mem0':<{half}} | through memfw", BOLD), rule]
    for line in lines:
        text = textwrap.wrap(printable(f"{line.name}: {line.text}"), half)
        left = text if line.straight else ["(not found)"]
        right = (
            textwrap.wrap(printable(f"{line.outcome} · {line.why}"), half)
            if line.why
            else [f"{line.outcome}, unchanged"]
        )
        code = _COLOURS.get(line.outcome, YELLOW)
        for row in range(max(len(left), len(right))):
            left_text = left[row] if row < len(left) else ""
            shown = paint(right[row], code) if row < len(right) else ""
            out.append(f"{left_text:<{half}} | {shown}".rstrip())
        out.append(paint(rule, DIM))
    return "\n".join(out)
