"""Answers as the bytes of HTTP/1.1. No I/O; the clock is passed in."""

import enum
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

from aiohttp.http import SERVER_SOFTWARE

from firewall.core.memo import Memo
from firewall.ports import Headers
from firewall.server.boundary import WRITTEN_HERE, unwritable
from firewall.server.plain_head import LINE_BYTES

#: Statuses whose answers have no body.
BODYLESS = frozenset({204, 304})
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}


class _Place(enum.Enum):
    """What becomes of a header of an answer that is there whole."""

    goes = enum.auto()
    type = enum.auto()
    ends = enum.auto()


def _judged(name: str) -> _Place:
    lowered = name.lower()
    if lowered == "content-type":
        return _Place.type
    return _Place.ends if lowered in WRITTEN_HERE or lowered == "content-length" else _Place.goes


#: Answers say the same few names over and over.
_place_of = Memo(_judged, entries=512, size=1 << 18).of
# Looked up once: an enum finds its members by a Python call.
_GOES, _TYPE = _Place.goes, _Place.type


class AnswerHeads:
    """Writes the heads of answers; `now` is the wall clock, looked at for `Date`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._second = -1
        self._dated = ""

    def whole(self, status: int, headers: Headers, length: int, *, closes: bool) -> bytes:
        """Of an answer whose body of `length` bytes is there. UpstreamError when a header would split it."""
        lines = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} "]
        typed = length == 0
        for name, value in headers:
            place = _place_of(name)
            if place is _TYPE:
                typed = True
            elif place is not _GOES:
                continue
            lines.append(f"{name}: {value}")
        if status not in BODYLESS:
            lines.append(f"Content-Length: {length}")
            if not typed:
                lines.append("Content-Type: application/octet-stream")
        return self._ended(lines, closes=closes)

    def streamed(self, status: int, headers: Headers, *, chunked: bool, closes: bool) -> bytes:
        """Of an answer whose body follows: with the length that `headers` say, or else `chunked`."""
        lines = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} "]
        for name, value in headers:
            lowered = name.lower()
            if lowered not in WRITTEN_HERE and (lowered != "content-length" or status not in BODYLESS):
                lines.append(f"{name}: {value}")
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        return self._ended(lines, closes=closes)

    def _ended(self, lines: list[str], *, closes: bool) -> bytes:
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._dated = f"Date: {formatdate(second, usegmt=True)}\r\nServer: {SERVER_SOFTWARE}"
        lines.append(self._dated)
        if closes:
            lines.append("Connection: close")
        lines += ("", "")
        try:
            head = "\r\n".join(lines).encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise unwritable() from None
        # Every line end must be one that we put there ourselves: between two lines, and the one after `Date`.
        if head.translate(None, LINE_BYTES) != b"\r\n" * len(lines):
            raise unwritable()
        return head
