"""What a secret looks like, as against a placeholder, a digest, an identifier or a word about secrets."""

import math
import re
from collections import Counter

_PLACEHOLDER = re.compile(
    r"^(?:<.*|\$.*|%.*|\{.*|\[.*|\(.*|\*+|#+|\.{2,}.*|-{3,}|_{3,}|x{3,}.*|your[_-].*|my[_-]?(?:secret|password|token|key|api).*|.*(?:placeholder|redacted|changeme|change[_-]me|replace[_-]?(?:me|with)|todo"
    r"|dummy|your[_-]?(?:api|key|token|secret|password)|xxxx|\*{3,}|\.\.\.|process\.env|os\.environ|getenv|secrets?\.|vault|_here$|_goes_).*"
    r"|(?:null|none|nil|undefined|true|false|yes|no|string|str|int|bool|bytes|optional|required|any|object|number|text|type|value|example|test|n/a|tbd|unset|empty|env|environment|keyring|hidden|secret|password|token|key)\W*)$",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[(){}<>\[\]|\\]|^(?:self|this|config|settings|env|process|args|request|req|user|data|options|props|params|ctx|os|app)\.|::|->|=>|^\w+_\w+_\w+$|^--|://"
)
_UUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)
_WORD = re.compile(r"^[A-Za-z]+(?:[-'/][A-Za-z]+)*$")
_DATE_OR_SIZE = re.compile(
    r"^(?:\d{4}-\d\d.*|\d+[-_]?(?:char|digit|byte|bit|day|hour|minute|second|min|sec|ms|month|week|year)\w*|\d{1,5})$",
    re.IGNORECASE,
)
_PROSE = frozenset(
    [
        "required",
        "optional",
        "wrong",
        "incorrect",
        "correct",
        "invalid",
        "valid",
        "expired",
        "weak",
        "strong",
        "secure",
        "secret",
        "safe",
        "stored",
        "hashed",
        "encrypted",
        "protected",
        "kept",
        "saved",
        "rotated",
        "reset",
        "changed",
        "set",
        "unset",
        "unknown",
        "missing",
        "empty",
        "blank",
        "needed",
        "mandatory",
        "case",
        "sensitive",
        "private",
        "public",
        "shared",
        "managed",
        "handled",
        "generated",
        "stale",
        "old",
        "new",
        "same",
        "different",
        "hidden",
        "masked",
        "known",
        "here",
        "there",
        "below",
        "above",
        "never",
        "always",
        "only",
        "currently",
        "now",
        "also",
        "already",
        "being",
        "used",
        "using",
        "not",
        "too",
        "very",
        "the",
        "this",
        "that",
        "what",
        "where",
        "when",
        "with",
        "from",
        "your",
        "their",
        "mine",
        "his",
        "her",
        "our",
        "its",
        "for",
        "and",
        "was",
        "are",
        "default",
        "recommended",
        "available",
        "disabled",
        "enabled",
        "policy",
        "manager",
        "written",
        "somewhere",
        "something",
        "anything",
        "nothing",
        "probably",
        "still",
        "good",
        "great",
        "fine",
    ]
)
_PARTICIPLE = re.compile(r"(?:ed|ing|able|ible|ly|tion)$", re.IGNORECASE)


def is_placeholder(value: str) -> bool:
    """Something that stands where a secret would stand."""
    return bool(_PLACEHOLDER.match(value)) or len(set(value.lower())) <= max(2, len(value) // 10)


def looks_like_token(token: str) -> bool:
    """A token of a known shape that is not filled up with placeholders."""
    lowered = token.lower()
    if any(
        mark in lowered
        for mark in ("xxxx", "your", "placeholder", "redacted", "****", "abcdefghij", "1234567890abcdef1234")
    ):
        return False
    return len(set(token)) >= 8 or len(token) < 16


def looks_random(value: str) -> bool:
    """An assigned value that no person would write as a word: long enough, letters and digits, high entropy."""
    value = value.strip("'\"`.,;")
    if (
        len(value) < 8
        or is_placeholder(value)
        or _CODE.search(value)
        or _UUID.match(value)
        or _DATE_OR_SIZE.match(value)
    ):
        return False
    digits = sum(character.isdigit() for character in value)
    letters = sum(character.isalpha() for character in value)
    if not digits or not letters:
        return len(value) >= 20 and letters > 0 and not _WORD.match(value) and _entropy(value) >= 4.2
    if re.match(r"^(?:v?\d+(?:\.\d+)+|[a-z]+[-_.]?\d{1,4})$", value, re.IGNORECASE):
        return False
    return _entropy(value) >= (2.8 if len(value) < 16 else 3.2) and (digits >= 2 or len(value) >= 20)


def looks_like_password(value: str) -> bool:
    """What a person would choose: with a digit or a sign in it, or a bare word that is no prose about passwords."""
    bare = value.strip("'\"`.,;:!?)*")
    if (
        len(bare) < 4
        or is_placeholder(bare)
        or _CODE.search(bare)
        or _UUID.match(bare)
        or _DATE_OR_SIZE.match(bare)
    ):
        return False
    if _WORD.match(bare):
        return False
    if not bare.isascii() and not any(character.isdigit() for character in bare):
        return False
    return len(set(bare)) > 2


def is_chosen_word(value: str, before: str, after: str) -> bool:
    """Whether "the password is swordfish" ends there: a word alone, after "is", that does not describe a password."""
    bare = value.strip("'\"`.,;:!?)*")
    if (
        not _WORD.match(bare)
        or len(bare) < 5
        or bare.lower() in _PROSE
        or _PARTICIPLE.search(bare)
        or is_placeholder(bare)
    ):
        return False
    said = re.search(r"(?:\b(?:is|was|are|es|est|ist|e)|是|为|は)\s{0,3}['\"`*]{0,3}$", before, re.IGNORECASE)
    closed = (
        value[-1:] in ".!;" or not after.strip() or re.match(r"\s*(?:[.,;!\n'\"`)]|and\b|for\b|but\b)", after)
    )
    return bool(said and closed)


def passes_luhn(digits: str) -> bool:
    """The check digit of payment cards."""
    numbers = [int(character) for character in digits if character.isascii() and character.isdigit()]
    if not 13 <= len(numbers) <= 19 or len(set(numbers)) < 3:
        return len(numbers) == 16 and len(set(numbers)) == 2 and _luhn(numbers)
    return _luhn(numbers)


def _luhn(numbers: list[int]) -> bool:
    total = 0
    for place, number in enumerate(reversed(numbers)):
        doubled = number * 2 if place % 2 else number
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _entropy(value: str) -> float:
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())
