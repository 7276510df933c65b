"""The demonstration's table: coloured on a terminal, plain in a pipe. Every text is made printable first."""

import shutil
import textwrap
from collections.abc import Sequence

import msgspec

RESET, BOLD, DIM, RED, GREEN, YELLOW = "\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One memory: what the agent got straight, what through memfw, and why."""

    name: str
    text: str
    straight: bool
    governed: str
    why: str


def printable(text: str) -> str:
    """No control character of a memory reaches the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def render(lines: Sequence[Line], *, colour: bool) -> str:
    """Two columns side by side, and a line of reasons under what was withheld."""
    width = min(120, max(80, shutil.get_terminal_size((100, 24)).columns))
    half = (width - 3) // 2

    def paint(text: str, *codes: str) -> str:
        return f"{''.join(codes)}{text}{RESET}" if colour else text

    out = [
        paint(f"{'straight from Mem0':<{half}} | {'through memfw':<{half}}", BOLD),
        "-" * half + "-+-" + "-" * half,
    ]
    for line in lines:
        shown = textwrap.wrap(printable(f"{line.name}: {line.text}"), half) if line.straight else ["(not found)"]
        if line.governed == "admitted":
            right, code = shown, GREEN
        else:
            right = textwrap.wrap(printable(f"{line.governed}: {line.why}"), half)
            code = YELLOW if line.governed.startswith("inspect") else RED
        for row in range(max(len(shown), len(right))):
            left_text = shown[row] if row < len(shown) else ""
            right_text = right[row] if row < len(right) else ""
            out.append(f"{left_text:<{half}} | {paint(right_text, code)}")
        out.append(paint("-" * half + "-+-" + "-" * half, DIM))
    return "\n".join(out)
