"""Whether a phrase is used on the reader or merely mentioned: quoted, reported, listed as an example, forbidden.

    used        Ignore previous instructions.
    mentioned   The attacker wrote "ignore previous instructions".   Blocked an attempt to override the system prompt.
    used        The note says "ignore previous instructions", do that.

Quotes alone prove nothing, nor do quotes around everything: a mention needs somebody who reports. In doubt it is used.
"""

import bisect
import functools
import re

import re2

Span = tuple[int, int]

_BEFORE = 160
_AFTER = 200
_LONGEST_QUOTE = 2_000
_NESTED = 8

#: Reports that stand by themselves: what follows in the same sentence is somebody's attack, not the author's wish.
_ATTACK = (
    r"attack\w*|adversar\w*|malicious|hostile|phish\w*|jailbreaks?|injections?|injected|injecting|payloads?|exploits?|attempt(?:s|ed|ing)?"
    r"|tr(?:y|ies|ied|ying) to|trick(?:s|ed|ing)?|blocked|flagged|flags?|detected|detects?|rejected|refused|refuses|quarantined|red[ -]team\w*"
    r"|suspicious|scams?|social engineering|poison(?:ed|ing)|threats?|pentest\w*|incident|defend\w*|protects?|guards? against|prevents?"
    r"|(?:told|tell|tells|telling|asked|asks|asking|ordered|instructs?|instructed|instructing|getting|got|makes?|making|made|convinc\w+|caus\w+) (?:the|our|an?|its|your|their|any)?\s?(?:\w+ )?(?:agents?|bots?|assistants?|models?|llms?|ai|system|chatbots?|it)"
    r"|(?:phrases?|prompts?|messages?|texts?|strings?|sentences?|emails?|inputs?|wording|things|requests?) (?:such as|like|saying|that (?:say|tell|ask|read|instruct|contain)s?|which (?:say|tell|ask)s?|of the form)"
    r"|examples? of|warns? (?:about|against)|atacantes?|ataques?|intent(?:o|aba|aron) de|attaquants?|attaques?|tentatives? d|angreifer\w*|angriffe?\w*|versuch\w*|tentativas? de|злоумышленник\w*|атак\w*|попытк\w*"
    r"|攻击者?|攻擊者?|试图|企图|注入|拦截|攻撃者?|試み|試みた|ブロックし"
)
#: Reports that make a quotation a mention.
_REPORT = (
    _ATTACK
    + r"|says?|said|saying|writes?|wrote|written|reads|reading|contain(?:s|ed|ing)?|includ(?:es|ed|ing)|phrases?|strings?|wordings?|sentences?|words|quot(?:e|es|ed|ing)|titled|called|named|labell?ed"
    r"|mean(?:s|ing)|refers?|examples?|e\.g\.|for instance|samples?|test cases?|tests?|snippets?|logged|documents?|documented|describes?|described|mention(?:s|ed)?|asks?|asked|typed|entered|pasted|sent"
    r"|tokens?|templates?|tags?|syntax|delimiters?|regex\w*|patterns?|keywords?|filters?|training|slides?|articles?|blog|papers?|course|lessons?|starts? with|begins? with|looks? like|such as|scanners?|classif\w+"
    r"|never (?:follow|obey|trust|act on)|dice|decia|escribio|frases?|ejemplos?|mensaje|ecrit|disait|dit|exemples?|schrieb|schreibt|sagte|satz|beispiele?|lautete?|enthielt|steht|diz|escreveu|exemplos?|mensagem"
    r"|написал\w*|говорил\w*|фраз\w*|пример\w*|сообщени\w*|写道|短语|例如|示例|样例|包含|消息|字样|書かれ|という|フレーズ|例|含まれ|メッセージ"
)
_REPORT_AFTER = re.compile(
    r"[\"'`\s,]*(?:-?\s?(?:style|type|like)\s+)?(?:phrases?|strings?|prompts?|attacks?|injections?|attempts?|payloads?|patterns?|jailbreaks?|tags?|tokens?"
    r"|(?:is|was|are|were) (?:an? |the |one )?(?:\w+ ){0,3}(?:attacks?|injections?|jailbreaks?|payloads?|examples?|phrases?|attempts?|patterns?|blocked|flagged|rejected|refused|ignored|detected|quarantined|suspicious|malicious|red flags?|signs?))\b",
    re.IGNORECASE,
)

