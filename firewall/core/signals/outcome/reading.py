"""Reading a text for what became of a route: pure, linear, bounded.

    one RE2 set over the text  ->  each cue that hit, in its own window  ->  the weightiest that stands

A clean text pays for the set alone. A cue stands when its object can fail (a file, a route, an adapter; "no longer
vegetarian" has none), and when it is not negated, supposed, asked, quoted or settled later in the text. Windows are of
constant size, so that a hostile text costs no more than its length; one with more cues than `MOST_CUES` of which none
stands is not understood and reads as contested.
"""

import functools
import re
from collections.abc import Iterator
from typing import Protocol

import msgspec
import re2

from firewall.core.signals.outcome import lexicon
from firewall.core.signals.outcome.cues import CUES, Cue, OutcomeKind, Shape

#: Characters that are read. What is longer is too large for a prompt under any shipped policy.
MOST_CHARS = 20_000
MOST_CUES = 64
_BACK, _AHEAD, _EARLIER = 160, 120, 400
_CERTAIN = 0.84
#: "The build failed on Friday": what happened to a part of a system once is no verdict on it.
_INCIDENT = 0.65
_WEIGHT: dict[OutcomeKind, int] = {"failed": 3, "stale": 2, "contested": 1, "accepted": 0}


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a text says became of something. `subject` is what failed, is stale or is contested, as the text names it.

    `kind` accepted: the text says that things are well, or recommends `subject` and warns of `avoided`. `successor` is
    the path or id that the text names as the replacement. `cue` and `at` are the facts for a receipt.
    """

    kind: OutcomeKind
    confidence: float
    subject: str = ""
    avoided: str = ""
    successor: str = ""
    cue: str = ""
    at: int = 0


class _Span(Protocol):
    def start(self) -> int: ...
    def end(self) -> int: ...


class _Object(msgspec.Struct, frozen=True, gc=False):
    """Something that can fail, where it stands, and how much its word alone proves (1 is certain)."""

    text: str
    start: int
    sort: str
    weight: float = 1.0


class _Scanner(msgspec.Struct, frozen=True):
    """`hits` gives the numbers of the cues that occur; `patterns[n]` finds where."""

    table: re2.Set
    patterns: tuple[re2._Regexp, ...]

    def hits(self, text: str) -> list[int] | None:
        found: list[int] | None = self.table.Match(text)
        return found


@functools.cache
def _scanner() -> _Scanner:
    options = re2.Options()
    options.case_sensitive = False
    table = re2.Set.SearchSet(options)
    for cue in CUES:
        table.Add(cue.pattern)
    table.Compile()
    return _Scanner(table, tuple(re2.compile(cue.pattern, options) for cue in CUES))


def read_outcome(text: str) -> Outcome | None:
    """What the text says became of a route or file; None where it says nothing of the kind."""
    if len(text) > MOST_CHARS:
        text = text[:MOST_CHARS]
    scanner = _scanner()
    try:
        hits = scanner.hits(text)
    except UnicodeEncodeError:  # lone surrogates: read the rest
        text = text.encode("utf-8", "replace").decode()
        hits = scanner.hits(text)
    if not hits:
        return None
    return _weigh(text, scanner, sorted(hits))


def _weigh(text: str, scanner: _Scanner, hits: list[int]) -> Outcome | None:
    best: Outcome | None = None
    looked_at = 0
    for number in hits:
        cue = CUES[number]
        for where in _places(scanner, number, text):
            looked_at += 1
            if looked_at > MOST_CUES:
                return best if _stands(best) else Outcome("contested", 0.60, cue="too_many_cues")
            found = _judge(text, cue, where)
            if found is not None and (best is None or _rank(found) > _rank(best)):
                best = found
    return best


def _places(scanner: _Scanner, number: int, text: str) -> Iterator[_Span]:
    found: Iterator[_Span] = scanner.patterns[number].finditer(text)
    return found


def _stands(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.kind != "accepted" and outcome.confidence >= _CERTAIN


def _rank(outcome: Outcome) -> tuple[bool, int, float, int]:
    return (_stands(outcome), _WEIGHT[outcome.kind], outcome.confidence, -outcome.at)


def _judge(text: str, cue: Cue, where: _Span) -> Outcome | None:
    """One cue at one place: what it amounts to, None where it is only mentioned."""
    start, end = where.start(), where.end()
    if cue.kind == "accepted":
        return (
            None
            if _unmeant(text, cue, start, end)
            else Outcome("accepted", cue.confidence, cue=cue.name, at=start)
        )
    if _unmeant(text, cue, start, end):
        return None
    thing = _object_of(text, cue, start, end)
    if thing is None and cue.shape is not Shape.alone:
        return None
    if _settled(text, cue, end):
        return Outcome("accepted", cue.confidence, cue=cue.name, at=start)
    recommended = _recommended_instead(text, thing, start)
    if recommended:
        return Outcome(
            "accepted", cue.confidence, recommended, thing.text if thing else "", cue=cue.name, at=start
        )
    named = lexicon.SUCCESSOR.search(text, max(0, start - 1), min(len(text), end + _AHEAD))
    return Outcome(
        cue.kind,
        round(cue.confidence * (thing.weight if thing else 1.0), 2),
        thing.text if thing else "",
        successor=named["name"].rstrip(".,:;") if named else "",
        cue=cue.name,
        at=start,
    )


# ---- is it meant? ------------------------------------------------------------------------------------------------


def _unmeant(text: str, cue: Cue, start: int, end: int) -> bool:
    """Negated, supposed, asked or quoted."""
    before = _since(lexicon.CLAUSE_END, text, start, _BACK)
    negated = lexicon.NEGATED[cue.language].search(before)
    if negated is not None and cue.shape is not Shape.banned:
        return True
    if lexicon.SUPPOSED[cue.language].search(before):
        return True
    after = lexicon.SUPPOSED_AFTER.get(cue.language)
    if after is not None and after.match(text, end, min(len(text), end + _AHEAD)):
        return True
    return _asked(text, end) or _quoted(text, start, end)


def _asked(text: str, end: int) -> bool:
    stop = lexicon.SENTENCE_END.search(text, max(0, end - 1), min(len(text), end + _AHEAD))
    mark = re.compile(r"[?？]").search(text, end, stop.end() if stop else min(len(text), end + _AHEAD))
    return mark is not None


def _quoted(text: str, start: int, end: int) -> bool:
    """Inside quotation marks that do not hold the whole text: an odd count before it, one more after it."""
    line = text.rfind("\n", max(0, start - _EARLIER), start) + 1 or max(0, start - _EARLIER)
    before = len(lexicon.QUOTES.findall(text, line, start))
    if before % 2 == 0:
        return False
    opening = min((at for mark in '"“«「' if (at := text.find(mark, line, start)) >= 0), default=start)
    if not text[:opening].strip():
        return False
    return lexicon.QUOTES.search(text, end, min(len(text), end + _AHEAD)) is not None


def _settled(text: str, cue: Cue, end: int) -> bool:
    """The text says later that the trouble is over, and not by taking another way."""
    ahead = min(len(text), end + 2 * _AHEAD)
    over = (lexicon.REINSTATED if cue.final else lexicon.SETTLED).search(text, end, ahead)
    return over is not None and not lexicon.SWITCHED.search(text, end, over.start())


def _recommended_instead(text: str, thing: _Object | None, cue_start: int) -> str:
    """The file that the text recommends before it warns of another one; empty where it recommends none."""
    if thing is None:
        return ""
    other = thing.sort == "path" or lexicon.ANOTHER.search(text, max(0, thing.start - 40), thing.start)
    if not other:
        return ""
    limit = min(thing.start, cue_start)
    said = lexicon.AFFIRMED.search(text, max(0, limit - _EARLIER), limit)
    if said is None or said["path"] == thing.text:
        return ""
    lead = _since(lexicon.CLAUSE_END, text, said.start(), 40)
    return "" if re.search(r"\b(?:not|n't|never|stop|avoid)\b", lead, re.IGNORECASE) else said["path"]


# ---- of what? ----------------------------------------------------------------------------------------------------


def _object_of(text: str, cue: Cue, start: int, end: int) -> _Object | None:
    match cue.shape:
        case Shape.alone:
            return None
        case Shape.subject:
            thing = _before(text, start)
            incident = thing is not None and thing.sort == "part" and not cue.final
            return msgspec.structs.replace(thing, weight=_INCIDENT) if thing and incident else thing
        case Shape.target:
            return _after(text, start, end)
        case Shape.banned:
            return _banned(text, end)
        case Shape.near:
            return _near(text, cue, start, end)


def _objects(text: str, start: int, end: int) -> Iterator[_Object]:
    window = text[start:end]
    for found in (
        lexicon.OBJECT.finditer(window) if _has_object(window) else lexicon.OBJECT.finditer(window.lower())
    ):
        sort = found.lastgroup or "loose"
        yield _Object(window[found.start() : found.end()], start + found.start(), sort)


def _has_object(window: str) -> bool:
    return lexicon.OBJECT.search(window) is not None


def _before(text: str, start: int) -> _Object | None:
    """The nearest thing before the cue that can be its subject, in the sentence; for "it", in what came before."""
    lead = _since(lexicon.SENTENCE_END, text, start, _BACK)
    begin = start - len(lead)
    nearest = max(_objects(text, begin, start), key=lambda thing: thing.start, default=None)
    if nearest is not None:
        gap = text[nearest.start + len(nearest.text) : start]
        if len(gap) <= 60 and lexicon.BRIDGE.match(gap) and not lexicon.PERSON.search(gap):
            return _weighed(text, nearest)
    tail = _since(lexicon.CLAUSE_END, text, start, 40)
    if lexicon.PRONOUN.search(tail) and not lexicon.PERSON.search(tail):
        return _earlier(text, start - len(tail))
    return None


def _after(text: str, start: int, end: int) -> _Object | None:
    """What a verb does it to: the first thing in the next few words, before a preposition."""
    ahead = text[end : end + 80]
    stop = re.compile(
        r"[.!?;,](?=\s|$)|\n|\b(?:to|for|from|in|on|with|by|because|if|when|at|after|and|so)\s", re.IGNORECASE
    ).search(ahead)
    reach = stop.start() if stop else len(ahead)
    thing = next(_objects(text, end, end + reach), None)
    if thing is not None:
        between = text[end : thing.start]
        return None if lexicon.PERSON.search(between) else _weighed(text, thing)
    first = re.compile(r"\s*(?:it|this|that|them|the whole thing|everything)\b(?!\s+\w+ed\b)", re.IGNORECASE)
    return _earlier(text, start) if first.match(ahead) else None


def _banned(text: str, end: int) -> _Object | None:
    """A prohibition counts for one file or one route with a reason, and not where it is a rule of working."""
    ahead = text[end : end + _AHEAD]
    stop = lexicon.SENTENCE_END.search(ahead)
    statement = ahead[: stop.start()] if stop else ahead
    path = re.compile(rf"\s*(?:the\s+|this\s+|that\s+|our\s+)?`?(?P<path>{lexicon.PATH})").match(statement)
    noun = lexicon.BANNED_NOUN.match(statement.lstrip())
    if path is None and noun is None:
        return None
    if lexicon.HARMFUL.search(ahead):
        pass
    elif lexicon.RULE_OF_WORK.search(statement):
        return None
    if path is not None:
        return _Object(path["path"], end + path.start("path"), "path")
    return _Object(noun.group(), end, "route") if noun is not None else None


def _near(text: str, cue: Cue, start: int, end: int) -> _Object | None:
    """Anything in the sentence; in English also what came before it, since a judge's verdict often stands alone."""
    lead = _since(lexicon.SENTENCE_END, text, start, _BACK)
    begin = start - len(lead)
    stop = lexicon.SENTENCE_END.search(text, max(begin, end - 1), min(len(text), end + _AHEAD))
    reach = stop.start() if stop else min(len(text), end + _AHEAD)
    if cue.language == "en":
        if re.search(r"\b(?:street|road|lane|cul-de-sac)\b", text[begin:reach], re.IGNORECASE):
            return None
        thing = next(_objects(text, begin, reach), None)
        return _weighed(text, thing) if thing is not None else _earlier(text, begin)
    path = lexicon.PATHS.search(text, begin, reach)
    if path is not None:
        return _Object(path.group(), path.start(), "path")
    noun = lexicon.NOUNS[cue.language].search(text, begin, reach)
    if noun is None:
        return _earlier(text, begin, sorts=("path",))
    return _Object(noun.group(), noun.start(), "route")


