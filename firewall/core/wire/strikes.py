"""Striking what is over out of texts that were drawn from it: summaries keep a fact long after it was retired.

Texts are compared by their words alone. A line goes where it holds the whole fact, or else the one sentence that does.
"""

import re
from collections.abc import Iterable, Sequence

_WORDS = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
#: A shorter fact would strike too much.
_FEWEST_WORDS = 3


def struck_words(facts: Iterable[str]) -> tuple[str, ...]:
    """The facts as words between spaces; those that are too short to be told from others are left out."""
    found = {words for fact in facts if (words := _worded(fact)).count(" ") > _FEWEST_WORDS}
    return tuple(sorted(found))


def without(text: str, struck: Sequence[str]) -> str:
    """The text without the lines and sentences that hold any of the facts; the same text where none does."""
    if not struck or not _holds(text, struck):
        return text
    lines = [(line, _spared(line, struck)) for line in text.split("\n")]
    return "\n".join(spared for line, spared in lines if spared or not line)


def _spared(line: str, struck: Sequence[str]) -> str:
    """What is left of one line."""
    if not _holds(line, struck):
        return line
    return " ".join(part for part in _SENTENCE.split(line) if not _holds(part, struck))


def _worded(text: str) -> str:
    return f" {' '.join(_WORDS.findall(text.casefold()))} "


def _holds(text: str, struck: Sequence[str]) -> bool:
    words = _worded(text)
    return any(fact in words for fact in struck)
