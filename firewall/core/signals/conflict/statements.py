"""What a text states so plainly that another text can contradict it: subject, and a value or a yes or no.

A statement is a sentence with its value taken out: "the API base is v1" and "API base: v2" leave the same key. Only a
value with a functional predicate counts (is, port, version, uses ...): an order number, a phone, the date of an event
stay in the key, so that lists of like things are no contradiction. One RE2 set decides whether a text is read at all.
"""

import functools
import itertools
import re
from collections.abc import Collection, Iterator

import msgspec
import re2

from firewall.core.signals.conflict import vocabulary

#: Characters of a text, and sentences of it, that are read. A fact stands near the beginning or is not one sentence.
MOST_CHARS = 4_000
_MOST_SENTENCES = 40
_MOST_WORDS = 24
_MOST_IN_SENTENCE = 400
#: A text that is affirmed in so many words may be the opposite of a denial; a longer one is not compared.
SHORT = 240

_VALUE_CUE = (
    r"(?:\b(?:is|are|equals|ports?|version|base|url|uri|endpoint|host|uses?|using|on|at|to|timeout|limit|api|max|maximum|min|"
    r"minimum|default|requires?|needs?|costs?|weighs?|size|count|rate|ttl|interval|replicas|region|node|python|java|go|ruby|php|"
    r"postgres|postgresql|mysql|es|est|ist|puerto|porta|versi[óo]n|vers[ãa]o|release)\b|[=:是为])\s*(?:(?:now|the|currently|at|on|to|about)\s+){0,2}"
    r"[`\"'(]?(?:https?://|/\w|v?\d)|(?:端口|版本|ポート|バージョン)\D{0,4}\d"
)
_SWITCH_CUE = (
    r"\b(?:enabled|disabled|allowed|forbidden|prohibited|optional|required|supported|unsupported|inactive)\b|"
    r"(?:\b(?:is|are|turned|switched|to)|[:=])\s+(?:on|off|yes|no|true|false|active)\b"
)
_DENIAL_CUE = r"\b(?:not|never|cannot|no longer)\b|n['’]t\b"
_CORRECTION_CUE = (
    r"\b(?:correction|corrected|korrektur|corrección|correção|erratum)\b|\b(?:updated?|changed|moved|bumped|migrated|switched) (?:to|from)\b|"
    r"\b(?:earlier|previous|old|prior|former) [\w ]{0,40}\b(?:is|was|are|were) (?:wrong|incorrect|outdated|invalid|obsolete|superseded)\b|"
    r"更正|訂正|改为|改為"
)
_CONTINUATION_CUE = r"\b(?:accepted|current|active|chosen|approved) (?:continuation|route|path|approach|fix|solution|branch|implementation)\b"
#: The prefilter, in the order of the fields of `Cues`.
CUES = (_VALUE_CUE, _SWITCH_CUE, _DENIAL_CUE, _CORRECTION_CUE, _CONTINUATION_CUE)
_VALUE, _SWITCH = 0, 1


class Cues(msgspec.Struct, frozen=True, gc=False):
    """What a text may hold. A text with none of these takes no part in conflicts."""

    value: bool
    switch: bool
    denial: bool
    correction: bool
    continuation: bool


@functools.cache
def _prefilter() -> re2.Set:
    options = re2.Options()
    options.case_sensitive = False
    table = re2.Set.SearchSet(options)
    for pattern in CUES:
        table.Add(pattern)
    table.Compile()
    return table


def cues_of(text: str) -> Cues | None:
    """The cheap look that every text gets; None for most."""
    return cues_from(_hits(text if len(text) <= MOST_CHARS else text[:MOST_CHARS]) or ())


def cues_from(hits: Collection[int]) -> Cues | None:
    """The cues of these places in `CUES`; other numbers are somebody else's."""
    found = [number in hits for number in range(len(CUES))]
    return Cues(*found) if any(found) else None


def _hits(text: str) -> list[int] | None:
    try:
        found: list[int] | None = _prefilter().Match(text)
    except UnicodeEncodeError:  # lone surrogates: look at the rest
        found = _prefilter().Match(text.encode("utf-8", "replace"))
    return found


_SENTENCE = re.compile(r"[.!?;](?=\s|$)|\n|[。！？；]")
_WORD = re.compile(r"https?://[^\s\"'`<>()]+|[\w$€£/][\w$€£./:%+@#'-]*|=")
_SCRIPTS_MEET = re.compile(
    r"(?<=[\u3040-\u30ff\u4e00-\u9fff])(?=[A-Za-z0-9/])|(?<=[A-Za-z0-9])(?=[\u3040-\u30ff\u4e00-\u9fff])"
)
_VERSION = re.compile(r"v\d[\w.-]*")


class Statement(msgspec.Struct, frozen=True, gc=False):
    """`key` is the sentence without its value: who states the same key with another value says otherwise."""

    key: tuple[str, ...]
    value: str


class Correction(msgspec.Struct, frozen=True, gc=False):
    """A text that says of itself that it corrects: the new value, the old one where it names it, what it is about."""

    value: str
    mask: str
    old: frozenset[str]
    about: frozenset[str]


def folded(text: str) -> str:
    """The text in the form in which its words are compared."""
    return text.casefold().replace("’", "'")


def _sentences(text: str) -> list[str]:
    text = folded(text[:MOST_CHARS])
    if not text.isascii():
        text = _SCRIPTS_MEET.sub(" ", text)
    return _SENTENCE.split(text, _MOST_SENTENCES)[:_MOST_SENTENCES]


