"""Context blobs: many memories in one text, read line by line. What is not taken out keeps its bytes.

A section is `<NAME>` to `</NAME>`, each on a line of its own. In a section of facts a line is a fact where it ends with its
dates, `(from - to)`; what is indented below belongs to it. Entities, episodes and summaries are records of some lines. A
known comment is no memory; everything else is text that nobody can parse, and a candidate of its own.

Nothing in a blob is escaped: a stored fact may hold a tag, or a line break. Where tags do not balance, or stand inside a
line, all of the blob is contested.
"""

import re
from collections.abc import Mapping

import msgspec

from firewall.core.model import NO_CLAIMS, Candidate, Claims, Kind
from firewall.core.wire.graph_items import prose_of
from firewall.core.wire.layouts import Reading
from firewall.core.wire.pieces import Blob, Piece, Run
from firewall.core.wire.said import moment
from firewall.core.wire.splice import Raw, broken, tree
from firewall.core.wire.temporal import Times, contested, inspected

_TAG = re.compile(r"<(/?)([A-Z][A-Z_]{2,40})>")
_BULLETS = ("- ", "* ", "• ")
_OPEN_ENDS = frozenset({"present", "none", "date unknown", "unknown", "null"})
_RANGE = "Date range:"
#: Line breaks to some readers, and none here.
_HIDDEN_BREAKS = re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SECTIONS = ("FACTS", "ENTITIES", "EPISODES", "OBSERVATIONS", "THREAD_SUMMARIES", "SUMMARY")
#: What Zep writes around the sections.
_BOILERPLATE = frozenset(
    {
        "# This is the user summary",
        "# High-level summary of the user",
        "# These are the most relevant facts",
        "# These are the most relevant facts and their valid date ranges",
        "# These are the most relevant facts about the user",
        "# format: FACT (Date range: from - to)",
        '# Facts ending in "present" are currently valid',
        "# Facts with a past end date are NO LONGER VALID.",
        "# These are the most relevant entities",
        "# These are the most relevant entities (people, locations, organizations, items, and more).",
        "# ENTITY_NAME: entity summary",
        "# Name: ENTITY_NAME",
        "# Label: entity_label (if present)",
        "# Attributes: (if present)",
        "#   attr_name: attr_value",
        "# Summary: entity summary",
        "# These are the most relevant episodes",
        "# Reference document facts",
        "# Reference document entities",
        "FACTS and ENTITIES represent relevant context to the current conversation.",
        "FACTS and ENTITIES, and EPISODES represent relevant context to the current conversation.",
        "FACTS, ENTITIES, represent relevant context from the user's knowledge graph.",
        "The following FACTS and ENTITIES are from shared reference documents.",
    }
)


class FactLine(msgspec.Struct, frozen=True):
    text: str
    times: Times


class _Record(msgspec.Struct):
    """One memory while its lines are read."""

    section: str
    lines: list[str]
    kind: Kind = Kind.unknown
    fact: FactLine | None = None
    unparsed: bool = False
    prose: bool = True


def read_blob(reading: Reading, raw: Raw, place: str, _beside: Mapping[str, Raw]) -> Piece:
    """The text as runs, with a candidate for each memory in it."""
    text = tree(raw)
    if not isinstance(text, str):
        raise broken("the context of the upstream's answer is no text")
    reading.link()
    reader = _Reader()
    for line in text.split("\n"):
        reader.take(line)
    return _piece(reading, raw, place, reader)


def fact_line(line: str) -> FactLine | None:
    """A line that ends with the dates of its fact; None for any other."""
    text = line.strip()
    if not text.endswith(")"):
        return None
    start = text.rfind("(")
    if start <= 0:
        return None
    span = text[start + 1 : -1].strip().removeprefix(_RANGE).strip()
    first, dash, last = span.partition(" - ")
    if not dash:
        return None
    ends = [_end(first), _end(last)]
    if None in ends:
        return None
    valid, invalid = (end for end in ends if end is not None)
    return FactLine(
        _unbulleted(text[:start]).strip(), Times(valid_at=valid or None, invalid_at=invalid or None)
    )


def _end(text: str) -> float | None:
    """A date; 0 for one that is open, None for what is no date."""
    word = text.strip()
    if word.lower() in _OPEN_ENDS:
        return 0.0
    return moment(word)


def _unbulleted(text: str) -> str:
    return next((text[len(bullet) :] for bullet in _BULLETS if text.startswith(bullet)), text)


