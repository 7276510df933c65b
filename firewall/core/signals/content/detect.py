"""What a text carries, judged by the text alone, so that it may be cached by (`DETECTOR_REVISION`, text).

A clean ASCII text costs one search. Only where a hint was found is a pattern matched by itself, and only where it
matched is its place read: used or mentioned, a secret or a placeholder, something that decodes to more of the same.
Work is bounded: matches per pattern, readings per text, two encodings deep.
"""

import re

import msgspec

from firewall.core.signals.content import values
from firewall.core.signals.content.decoding import Reading, readings
from firewall.core.signals.content.folding import (
    deceptions,
    fold,
    hidden_tags,
    is_plain,
    skeleton,
)
from firewall.core.signals.content.index import MAX_MATCHES, Found, candidates, is_clean, matches
from firewall.core.signals.content.mention import is_quoted_report, is_used, quotations
from firewall.core.signals.content.pattern import Check, Kind, Pattern

MOST_READINGS = 24
DEEPEST = 2

_NEAR_A_CARD = re.compile(
    r"pass(?:word|wd|code)|\bpin\b|\bcvv2?\b|\bcvc\b|security code|secret|credential", re.IGNORECASE
)

#: How the way in which something was hidden is called; any other way is `encoded`.
_DISGUISES = {"lookalikes": "homoglyph", "tags": "invisible_data", "control": "control"}


class Detection(msgspec.Struct, frozen=True, order=True):
    """`name` is the stable name of the pattern; `via` says through which encoding it was seen, empty for plain text."""

    kind: Kind
    name: str
    via: str = ""
    confidence: float = 1.0


def detect(text: str) -> tuple[Detection, ...]:
    """All that this text carries, each once, sorted; total over any string."""
    if text.isascii():
        return () if is_clean(text) else _Examination().run(text)
    folded = fold(text)
    if is_plain(text) and not candidates(folded):
        return ()
    return _Examination().run(text)


class _Examination:
    """One look at one text: what was found so far, and how much was already read."""

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str, str], float] = {}
        self._readings = 0

    def run(self, text: str) -> tuple[Detection, ...]:
        folded = fold(text)
        self._scan(folded, "", 0)
        if not text.isascii():
            for name in deceptions(text):
                self._add("obfuscation", name, "", 0.9)
            self._read(Reading("lookalikes", skeleton(folded)), folded, 0)
            self._read(Reading("tags", hidden_tags(text)), "", 0)
        return tuple(
            sorted(
                Detection(kind, name, via, confidence)
                for (kind, name, via), confidence in self._found.items()
            )
        )

    def _add(self, kind: Kind, name: str, via: str, confidence: float) -> None:
        key = (kind, name, via)
        self._found[key] = max(confidence, self._found.get(key, 0.0))

    def _scan(self, text: str, via: str, depth: int) -> None:
        quoted = quotations(text)
        decoders: list[Pattern] = []
        for pattern in candidates(text):
            if pattern.check is Check.decode:
                decoders.append(pattern)
            elif pattern.kind != "pii" or not via:
                self._match(pattern, text, via, quoted)
        if depth < DEEPEST:
            for name in dict.fromkeys(pattern.name for pattern in decoders):
                for reading in readings(name, text):
                    if reading.place is None or not is_quoted_report(text, reading.place, quoted):
                        self._read(reading, text, depth)

    def _read(self, reading: Reading, outer: str, depth: int) -> None:
        """Scan a reading. One of the whole text says only what the text itself did not say already."""
        if self._readings >= MOST_READINGS or not reading.text or reading.text == outer:
            return
        self._readings += 1
        inner = _Examination()
        inner._readings = self._readings
        inner._scan(reading.text, reading.via, depth + 1)
        self._readings = inner._readings
        seen = {(kind, name) for kind, name, _ in self._found} if reading.place is None else set()
        fresh = {key: value for key, value in inner._found.items() if key[:2] not in seen}
        for (kind, name, via), confidence in fresh.items():
            self._add(kind, name, via, confidence)
        if fresh:
            self._add("obfuscation", _DISGUISES.get(reading.via, "encoded"), reading.via, 0.9)

    def _match(self, pattern: Pattern, text: str, via: str, quoted: list[tuple[int, int]]) -> None:
        for count, found in enumerate(matches(pattern, text)):
            # Whoever mentions a thing this often means it.
            if count < MAX_MATCHES and not _holds(pattern, text, found, quoted):
                continue
            self._add(pattern.kind, pattern.name, via, pattern.confidence)
            if pattern.check is Check.card and _is_near_secrets(text, found):
                self._add("secret", "card", via, pattern.confidence)
            elif pattern.check is not Check.card:
                return


def _holds(pattern: Pattern, text: str, found: Found, quoted: list[tuple[int, int]]) -> bool:
    match pattern.check:
        case Check.use:
            return is_used(text, *_words(found), quoted)
        case Check.shape:
            return values.looks_like_token(found.group())
        case Check.assigned:
            return values.looks_random(_value(found))
        case Check.password:
            return _is_password(text, found)
        case Check.card:
            return values.passes_luhn(found.group())
        case Check.always | Check.decode:
            return True


def _words(found: Found) -> tuple[int, int]:
    """The match without the line ends and signs that some rows begin with."""
    matched = found.group()
    return found.start() + len(matched) - len(matched.lstrip(" \t\r\n.;>]")), found.end()


def _value(found: Found) -> str:
    return found.groups()[-1] or ""


def _is_password(text: str, found: Found) -> bool:
    value = _value(found)
    if values.looks_like_password(value):
        return True
    before = found.group()[: -len(value)] if found.group().endswith(value) else ""
    return bool(before) and values.is_chosen_word(value, before, text[found.end() : found.end() + 12])


def _is_near_secrets(text: str, found: Found) -> bool:
    near = text[max(0, found.start() - 80) : found.start()] + text[found.end() : found.end() + 80]
    return _NEAR_A_CARD.search(near) is not None
