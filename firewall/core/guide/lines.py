"""Strangers' words on one line of a guide: nothing in them ends the line, spells a header or one of our fields.

Every title, text, id and file that a guide renders goes through here, in the prompt and in the structured fields that
a host may put into one.
"""

import re
from collections.abc import Sequence

from firewall.core.prompt import HEADERS, one_line, shown_id

TITLE_CHARS = 96
FILE_CHARS = 160
TEXT_CHARS = 480
_FILES = 8

# The longer names first, so that no header is read as the beginning of another one.
_HEADER = re.compile("|".join(sorted(HEADERS, key=len, reverse=True)) + "|AIONIS_[A-Z_]+")
_FIELD = re.compile(r"\b(files|use|refs|reason|next|checks|summary|role|role_focus|focus|task|mode|to)=")
#: Printable ASCII words with one space between them, and no sign that ends a field's name: one line as it is.
_PLAIN = re.compile(r"[!-<>-~]+(?: [!-<>-~]+)*")


def prose(text: str, limit: int) -> str:
    """A text as at most `limit` characters of a line of ours."""
    if len(text) <= limit and _PLAIN.fullmatch(text) and not _HEADER.search(text):
        return text
    # Headers are looked for in what is left: what is unseen must not hide one.
    return _FIELD.sub(r"\1:", _HEADER.sub(_spoken, one_line(text, limit)))


def token(text: str, limit: int = FILE_CHARS) -> str:
    """A file, a reason, a role: no white space and nothing that would end a field or a list."""
    return prose(text, limit).replace(" ", "%20").replace(",", "%2C").replace(";", "%3B")


def label_of(memory_id: str) -> str:
    """An id as it begins a line: never empty, never a bracket."""
    return _HEADER.sub(_spoken, shown_id(memory_id)).replace(" ", "_") or "_"


def listed(files: Sequence[str]) -> str:
    """Files in one field; what is not named is counted."""
    named = ",".join(token(file) for file in files[:_FILES])
    return f"{named},+{len(files) - _FILES}" if len(files) > _FILES else named


def repeats(title: str, text: str) -> bool:
    """Whether the title is but the beginning of the text, or the other way round: it would show what is blocked."""
    head, body = _folded(title), _folded(text)
    return bool(head and body) and (body.startswith(head) or head.startswith(body))


def _folded(text: str) -> str:
    return one_line(text, 4_096).casefold().rstrip(" .…")


def _spoken(header: re.Match[str]) -> str:
    return header[0].lower().replace("_", " ")
