"""Notes about attempts, with what became of them: JSON Lines, one note a line.

    {"id", "source_dataset", "text", "label": "accepted" | "failed", "meta": {"scope", "evidence": {...}}}

`meta.evidence` is what a test harness saw; it is what is told to memfw. The label is only what the verdict is held against.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal
from zlib import crc32

import msgspec

from firewall.errors import ConfigError, Problem

Label = Literal["accepted", "failed"]

#: What a harness says, and whether it means that the attempt worked.
_WORKED = {
    "hidden_tests_passed": True,
    "next_trial_success": True,
    "implementation_failed_internal_tests": False,
}
#: A sentence ends at its mark, or at the end of its line: in code a line is one.
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


class _Meta(msgspec.Struct, frozen=True):
    scope: str
    evidence: dict[str, bool | int | str | None]


class _Line(msgspec.Struct, frozen=True):
    id: str
    source_dataset: str
    text: str
    label: Label
    meta: _Meta


class Note(msgspec.Struct, frozen=True):
    """`task` groups the notes about one task; `worked` is what the evidence says."""

    id: str
    source: str
    task: str
    text: str
    label: Label
    worked: bool


_lines = msgspec.json.Decoder(_Line)


def read_notes(path: Path) -> list[Note]:
    """All notes of a file. ConfigError with every line that is none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, 0, "", error.strerror or "cannot be read")]) from error
    notes: list[Note] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            notes.append(_note(_lines.decode(line)))
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            problems.append(Problem(str(path), number, 1, "", str(error)))
    if not notes and not problems:
        problems.append(Problem(str(path), 0, 0, "", "holds no notes"))
    if problems:
        raise ConfigError(problems)
    return notes


def _note(line: _Line) -> Note:
    evidence = line.meta.evidence
    said = [evidence[key] is worked for key, worked in _WORKED.items() if isinstance(evidence.get(key), bool)]
    if len(said) != 1:
        raise ValueError(f"meta.evidence wants one of {', '.join(_WORKED)} as true or false")
    return Note(line.id, line.source_dataset, line.meta.scope, line.text, line.label, said[0])


def by_task(notes: Iterable[Note]) -> Iterator[tuple[str, list[Note]]]:
    """The notes of each task, in the order of the file."""
    groups: dict[str, list[Note]] = {}
    for note in notes:
        groups.setdefault(note.task, []).append(note)
    yield from groups.items()


def reworded(note: Note) -> str:
    """The text as somebody else would have put it down: white space and case changed, one sentence dropped."""
    sentences = [part for part in _SENTENCE_END.split(note.text) if part.strip()]
    if len(sentences) > 1:
        del sentences[crc32(note.id.encode()) % len(sentences)]
    return "  \n".join(sentences).swapcase()