def _words(sentence: str) -> list[str]:
    """None of a sentence that is too long to be one statement."""
    if len(sentence) > _MOST_IN_SENTENCE:
        return []
    words: list[str] = []
    for run in _WORD.findall(sentence):
        word = run.rstrip(".,:;/'-")
        if word:
            words.append(word)
        if run[-1] == ":":
            words.append(":")
    return words if 1 < len(words) <= _MOST_WORDS else []


def values_in(text: str) -> Iterator[Statement]:
    """The sentences of the text that state one value, or switch something on or off."""
    for sentence in _sentences(text):
        hits = _hits(sentence)
        if not hits or (_VALUE not in hits and _SWITCH not in hits):
            continue
        words = _words(sentence)
        if not words or not vocabulary.DATED.isdisjoint(words):
            continue
        places = [place for place, word in enumerate(words) if _is_value(word) and _functional(words, place)]
        if places:
            values = " ".join(words[place] for place in places)
            key = tuple(_mask(word) if place in places else word for place, word in enumerate(words))
            yield Statement(_stripped(key), values)
            continue
        switch = _switch_in(words)
        if switch is not None:
            yield switch


def opinions_in(text: str) -> Iterator[Statement]:
    """Each sentence as a yes or a no, for texts so short that the opposite would be worded alike."""
    if len(text) > SHORT:
        return
    for words in filter(None, map(_words, _sentences(text))):
        denied = _denied(words)
        kept = [
            word
            for word in words
            if not (_is_denial(word) or word in vocabulary.AUXILIARY or word in {"no", "longer"})
        ]
        key = _stripped(tuple(kept))
        if len(key) > 1 and vocabulary.DATED.isdisjoint(words):
            yield Statement(("±", *key), "no" if denied else "yes")


def correction_in(text: str) -> Correction | None:
    """The one new value that a correcting text gives; None where it gives none or several."""
    old: set[str] = set()
    new: set[str] = set()
    about: set[str] = set()
    for words in map(_words, _sentences(text)):
        for place, word in enumerate(words):
            if _is_value(word):
                before = words[place - 1] if place else ""
                if _functional(words, place):
                    new.add(word)
                elif before in {"from", "not", "of", "was", "old", "previous", "earlier", "port", "version"}:
                    old.add(word)
            elif (
                word not in vocabulary.CORRECTING
                and word not in vocabulary.FILLER
                and word not in vocabulary.LINKS
                and len(word) > 1
            ):
                about.add(_stem(word))
    if len(new) != 1:
        return None
    value = new.pop()
    return Correction(value, _mask(value), frozenset(old - {value}), frozenset(about))


# ---- one sentence ------------------------------------------------------------------------------------------------


def _functional(words: list[str], place: int) -> bool:
    """Does what stands before this value say that there is one at a time?"""
    lead = [
        word for word in words[max(0, place - 6) : place] if word not in vocabulary.FILLER and word != ":"
    ][-4:]
    if not lead:
        return False
    first, second, third = lead[-1], (lead[-2] if len(lead) > 1 else ""), (lead[-3] if len(lead) > 2 else "")
    if (
        first in vocabulary.LINKS
        or (first == "to" and second in vocabulary.MOVED)
        or (first in {"at", "on"} and (second in vocabulary.PLACED or second in vocabulary.LINKS))
    ):
        return vocabulary.NUMBERED.isdisjoint(lead[:-1])
    if first in vocabulary.ATTRIBUTES or first in vocabulary.TAKES:
        return True
    if first == "to" and third == "from" and _is_value(second):
        return True
    if first.endswith(("是", "为", "為", "は", "端口", "版本")):
        return True
    told = not (vocabulary.TAKES | vocabulary.LINKS | vocabulary.PLACED | {"on"}).isdisjoint(lead)
    return told and (first in vocabulary.SOFTWARE or _VERSION.fullmatch(words[place]) is not None)


def _is_value(word: str) -> bool:
    return word[0].isdigit() or (
        len(word) > 1 and ("://" in word or (word[0] in "/v$€£" and any(map(str.isdigit, word))))
    )


def _mask(word: str) -> str:
    if "://" in word:
        return "<url>"
    if word.startswith("/"):
        return "<path>"
    return "<version>" if word.startswith("v") else "<number>"


def _switch_in(words: list[str]) -> Statement | None:
    for place in range(len(words) - 1, 0, -1):
        found = vocabulary.SWITCHES.get(words[place])
        if found is None or (
            words[place] in vocabulary.AFTER_LINK
            and words[place - 1] not in vocabulary.LINKS | {":", "to", "turned", "switched", "not"}
        ):
            continue
        mask, state = found
        rest = [
            word
            for word in (*words[:place], mask, *words[place + 1 :])
            if not _is_denial(word) and word not in {"no", "longer"}
        ]
        key = _stripped(tuple(word for word in rest if word not in vocabulary.AUXILIARY))
        return Statement(key, "yes" if state is not _denied(words) else "no") if len(key) > 1 else None
    return None


def _denied(words: list[str]) -> bool:
    denials = sum(map(_is_denial, words))
    denials += sum(1 for one, two in itertools.pairwise(words) if one == "no" and two == "longer")
    return denials % 2 == 1


def _is_denial(word: str) -> bool:
    return word in vocabulary.DENIALS or word.endswith("n't")


def _stripped(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words that tell one subject from another, without number and article."""
    return tuple(
        _stem(word)
        for word in words
        if word not in vocabulary.FILLER and word not in vocabulary.LINKS and word != ":"
    )


def _stem(word: str) -> str:
    return (
        word[:-1]
        if len(word) > 3
        and word.endswith("s")
        and not word.endswith("ss")
        and word not in vocabulary.ATTRIBUTES
        else word
    )
