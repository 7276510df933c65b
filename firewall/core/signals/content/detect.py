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
from firewall.core.signals.content.index import Match, candidates, matches
from firewall.core.signals.content.mention import Quotations
from firewall.core.signals.content.pattern import Check, Kind, Pattern

_USE, _CARD, _DECODE = Check.use, Check.card, Check.decode

MOST_READINGS = 160
MOST_MENTIONS = 64
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
    folded = fold(text)
    patterns = candidates(folded)
    plain = text.isascii() or is_plain(text)
    if plain and not patterns:
        return ()
    look = _Look(MOST_READINGS)
    look.scan(folded, patterns, "", 0)
    if not plain:
        for name in deceptions(text):
            look.add("obfuscation", name, "", 0.9)
        look.read(Reading("lookalikes", skeleton(folded)), folded, 0)
        look.read(Reading("tags", hidden_tags(text)), folded, 0)
    return tuple(
        sorted(Detection(kind, name, via, confidence) for (kind, name, via), confidence in look.found.items())
    )


class _Look:
    """One look at one text: what was found so far, and how many readings it may still open."""

    def __init__(self, budget: int) -> None:
        self.found: dict[tuple[Kind, str, str], float] = {}
        self.budget = budget

    def add(self, kind: Kind, name: str, via: str, confidence: float) -> None:
        key = (kind, name, via)
        self.found[key] = max(confidence, self.found.get(key, 0.0))

    def scan(self, text: str, patterns: list[Pattern], via: str, depth: int) -> None:
        """`patterns` are the candidates of this text, which is a reading when `via` is not empty."""
        quoted = Quotations(text)
        decoders: dict[str, None] = {}
        for pattern in patterns:
            if pattern.check is _DECODE:
                decoders[pattern.name] = None
            elif pattern.kind != "pii" or not via:
                self._match(pattern, quoted, via)
        if depth < DEEPEST:
            for decoder in decoders:
                for reading in readings(decoder, text):
                    if reading.place is None or not quoted.is_reported(*reading.place):
                        self.read(reading, text, depth)

    def read(self, reading: Reading, outer: str, depth: int) -> None:
        """Scan a reading. One of the whole text says only what the text itself did not say already."""
        if self.budget == 0 or not reading.text or reading.text == outer:
            return
        patterns = candidates(reading.text)
        if not patterns:
            return
        inner = _Look(self.budget - 1)
        inner.scan(reading.text, patterns, reading.via, depth + 1)
        self.budget = inner.budget
        seen = {key[:2] for key in self.found} if reading.place is None else set()
        fresh = {key: confidence for key, confidence in inner.found.items() if key[:2] not in seen}
        for key, confidence in fresh.items():
            self.add(*key, confidence)
        if fresh:
            self.add("obfuscation", _DISGUISES.get(reading.via, "encoded"), reading.via, 0.9)

    def _match(self, pattern: Pattern, quoted: Quotations, via: str) -> None:
        known = self.found.get((pattern.kind, pattern.name, via), 0.0)
        if known >= pattern.confidence and pattern.check is not _CARD:
            return  # it would say the same again
        for count, match in enumerate(matches(pattern, quoted.text)):
            # Whoever mentions a thing this often means it.
            crowded = pattern.check is _USE and count >= MOST_MENTIONS
            if not crowded and not _holds(pattern, match, quoted):
                continue
            self.add(pattern.kind, pattern.name, via, pattern.confidence)
            if pattern.check is _CARD and _is_near_secrets(quoted.text, match):
                self.add("secret", "card", via, pattern.confidence)
            elif pattern.check is not _CARD:
                return


def _holds(pattern: Pattern, match: Match, quoted: Quotations) -> bool:
    if pattern.check is _USE:
        return quoted.is_used(*_words(quoted.text, match))
    match pattern.check:
        case Check.shape:
            return values.looks_like_token(match.group())
        case Check.assigned:
            return values.looks_random(_value(match))
        case Check.password:
            return _is_password(quoted.text, match)
        case Check.card:
            return values.passes_luhn(match.group())
        case Check.always | Check.decode | Check.use:
            return True


def _words(text: str, match: Match) -> tuple[int, int]:
    """The match without the line ends and signs that some rows begin with."""
    start, end = match.span()
    while start < end and text[start] in " \t\r\n.;>]":
        start += 1
    return start, end


def _value(match: Match) -> str:
    return match.groups()[-1] or ""


def _is_password(text: str, match: Match) -> bool:
    value = _value(match)
    if values.looks_like_password(value):
        return True
    before = match.group()[: -len(value)] if match.group().endswith(value) else ""
    return bool(before) and values.is_chosen_word(value, before, text[match.end() : match.end() + 12])


def _is_near_secrets(text: str, match: Match) -> bool:
    near = text[max(0, match.start() - 80) : match.start()] + text[match.end() : match.end() + 80]
    return _NEAR_A_CARD.search(near) is not None
