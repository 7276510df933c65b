"""Where something may be hidden: each row names the decoder of `decoding` that makes it readable.

A match says nothing by itself. Only what comes out, when it carries a finding of its own, is reported.
"""

from firewall.core.signals.content.pattern import Check, Pattern, exact

_LOOKALIKES = {"a": "4@", "e": "3", "i": "1!|", "o": "0", "s": "5$", "t": "7+", "l": "1|", "g": "9", "b": "8"}
_LEET_WORDS = (
    "ignore",
    "instructions",
    "previous",
    "system",
    "prompt",
    "bypass",
    "reveal",
    "password",
    "override",
    "disregard",
)
_ROT13_WORDS = (
    "vtaber",
    "vafgehpgvba",
    "cerivbhf",
    "flfgrz",
    "cebzcg",
    "cnffjbeq",
    "qvfertneq",
    "erirny",
    "olcnff",
    "perqragvny",
)
_REVERSED_WORDS = ("snoitcurtsni", "noitcurtsni", "suoiverp", "tpmorp", "drowssap", "slaitnederc")


def _leet(word: str) -> str:
    """The word with at least one letter replaced by a digit or sign that looks like it."""
    plain = [f"[{letter}{_LOOKALIKES.get(letter, '')}]" for letter in word]
    variants = []
    for place, letter in enumerate(word):
        if letter in _LOOKALIKES:
            variants.append(word[:place] + f"[{_LOOKALIKES[letter]}]" + "".join(plain[place + 1 :]))
    return "|".join(variants)


def _decoder(name: str, *rows: str) -> tuple[Pattern, ...]:
    return exact("obfuscation", name, 0.8, Check.decode, *rows)


PATTERNS: tuple[Pattern, ...] = (
    *_decoder("blob", r"[A-Za-z0-9+]{20}"),
    *_decoder(
        "hex",
        r"«(?:\b(?:0x)?[0-9a-fA-F]{2}[\s:,]){3}»(?:(?:0x)?[0-9a-fA-F]{2}[\s:,]{1,2}){7}",
        r"(?:\\x[0-9a-fA-F]{2}){4}",
    ),
    *_decoder("escape", r"(?:\\u(?:00|\{)[0-9a-fA-F]{2}\}?){4}", r"(?:&#x?[0-9a-fA-F]{2,6};){3}"),
    *_decoder("url", r"«%[0-9a-fA-F]{2}[^%\s]*%[0-9a-fA-F]{2}»[^%\s]*%[0-9a-fA-F]{2}"),
    *_decoder("rot13", rf"(?i)\b(?:{'|'.join(_ROT13_WORDS)})"),
    *_decoder("reversed", rf"(?i)(?:{'|'.join(_REVERSED_WORDS)})\b"),
    *_decoder("leet", rf"(?i)(?:{'|'.join(_leet(word) for word in _LEET_WORDS)})"),
    *_decoder("snake", r"(?i)[a-z]_(?:all|any|the|your|previous|prior|above|system|safety|user)_[a-z]"),
    *_decoder("spaced", r"«(?:\b[A-Za-z][ ._*|/-]+){4}»(?:[A-Za-z][ ._*|/-]{1,3}){3}[A-Za-z]\b"),
    *_decoder("control", r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"),
)