class _Reader:
    """Lines one after the other, into records and what stands around them."""

    __slots__ = ("_open", "_section", "balanced", "parts")

    def __init__(self) -> None:
        self.parts: list[tuple[str, _Record | None]] = []
        self.balanced = True
        self._section = ""
        self._open: _Record | None = None

    @property
    def sound(self) -> bool:
        return self.balanced and not self._section

    def take(self, line: str) -> None:
        stripped = line.strip()
        tag = _TAG.fullmatch(stripped)
        if tag is not None:
            name = tag.group(2)
            self._tag(bool(tag.group(1)), name)
            said = None if name.endswith(_SECTIONS) else _Record(self._section, [line], unparsed=True)
            self.parts.append((line, said))
            return
        if _TAG.search(line) or _HIDDEN_BREAKS.search(line.removesuffix("\r")):
            self.balanced = False
        if not stripped or stripped in _BOILERPLATE:
            self.parts.append((line, None))
            return
        record = self._record(line, stripped)
        if record is not self._open:
            self._open = record
        record.lines.append(line)
        self.parts.append((line, record))

    def _tag(self, closes: bool, name: str) -> None:
        self._open = None
        if closes:
            self.balanced = self.balanced and name == self._section
            self._section = ""
            return
        self.balanced = self.balanced and not self._section
        self._section = name

    def _record(self, line: str, stripped: str) -> _Record:
        """The record that the line belongs to, or begins."""
        section, current = self._section, self._open
        if not section or section.endswith("FACTS"):
            fact = fact_line(line)
            if fact is not None:
                return _Record(section, [], Kind.fact, fact, unparsed=not section, prose=False)
            if current is not None and current.fact is not None and _continues(line, stripped):
                return current
            if current is not None and current.unparsed and current.fact is None:
                return current
            return _Record(section, [], unparsed=True)
        if not section.endswith(_SECTIONS):
            return current or _Record(section, [], unparsed=True)
        if section.endswith("SUMMARY"):
            return _Record(section, [])
        begins = stripped.startswith(_BULLETS) or stripped.startswith("Name:")
        if current is None or begins:
            return _Record(section, [], Kind.event if section.endswith("EPISODES") else Kind.unknown)
        return current


def _continues(line: str, stripped: str) -> bool:
    return line[:1].isspace() and not stripped.startswith(_BULLETS)


def _piece(reading: Reading, raw: Raw, place: str, reader: _Reader) -> Blob:
    known = {_folded(each.text): each for each in reading.candidates if each.kind is Kind.fact}
    indices: dict[int, int] = {}
    counts: dict[str, int] = {}
    runs: list[Run] = []
    last = len(reader.parts) - 1
    for number, (line, record) in enumerate(reader.parts):
        text = line if number == last else line + "\n"
        if record is None:
            runs.append(Run(text))
            continue
        index = indices.get(id(record))
        if index is None:
            section = record.section.lower() or "text"
            counts[section] = counts.get(section, -1) + 1
            name = f"{place}/{section}/{counts[section]}"
            index = reading.add(_candidate(reading, record, name, known, sound=reader.sound))
            indices[id(record)] = index
        runs.append(Run(text, index, record.prose))
    reading.held += len(runs)
    return Blob(raw=raw, runs=runs)


def _candidate(
    reading: Reading, record: _Record, name: str, known: Mapping[str, Candidate], *, sound: bool
) -> Candidate:
    claims: Claims = reading.unparsed if record.unparsed else NO_CLAIMS
    fact = record.fact
    if fact is None:
        candidate = prose_of("\n".join(record.lines), name, reading.source, claims=claims)
        candidate = msgspec.structs.replace(candidate, kind=record.kind)
    else:
        reading.beside.append(fact.times)
        doubtful = fact.times.doubtful(reading.source.now)
        candidate = prose_of(
            fact.text, name, reading.source, claims=inspected(claims) if doubtful else claims
        )
        same = known.get(_folded(fact.text))
        candidate = msgspec.structs.replace(
            candidate,
            kind=Kind.fact,
            invalid_at=fact.times.invalid_at,
            attached=tuple(record.lines[1:]),
        )
        if same is not None:
            candidate = _as_stated(candidate, same)
    return candidate if sound else contested(candidate)


def _as_stated(candidate: Candidate, same: Candidate) -> Candidate:
    """The ends that the same fact has where the answer holds it whole: a line does not say when it was retired."""
    return msgspec.structs.replace(
        candidate,
        invalid_at=same.invalid_at if candidate.invalid_at is None else candidate.invalid_at,
        expires_at=same.expires_at,
        superseded_by=same.superseded_by,
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
