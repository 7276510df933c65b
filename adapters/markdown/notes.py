"""From the bytes of a file to its notes.

A note is what stands before the first `##` heading of a file, and each `##` section of it: their ids are the path below the
folder, and the path with the heading's slug, so that they stay when the file grows. The front matter is every note's.
"""

import codecs
import re
from itertools import count

import msgspec

from adapters.markdown import front_matter
from adapters.markdown.front_matter import BadFrontMatterError, Value

#: What is wrong with a file, as its notes say it.
NOT_UTF8 = "not_utf8"
BAD_FRONT_MATTER = "bad_front_matter"
TOO_LONG = "too_long"

MAX_SECTIONS = 500
_MAX_SLUG = 100
_MAX_TAGS = 64
_MAX_TITLE = 300
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_SLUG_GAP = re.compile(r"[^\w]+")


class Note(msgspec.Struct, frozen=True):
    """`path` is below the folder, with `/`; `changed` the file's time of change; `problems` what could not be read."""

    id: str
    path: str
    title: str
    text: str
    tags: tuple[str, ...]
    changed: float
    metadata: dict[str, Value]
    problems: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it is found by."""
        stem = self.path.rpartition("/")[2].rpartition(".")[0]
        return "\n".join((self.title, " ".join(self.tags), stem, self.text))

    def within(self, folder: str) -> bool:
        """Whether it lies in that folder, or below it."""
        return inside(self.path, folder)


def inside(path: str, folder: str) -> bool:
    """Whether a path lies in a folder, or below it; both are seen from the notes' own folder."""
    wanted = folder.strip("/")
    return not wanted or path.startswith(f"{wanted}/")


def notes_of(path: str, content: bytes, *, changed: float, cut: bool) -> list[Note]:
    """The notes of a file. `cut` says that the content is only the beginning of it."""
    problems = [TOO_LONG] if cut else []
    try:  # a file that was cut may end within a character
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(content, final=not cut)
    except UnicodeDecodeError:
        problems.append(NOT_UTF8)
        text = content.decode("utf-8-sig", errors="replace")
    head, body = front_matter.split(text)
    metadata: dict[str, Value] = {}
    if head is not None:
        try:
            metadata = front_matter.read(head)
        except BadFrontMatterError:
            problems.append(BAD_FRONT_MATTER)
            body = text  # nothing of it is lost
    elif text.startswith("---\n"):
        problems.append(BAD_FRONT_MATTER)
    return _sections(path, body, metadata, changed, tuple(problems))


def _sections(
    path: str, body: str, metadata: dict[str, Value], changed: float, problems: tuple[str, ...]
) -> list[Note]:
    own, parts = _split(body)
    heading = _first_heading(own)
    title = (_string(metadata.get("title")) or heading or path.rpartition("/")[2].rpartition(".")[0])[
        :_MAX_TITLE
    ]
    tags = _tags(metadata.get("tags"))
    notes = []
    if own.strip() or not parts:
        notes.append(Note(path, path, title, own.strip(), tags, changed, metadata, problems))
    anchors: set[str] = set()
    for name, text in parts:
        anchor = _anchor(name, anchors)
        anchors.add(anchor)
        full = f"{title}: {name}"[:_MAX_TITLE]
        notes.append(Note(f"{path}#{anchor}", path, full, text.strip(), tags, changed, metadata, problems))
    return notes


def _split(body: str) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first `##`, and the sections with their headings; a heading in a code block is none."""
    own: list[str] = []
    parts: list[tuple[str, list[str]]] = []
    fence = ""
    for line in body.splitlines(keepends=True):
        found = _FENCE.match(line)
        if found is not None:
            mark = found[1]
            if not fence:
                fence = mark
            elif mark[0] == fence[0] and len(mark) >= len(fence):
                fence = ""
        heading = "" if fence or found is not None else _heading(line, "## ")
        if heading and len(parts) < MAX_SECTIONS:
            parts.append((heading, [line]))
        else:
            (parts[-1][1] if parts else own).append(line)
    return "".join(own), [(name, "".join(lines)) for name, lines in parts]


def _heading(line: str, mark: str) -> str:
    """The words of a heading of that depth; nothing for any other line."""
    return line[len(mark) :].strip().rstrip("#").rstrip() if line.startswith(mark) else ""


def _first_heading(text: str) -> str:
    return next((_heading(line, "# ") for line in text.splitlines() if line.strip()), "")


def _anchor(heading: str, taken: set[str]) -> str:
    """The heading's slug; with a number where an earlier heading has it."""
    slug = _SLUG_GAP.sub("-", heading.casefold()).strip("-")[:_MAX_SLUG] or "section"
    numbered = (slug if number == 1 else f"{slug}-{number}" for number in count(1))
    return next(anchor for anchor in numbered if anchor not in taken)


def _tags(value: Value) -> tuple[str, ...]:
    """A list, or words with commas or spaces between them."""
    if isinstance(value, str):
        value = [*value.replace(",", " ").split()]
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(tag for tag in value if isinstance(tag, str) and tag))[:_MAX_TAGS]


def _string(value: Value) -> str:
    return value.strip() if isinstance(value, str) else ""
