"""One search for all tables: which patterns can match a text at all, and where they do.

The hints of the tables are two RE2 sets: the narrow one for every text, the wide one only for texts that are not
ASCII. Both are linear in the text. A set that runs out of memory would report nothing, so that is tried when it is
built: a detector that cannot see must not start.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Protocol

import re2

from firewall.core.signals.content.pattern import Check, Kind, Pattern
from firewall.core.signals.content.tables import PATTERNS

#: For the automaton's states, of which ordinary traffic needs some megabytes. When it is full it starts afresh.
_AUTOMATON_BYTES = 32 << 20

#: The same for the rows of one kind, and the longest text that they are searched for together.
_ROWS_BYTES = 8 << 20
_MOST_CHARS = 4_000

#: What no memory says; with this alone in it, a set that is too small for its memory would find nothing.
_CANARY = "\x00memfw-canary\x00"

_USE, _DECODE = Check.use, Check.decode
_Search = Callable[[str], list[int] | None]


class Match(Protocol):
    """What we use of a match of RE2."""

    def start(self) -> int: ...
    def end(self) -> int: ...
    def span(self) -> tuple[int, int]: ...
    def groups(self) -> tuple[str | None, ...]: ...
    def group(self) -> str: ...


def is_clean(text: str) -> bool:
    """Whether no pattern can match this ASCII text: the only thing that most texts cost."""
    return _narrow()(text) is None


def candidates(text: str) -> list[Pattern]:
    """The patterns that match the text, in the order of the tables; of decoders, those whose hint is in it."""
    narrow, wide = _split()
    patterns = _named(narrow, _narrow()(text))
    if not text.isascii():
        patterns += _named(wide, _wide()(text))
    return _matching(patterns, text) if patterns else patterns


def _named(patterns: list[Pattern], numbers: list[int] | None) -> list[Pattern]:
    return [patterns[number] for number in sorted(numbers) if number < len(patterns)] if numbers else []


def _matching(hinted: list[Pattern], text: str) -> list[Pattern]:
    """Most hints lead nowhere; the rows of one kind are tried at once. In a long text they would hinder each other."""
    if len(text) > _MOST_CHARS:
        return hinted
    matching: set[str] = set()
    for kind in {pattern.kind for pattern in hinted if pattern.check is not _DECODE}:
        rows, search = _rows(kind)
        matching.update(rows[number] for number in search(text) or () if number < len(rows))
    return [pattern for pattern in hinted if pattern.check is _DECODE or pattern.regex in matching]


def matches(pattern: Pattern, text: str) -> Iterator[Match]:
    """The matches of one pattern, from left to right."""
    found: Iterator[Match] = _regex(pattern.regex, pattern.check is _USE).finditer(text)
    return found


@functools.cache
def _split() -> tuple[list[Pattern], list[Pattern]]:
    narrow = [pattern for pattern in PATTERNS if pattern.hint.isascii()]
    return narrow, [pattern for pattern in PATTERNS if not pattern.hint.isascii()]


@functools.cache
def _narrow() -> _Search:
    return _search([pattern.hint for pattern in _split()[0]], _AUTOMATON_BYTES)


@functools.cache
def _wide() -> _Search:
    return _search([pattern.hint for pattern in _split()[1]], _AUTOMATON_BYTES)


@functools.cache
def _rows(kind: Kind) -> tuple[list[str], _Search]:
    rows = [pattern.regex for pattern in PATTERNS if pattern.kind == kind and pattern.check is not _DECODE]
    return rows, _search(rows, _ROWS_BYTES)


def _search(patterns: list[str], size: int) -> _Search:
    """The numbers of the patterns that occur in a text. A number behind the last one is the canary's."""
    options = re2.Options()
    options.max_mem = size
    options.never_capture = True
    table = re2.Set.SearchSet(options)
    for pattern in (*patterns, _CANARY):
        table.Add(pattern)
    table.Compile()
    search: _Search = table.Match
    if not search(_CANARY):
        raise RuntimeError("the content patterns do not fit into the automaton's memory")
    return search


@functools.cache
def _regex(regex: str, whole: bool) -> "re2._Regexp":
    """With `whole` the groups of a match are not told, which costs less."""
    options = re2.Options()
    options.never_capture = whole
    return re2.compile(regex, options)