def _earlier(
    text: str, before: int, sorts: tuple[str, ...] = ("path", "route", "part", "loose")
) -> _Object | None:
    """The last thing named before the clause: what "it" stands for."""
    last: _Object | None = None
    for thing in _objects(text, max(0, before - _EARLIER), before):
        if thing.sort in sorts:
            last = thing
    return _weighed(text, last) if last is not None else None


def _weighed(text: str, thing: _Object) -> _Object | None:
    """How much the word proves: a loose one needs company, and none from a private life."""
    lead = text[max(0, thing.start - 48) : thing.start]
    named = _with_modifiers(text, thing)
    if thing.sort != "loose":
        return msgspec.structs.replace(thing, text=named)
    if lexicon.PRIVATE.search(lead):
        return None
    near = text[max(0, thing.start - _BACK) : thing.start + _BACK]
    certain = lexicon.TECHNICAL.search(near) or lexicon.PATHS.search(near)
    return msgspec.structs.replace(thing, text=named, weight=1.0 if certain else 0.72)


def _with_modifiers(text: str, thing: _Object) -> str:
    """ "legacy adapter" rather than "adapter": up to two words before it, as one line."""
    if thing.sort in {"path", "identifier"}:
        return thing.text
    words = re.search(r"(?:[\w-]+ ){0,2}$", text[max(0, thing.start - 40) : thing.start])
    return f"{words.group() if words else ''}{thing.text}"


def _since(boundary: re.Pattern[str], text: str, end: int, most: int) -> str:
    """What stands between the last boundary and `end`, at most so many characters."""
    window = text[max(0, end - most) : end]
    last = 0
    for found in boundary.finditer(window):
        last = found.end()
    return window[last:]
