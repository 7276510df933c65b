"""One row of a pattern table, and the small notation in which phrases are written.

A phrase is a regular expression in RE2 syntax, matched without regard to case, with two abbreviations:

    a space     whatever may stand between two words: white space, underscores, quotes, markdown stars
    ..          up to four words of the same sentence
    ...         up to eight words of the same sentence

so that `ignore .. instructions` reads as it means. In any row, `«` and `»` mark its hint: a part without a gap that
every match holds and few texts do. The hints of all rows are searched at once, and only a row whose hint was found is
matched by itself; gaps inside one automaton of hundreds of rows would make it grow without end. Text is folded before it is matched (see `folding`): Latin letters
carry no accents, quotes are straight. Tables hold data only; what a match is worth is decided by its `Check`.
"""

import enum
import re
from typing import Literal

import msgspec

Kind = Literal["injection", "exfiltration", "secret", "obfuscation", "markup", "procedure_change", "pii"]

_BOUNDARY = r"\b"
_BETWEEN = r"(?:[\s_*\"'`~,:(\[-]+)"
_WORD = r"(?:[^\s.!?;]+\s+)"
_SIGNS = r"[\"'`*_(\[]*"
_MEANING = {
    " ": _BETWEEN,
    " .. ": f"{_BETWEEN}{_WORD}{{0,4}}{_SIGNS}",
    " ... ": f"{_BETWEEN}{_WORD}{{0,8}}{_SIGNS}",
}

#: A space inside a character class is a space.
_NOTATION = re.compile(r"\[[^\]]*\]| \.{2,3} | ")


class Check(enum.Enum):
    """What has to hold besides the match itself."""

    use = "use"  # it is used, not merely mentioned (quoted, reported, negated)
    always = "always"  # the shape says it all
    shape = "shape"  # a token of a known shape, unless it is a placeholder
    assigned = "assigned"  # the last group is a value that looks random
    password = "password"  # noqa: S105 - the last group is a value that a person would choose as a password
    card = "card"  # the digits pass the Luhn check
    decode = "decode"  # something may be encoded here: `name` is a decoder of `decoding`


class Pattern(msgspec.Struct, frozen=True):
    """`name` is stable: it is the second half of a reason code, and reviewers release by it. `hint` is part of `regex`."""

    kind: Kind
    name: str
    confidence: float
    check: Check
    regex: str
    hint: str


def phrases(kind: Kind, name: str, confidence: float, *rows: str) -> tuple[Pattern, ...]:
    """Rows in the phrase notation, for what can also merely be mentioned."""
    return tuple(
        Pattern(
            kind, name, confidence, Check.use, "(?i)" + _phrase(_unmarked(row)), "(?i)" + _phrase(_hint(row))
        )
        for row in rows
    )


def exact(kind: Kind, name: str, confidence: float, check: Check, *rows: str) -> tuple[Pattern, ...]:
    """Rows that are plain RE2 but for the marks of the hint; flags stand first."""
    return tuple(
        Pattern(
            kind,
            name,
            confidence,
            check,
            _unmarked(row),
            ("(?i)" if row.startswith("(?i)") else "") + _hint(row),
        )
        for row in rows
    )


def _hint(row: str) -> str:
    begin, end = row.find("«"), row.find("»")
    return row.removeprefix("(?i)") if begin < 0 else row[begin + 1 : end]


def _unmarked(row: str) -> str:
    return row.replace("«", "").replace("»", "")


def _phrase(row: str) -> str:
    """The phrase notation as RE2, from the beginning of a word on.

    A boundary is one between ASCII characters to RE2: it would never hold before a Chinese word.
    """
    first = row.lstrip("(?:")[0]
    boundary = _BOUNDARY if first.isascii() and first.isalpha() else ""
    return boundary + _NOTATION.sub(lambda found: _MEANING.get(found.group(), found.group()), row)