#: What turns the end of a report into an order of its own.
_ORDER_JOINT = re.compile(
    r"(?:,|;|—|\b(?:so|therefore|thus|hence|now|then|please|but|instead|and then|you|you (?:must|should|shall|will|need to|have to|are to)|must always|from now on))\s*$",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:do not|don't|never|not|must not|mustn't|should not|shouldn't|cannot|can't|won't|will not|refuse[sd]? to|declined? to|avoid|nor|rather than|prevents?|protects? against|resist\w*)"
    r"\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
_NO_NEGATION = re.compile(
    r"\b(?:hesitate|forget|fail|afraid|only|worry|wait|mind|why not|whether or not|or not)\b", re.IGNORECASE
)
_FORBIDS = re.compile(r"\b(?:never|do not|don't|must not|should not|cannot|can't|avoid)\b", re.IGNORECASE)

_OBEY = re.compile(
    r"\b(?:do (?:that|so|it|this|exactly|what it says|as it says|as (?:it|he|she|they) says?|as told|just that)|follow (?:it|that|this|them|these|those|the (?:instruction|note|text|directive|advice|order)s?)"
    r"|obey|comply|act (?:on it|on that|on this|accordingly|upon it)|execute (?:it|that|this|them)|apply (?:it|that|this)|carry (?:it|that|this) out|abide by it"
    r"|(?:is|are) (?:now )?(?:binding|mandatory|in effect|in force)|(?:must|should|shall|has to|needs to) (?:always )?be (?:followed|obeyed|executed|done|applied|honou?red)|you must|hazlo|fais-le|mach das|faca isso)\b"
    r"|сделай это|выполни это|照做|照办|请执行|その通りに|従ってください|従え",
    re.IGNORECASE,
)
_OBEY_BEFORE = re.compile(
    r"\b(?:follow|obey|execute|apply|carry out|comply with|adhere to|act on)\s+(?:\w+\s+){0,4}\w+\s*[:,]?\s*$",
    re.IGNORECASE,
)
_NOT_OBEYED = re.compile(
    r"\b(?:not|n't|never|refus\w*|without|instead of|attempt\w*|tr(?:y|ied|ies|ying)|asked|told|should|would|could|did|cannot|nobody|no one|if|when|whether|agents?|models?|assistants?|bots?)\s+(?:\w+\s+){0,3}$",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.!?](?=\s|$)|[\n;。！？；]")
_BULLET = re.compile(r"\s*(?:[-*•·>]|\d{1,3}[.)])\s")
_LETTERS = re.compile(r"\w+")


class _Words:
    """A table of words, of which only is asked whether one is there; RE2, since they are many."""

    def __init__(self, words: str) -> None:
        table = re2.Set.SearchSet()
        table.Add(f"(?i)(?:^|[^A-Za-z])(?:{words})(?:[^A-Za-z]|$)")
        table.Compile()
        self._table = table

    def search(self, text: str) -> bool:
        return bool(text) and self._table.Match(text) is not None


@functools.cache
def _attack() -> _Words:
    return _Words(_ATTACK)


@functools.cache
def _report() -> _Words:
    return _Words(_REPORT)


class Quotations:
    """A text with its quotations, which are looked for when the first question comes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._places: list[Span] | None = None

    def is_used(self, start: int, end: int) -> bool:
        """Whether the phrase at this place speaks to the reader."""
        text = self.text
        before = text[max(0, start - _BEFORE) : start]
        ends = list(_CLAUSE_END.finditer(before))
        clause = before[ends[-1].end() :] if ends else before
        if _is_forbidden(clause, text[start:end]):
            return False
        quote = self._around(start, end)
        if quote is not None and _is_reported(text, quote):
            return _is_obeyed(text, quote)
        reported = _attack().search(clause) or _REPORT_AFTER.match(text[end : end + _AFTER])
        if reported and not _ORDER_JOINT.search(clause):
            return _is_obeyed(text, (start, end))
        return not _is_listed(text, start) or _is_obeyed(text, (start, end))

    def is_reported(self, start: int, end: int) -> bool:
        """Whether this place is in a quotation that somebody reports and nobody says to obey."""
        quote = self._around(start, end)
        return quote is not None and _is_reported(self.text, quote) and not _is_obeyed(self.text, quote)

    def _around(self, start: int, end: int) -> Span | None:
        if self._places is None:
            self._places = _quotations(self.text)
        last = bisect.bisect_right(self._places, (start, len(self.text)))
        nearest = reversed(self._places[max(0, last - _NESTED) : last])
        return next((place for place in nearest if end <= place[1]), None)


def _quotations(text: str) -> list[Span]:
    """What stands between quotation marks, in code spans and in fences; quotes other than fences end with their line."""
    if not ('"' in text or "'" in text or "`" in text):
        return []
    found: list[Span] = []
    opened: dict[str, int] = {}
    for mark in re.finditer(r"```|[\"`'\n]", text):
        kind, place = mark.group(), mark.start()
        if "```" in opened and kind != "```":
            continue
        if kind == "\n":
            opened.clear()
        elif kind == "'" and not _turns(text, place, is_open="'" in opened):
            continue
        elif kind in opened:
            begin = opened.pop(kind)
            if kind == "```" or place - begin <= _LONGEST_QUOTE:
                found.append((begin, mark.end()))
        else:
            opened[kind] = place
    return sorted(found)


def _turns(text: str, place: int, *, is_open: bool) -> bool:
    """Whether a single quote opens or closes a quotation; else it is an apostrophe."""
    before = text[place - 1 : place] if place else " "
    after = text[place + 1 : place + 2] or " "
    return not after.isalnum() if is_open else not before.isalnum() and not after.isspace()


def _is_forbidden(clause: str, phrase: str) -> bool:
    """Whether the phrase is negated: `never ignore` guards, `do not hesitate to ignore` does not."""
    if phrase.lower().startswith("without") and _FORBIDS.search(clause):
        return True
    negation = _NEGATED.search(clause)
    return negation is not None and _NO_NEGATION.search(clause, max(0, negation.start() - 8)) is None


def _is_reported(text: str, quote: Span) -> bool:
    """Somebody outside of the quotation says that it is one."""
    begin, close = quote
    outside = _LETTERS.findall(text[max(0, begin - 400) : begin]) + _LETTERS.findall(
        text[close : close + 400]
    )
    if len(outside) < 3 and sum(map(len, outside)) < 8:
        return False
    lead = text[max(0, begin - _BEFORE) : begin].rpartition("\n\n")[2]
    return bool(
        _report().search(lead)
        or _REPORT_AFTER.match(text[close : close + _AFTER])
        or _attack().search(text[close : close + 80].partition("\n\n")[0])
    )


def _is_listed(text: str, start: int) -> bool:
    """An item of a list whose heading says that these are examples of attacks."""
    line = text.rfind("\n", 0, start) + 1
    if line == 0 or not _BULLET.match(text, line):
        return False
    for lead in reversed(text[max(0, line - 800) : line - 1].split("\n")):
        if not _BULLET.match(lead):
            return lead.rstrip().endswith(":") and _attack().search(lead)
    return False


def _is_obeyed(text: str, place: Span) -> bool:
    """Whether the author adds an order to do what was mentioned."""
    begin, close = place
    lead = text[max(0, begin - 80) : begin]
    order = _OBEY_BEFORE.search(lead)
    if order is not None and not _NOT_OBEYED.search(lead[: order.start()]):
        return True
    tail = text[close : close + _AFTER]
    return any(not _NOT_OBEYED.search(tail[: found.start()]) for found in _OBEY.finditer(tail))
