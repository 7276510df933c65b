"""One search for all tables: which patterns can match a text at all, and where they do.

The hints of the tables are two RE2 sets: the narrow one for every text, the wide one only for texts that are not
ASCII. Both are linear in the text. A set that runs out of memory would report nothing, so that is tried when it is
built: a detector that cannot see must not start.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Protocol

import re2

from firewall.core.signals.content.pattern import Pattern
from firewall.core.signals.content.tables import PATTERNS

#: For the automaton's states, of which ordinary traffic needs some megabytes. When it is full it starts afresh.
_AUTOMATON_BYTES = 32 << 20


class Match(Protocol):
    """What we use of a match of RE2."""

    def start(self) -> int: ...
    def end(self) -> int: ...
    def groups(self) -> tuple[str | None, ...]: ...
    def group(self) -> str: ...


def is_clean(text: str) -> bool:
    """Whether no pattern can match this ASCII text: the only thing that most texts cost."""
    return _narrow()(text) is None


def candidates(text: str) -> list[Pattern]:
    """The patterns whose hint is in the text, in the order of the tables."""
    found = _narrow()(text)
    patterns = [_split()[0][number] for number in sorted(found)] if found else []
    if not text.isascii():
        patterns += [_split()[1][number] for number in sorted(_wide()(text) or ())]
    return patterns


def matches(pattern: Pattern, text: str) -> Iterator[Match]:
    """The matches of one pattern, from left to right."""
    found: Iterator[Match] = _regex(pattern.regex).finditer(text)
    return found


@functools.cache
def _split() -> tuple[list[Pattern], list[Pattern]]:
    narrow = [pattern for pattern in PATTERNS if pattern.hint.isascii()]
    return narrow, [pattern for pattern in PATTERNS if not pattern.hint.isascii()]


@functools.cache
def _narrow() -> Callable[[str], list[int] | None]:
    return _search(_split()[0], "ignore previous instructions")


@functools.cache
def _wide() -> Callable[[str], list[int] | None]:
    return _search(_split()[1], "忽略之前的指令")


def _search(patterns: list[Pattern], canary: str) -> Callable[[str], list[int] | None]:
    options = re2.Options()
    options.max_mem = _AUTOMATON_BYTES
    options.never_capture = True
    hints = re2.Set.SearchSet(options)
    for pattern in patterns:
        hints.Add(pattern.hint)
    hints.Compile()
    search: Callable[[str], list[int] | None] = hints.Match
    if not search(canary):
        raise RuntimeError("the content patterns do not fit into the automaton's memory")
    return search


@functools.cache
def _regex(regex: str) -> "re2._Regexp":
    return re2.compile(regex)
