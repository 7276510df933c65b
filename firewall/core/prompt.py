"""Prompt text: the only words of ours that an agent reads, and they hold words of strangers.

Each memory is one line below a section header. Ids, titles, texts and refs are normalised so that nothing in them can
end its line, imitate a header, leave the brackets of an id, or hide a character. A blocked memory is its id and a
reason, never its title or text. The whole is held to a budget: what does not fit is counted, never cut silently.
"""

import re
from collections.abc import Sequence

import msgspec

#: The headers of a guide's prompt, in their order.
GUIDE_HEADERS = ("PASSED_SOLUTIONS", "FAILED_BRANCHES", "CURRENT_ACTIVE_PATH", "REHYDRATE_IF_NEEDED")
#: The headers that a section may carry. A text that spells one of them with a colon is rendered without the colon.
HEADERS = ("USE_NOW", "INSPECT_BEFORE_USE", "DO_NOT_USE", "REHYDRATE", *GUIDE_HEADERS)

ID_CHARS = 96
TITLE_CHARS = 96
REASON_CHARS = 80
REF_CHARS = 80
REFS = 3
HEAD_CHARS = 480

_ELLIPSIS = "…"
_HEADER = "|".join(HEADERS)
_BREAK = "\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
#: Zero-width, bidirectional, filler, variation, tag and annotation characters: they change how a text reads, unseen.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SPELLED_HEADER = re.compile(rf"\b({_HEADER})\s*[:：]")
_SPELLED_FIELD = re.compile(r"\b(refs|reason)=")
_OPENING = re.compile(
    rf"(?:\A|[{_BREAK}])[\s>#*_`-]{{0,16}}(?:{_HEADER})[*_`]*\s*[:：]|AIONIS_[A-Z_]+\s+v\d", re.MULTILINE
)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One memory. With a `reason` the line is id and reason; `title` and `text` are then not even looked at."""

    id: str
    title: str = ""
    text: str = ""
    reason: str = ""
    refs: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Items below one header. At most `most` of them are written out, the rest is counted in a last line."""

    header: str
    items: tuple[Item, ...]
    text_chars: int = 360
    most: int = 10_000


class Prompt(msgspec.Struct, frozen=True):
    """`shown[i]` is how many items of section i are written out: always the first ones."""

    text: str
    shown: tuple[int, ...]


def holds_structure(*texts: str) -> bool:
    """Whether a text imitates the structure of this prompt: a header at the start of a line, or the first line."""
    return any(
        _OPENING.search(text) is not None
        for text in texts
        if "AIONIS_" in text or any(header in text for header in HEADERS)
    )


def one_line(text: str, limit: int) -> str:
    """The text as at most `limit` characters of one line, without unseen characters and spelled headers."""
    # The work is bounded by the limit, not by the text: the rest would be cut anyway.
    clean = text[: limit * 8]
    if not clean.isascii():
        clean = _LONE_SURROGATE.sub("\ufffd", _UNSEEN.sub("", clean))
    clean = _SPACE.sub(" ", clean).strip()
    clean = _SPELLED_HEADER.sub(r"(\1)", clean)
    if len(clean) <= limit:
        return clean
    return clean[: limit - 1].rstrip() + _ELLIPSIS


def shown_id(memory_id: str) -> str:
    """An id as it stands between brackets: no space, no bracket of its own."""
    return _token(memory_id, ID_CHARS).replace("[", "%5B").replace("]", "%5D")


def render(head: Sequence[str], sections: Sequence[Section], budget: int) -> Prompt:
    """The prompt in at most `budget` characters, the head included; empty sections are left out.

    Sections are served in their order, but each later one keeps room for its header and its count.
    """
    lines = [one_line(line, HEAD_CHARS) for line in head]
    filled = [section for section in sections if section.items]
    room = budget - sum(len(line) + 1 for line in lines) - sum(map(_least, filled))
    shown: list[int] = []
    for section in sections:
        if not section.items:
            shown.append(0)
            continue
        lines.append(f"{section.header}:")
        count = 0
        for item in section.items[: section.most]:
            line = _line(item, section.text_chars)
            if len(line) + 1 > room:
                break
            room -= len(line) + 1
            lines.append(line)
            count += 1
        shown.append(count)
        if count < len(section.items):
            lines.append(_rest(len(section.items) - count))
    return Prompt("\n".join(lines), tuple(shown))


def _least(section: Section) -> int:
    return len(section.header) + 2 + len(_rest(len(section.items))) + 1


def _rest(count: int) -> str:
    return f"- (+{count} more, not shown)"


def _line(item: Item, text_chars: int) -> str:
    parts = [f"- [{shown_id(item.id)}]"]
    if item.reason:
        parts.append(f"reason={_token(item.reason, REASON_CHARS)}")
    else:
        title = _prose(item.title, TITLE_CHARS)
        text = _prose(item.text, text_chars) if text_chars else ""
        if title and text and not text.startswith(title):
            parts.append(f"{title}: {text}")
        elif title or text:
            parts.append(text or title)
    if item.refs:
        parts.append(
            "refs=" + ",".join(_token(ref, REF_CHARS).replace(",", "%2C") for ref in item.refs[:REFS])
        )
    return " ".join(parts)


def _token(text: str, limit: int) -> str:
    """One word: an id, reason or ref is no place for a sentence."""
    return one_line(text, limit).replace(" ", "_")


def _prose(text: str, limit: int) -> str:
    """A text in which our own field names are not taken for fields."""
    return _SPELLED_FIELD.sub(r"\1:", one_line(text, limit))
