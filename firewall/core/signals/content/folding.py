"""Text as the eye reads it: one form for all the ways to write the same letters.

`fold` makes compatibility forms, Latin accents, typographic quotes and invisible characters plain. `deceptions` names
the ways of writing that have no honest use: invisible characters inside a word, bidi overrides, letters of another
alphabet inside a Latin word. Plain text of any script, emoji sequences and the joiners of Persian are honest.
"""

import functools
import re
import unicodedata

_JOINERS = "\u200b\u200c\u200d\u2060\u2061-\u2064\ufeff\u180e\u034f"
_INVISIBLE = re.compile(
    f"[{_JOINERS}\u00ad\u200e\u200f\u202a-\u202e\u2066-\u206f\ufe00-\ufe0f\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
_INSIDE_WORD = re.compile(f"[A-Za-z][{_JOINERS}]+[A-Za-z]")
_OVERRIDE = re.compile("[\u202d\u202e]")
_EMBEDDING = re.compile("[\u202a\u202b\u2066-\u2068]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_TAGS = re.compile("[\U000e0001-\U000e007f]+")
_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]{1,8}\U000e007f")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_MIXED = re.compile("[A-Za-z][\u0370-\u052f\u0531-\u0587]|[\u0370-\u052f\u0531-\u0587][A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")
_OTHER_ALPHABET = re.compile("[\u0370-\u052f\u0531-\u0587]")

_TWINS = dict(
    zip(
        "аеорсухіјѕһԁԛԝьвгктмнпАВЕКМНОРСТХУІЈЅԌԚԜҮѡαορνικτυωεΑΒΕΖΗΙΚΜΝΟΡΤΥΧօոսցհԼ",
        "aeopcyxijshdqwbbrktmhnABEKMHOPCTXYIJSGQWYwaopviktuweABEZHIKMNOPTYXonugɦL",
        strict=True,
    )
)
_TWIN_TABLE = {ord(other): latin for other, latin in _TWINS.items()}
_QUOTES = {
    **dict.fromkeys(
        map(
            ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u300c\u300d\u300e\u300f\u300a\u300b\u301d\u301e"
        ),
        '"',
    ),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u00b4\u2039\u203a"), "'"),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
}
_LETTERS = {
    "ß": "ss",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "æ": "ae",
    "œ": "oe",
    "ı": "i",
    "ð": "d",
    "þ": "th",
}


@functools.cache
def _folding() -> tuple[re.Pattern[str], dict[str, str]]:
    """Latin letters without their accents, quotes and dashes straight. Cyrillic й and Japanese が stay whole."""
    plain = {chr(code): mark for code, mark in _QUOTES.items()} | _LETTERS
    for code in (*range(0x00C0, 0x0250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii():
            plain[chr(code)] = base
    plain.update(dict.fromkeys(map(chr, range(0x0300, 0x0370)), ""))
    return re.compile(f"[{''.join(plain)}]"), plain


def fold(text: str) -> str:
    """The text without what the eye does not see, in one form. Total: a lone surrogate becomes a replacement mark."""
    if text.isascii():
        return text
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _broken(text) else text
    folded, plain = _folding()
    return folded.sub(
        lambda found: plain[found.group()], unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    )


def _broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def is_plain(text: str) -> bool:
    """Whether nothing is invisible and no word mixes alphabets."""
    return _INVISIBLE.search(text) is None and not _mixes_alphabets(text)


def _mixes_alphabets(text: str) -> bool:
    return _OTHER_ALPHABET.search(text) is not None and _MIXED.search(text) is not None


def skeleton(folded: str) -> str:
    """The folded text with the letters of other alphabets replaced by the Latin ones that they look like."""
    return folded.translate(_TWIN_TABLE) if _mixes_alphabets(folded) else folded


def deceptions(text: str) -> list[str]:
    """The names of the dishonest ways in which this text is written."""
    names = []
    if _INSIDE_WORD.search(text):
        names.append("invisible")
    if _TAGS.search(_FLAG.sub("", text)) or _SELECTORS.search(text):
        names.append("invisible_data")
    if _OVERRIDE.search(text) or (_EMBEDDING.search(text) and not _RIGHT_TO_LEFT.search(text)):
        names.append("bidi")
    if _has_disguised_word(text):
        names.append("homoglyph")
    return names


def _has_disguised_word(text: str) -> bool:
    """A word of look-alikes among Latin letters, in a text that has no honest word of that other alphabet."""
    if not _mixes_alphabets(text):
        return False
    disguised = False
    for word in _WORD.findall(text):
        if not _OTHER_ALPHABET.search(word):
            continue
        reads = word.translate(_TWIN_TABLE)
        if not reads.isascii():
            return False
        mixed = any(letter.isascii() for letter in word)
        disguised = disguised or (mixed and len(word) > 2)
    return disguised


def hidden_tags(text: str) -> str:
    """What the invisible tag characters and variation selectors of a text spell."""
    spelled = "".join(chr(ord(tag) - 0xE0000) for run in _TAGS.findall(_FLAG.sub("", text)) for tag in run)
    for run in _SELECTORS.findall(text):
        codes = [ord(mark) - 0xFE00 if ord(mark) < 0xE0100 else ord(mark) - 0xE0100 + 16 for mark in run]
        spelled += bytes(codes).decode("utf-8", "replace")
    return spelled
