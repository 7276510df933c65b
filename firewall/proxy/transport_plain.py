"""Heads of answers that can be read in one way only. No I/O.

This is no HTTP parser: it knows the form that upstreams nearly always answer in (HTTP/1.1, kept alive, a body of a said
length, every line end CR LF), and of everything else it says "not plain"; the whole parser then reads the same bytes.
"""

import re

import msgspec

from firewall.core.memo import Memo
from firewall.errors import UpstreamError
from firewall.proxy.transport_headers import AnswerHead, ResponseHeaders

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [\x20-\x7e]*)?")
#: Cut out before the rest is looked up: it differs where nothing else does.
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (0|[1-9][0-9]{0,11})(?=\r\n|\Z)")
_FIELD = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x20\x7f](?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)"
)
_MAX_FIELDS = 100
#: A status without a body, and fields that say more of the framing than a length does.
_BODYLESS = frozenset({204, 304})
_NEVER = frozenset(
    {b"content-length", b"transfer-encoding", b"trailer", b"upgrade", b"connection", b"proxy-connection"}
)


class PlainAnswer(msgspec.Struct, frozen=True):
    """The head of an answer whose connection stays open behind its body."""

    status: int
    head: AnswerHead


class PlainAnswers:
    """Reads heads, for one upstream: it says most of them again and again, and what was judged is remembered."""

    def __init__(self, names: ResponseHeaders) -> None:
        self._names = names
        self._known = Memo(self._judged, entries=512, size=1 << 20).of

    def read(self, head: bytes) -> tuple[PlainAnswer, int] | None:
        """With the length of the body; `head` is without the empty line at its end. None when it is not plain."""
        length = _LENGTH.search(head)
        if length is None:
            return None
        answer = self._known(head[: length.start()] + head[length.end() :])
        return None if answer is None else (answer, int(length[1]))

    def _judged(self, head: bytes) -> PlainAnswer | None:
        first, *lines = head.split(b"\r\n")
        status_line = _STATUS_LINE.fullmatch(first)
        if status_line is None or int(status_line[1]) in _BODYLESS or len(lines) > _MAX_FIELDS:
            return None
        fields: list[tuple[bytes, bytes]] = []
        for line in lines:
            field = _FIELD.fullmatch(line)
            if field is None or field[1].lower() in _NEVER:
                return None
            fields.append((field[1], field[2]))
        try:
            return PlainAnswer(int(status_line[1]), self._names.read(fields, keep_length=False))
        except UpstreamError:
            return None
