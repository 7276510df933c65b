"""Heads of requests that can be read in one way only. No I/O.

This is no HTTP parser. It knows the narrow form that clients really send (HTTP/1.1, a body of a said length or none,
every name a token, every line end CR LF), and of everything else it says "not plain": the caller then gives the same
bytes to a whole parser. So a doubt never has to be decided here, and nothing is repaired.
"""

import re

import msgspec

from firewall.core.memo import Memo
from firewall.ports import Headers

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_KNOWN = frozenset(_METHODS)
_MAX_HEADERS = 100
_NAMES_KEPT = 512
_FIELDS_KEPT = 1_024
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: What may stand in a line of a head: no control character but the tab.
LINE_BYTES = bytes(byte for byte in range(256) if byte == 0x09 or (byte >= 0x20 and byte != 0x7F))
# A request that has one of these is for the whole parser: another framing, another protocol, or a body to unpack.
_NEVER = frozenset(
    {
        "content-encoding",
        "expect",
        "http2-settings",
        "proxy-connection",
        "sec-websocket-key1",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Two of one of these would leave the choice to each reader.
_ONCE = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-location",
        "content-range",
        "content-type",
        "etag",
        "host",
        "max-forwards",
        "memfw-key",
        "server",
        "user-agent",
    }
)
_KEEPS = {"keep-alive": True, "close": False}


class PlainHead(msgspec.Struct, frozen=True):
    """`target` is raw; header values are UTF-8, each byte that is not as a surrogate; `length` is the body's."""

    method: str
    target: str
    headers: Headers
    length: int
    keep_alive: bool


class _Fields(msgspec.Struct, frozen=True):
    """All of a head but its first line."""

    headers: Headers
    length: int
    keep_alive: bool


class PlainHeads:
    """Reads heads. A client says most of its heads again and again: what was judged is remembered, of fields and of names
    ("" for an ordinary one, "!" for one that is not plain, else its lower-case form, for one that may come once)."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._fields = Memo(self._fields_of, entries=_FIELDS_KEPT, size=1 << 20).of

    def read(self, head: bytes) -> PlainHead | None:
        """`head` without the empty line at its end; None when it is not plain."""
        first, _, rest = head.partition(b"\r\n")
        # The first line is not remembered: a query may hold what somebody wants forgotten.
        asked, fields = _asked(first), self._fields(rest)
        if asked is None or fields is None:
            return None
        return PlainHead(asked[0], asked[1], fields.headers, fields.length, fields.keep_alive)

    def _fields_of(self, block: bytes) -> _Fields | None:
        lines = block.decode("utf-8", "surrogateescape").split("\r\n")
        # All control characters are line ends, and each of those has split a line: none stands alone.
        if len(lines) >= _MAX_HEADERS or block.translate(None, LINE_BYTES) != b"\r\n" * (len(lines) - 1):
            return None
        names = self._names
        once: dict[str, str] = {}
        headers: list[tuple[str, str]] = []
        for line in lines:
            name, colon, value = line.partition(":")
            value = value.strip(" \t")
            judged = names.get(name)
            if judged is None:
                judged = self._judge(name)
            if not colon or judged == "!":
                return None
            if judged:
                if judged in once:
                    return None
                once[judged] = value
            headers.append((name, value))
        length = once.get("content-length", "0")
        keep_alive = _KEEPS.get(once.get("connection", "keep-alive").lower())
        if "host" not in once or keep_alive is None or not _is_length(length):
            return None
        return _Fields(tuple(headers), int(length), keep_alive)

    def _judge(self, name: str) -> str:
        if not _TOKEN.fullmatch(name):
            return "!"
        lowered = name.lower()
        judged = "!" if lowered in _NEVER else lowered if lowered in _ONCE else ""
        # Names come from the caller: what is remembered stays bounded.
        if len(self._names) < _NAMES_KEPT and len(name) <= 64:
            self._names[name] = judged
        return judged


def _asked(first: bytes) -> tuple[str, str] | None:
    """Method and target."""
    parts = first.decode("ascii", "replace").split(" ")
    if len(parts) != 3 or first.translate(None, LINE_BYTES):
        return None
    method, target, version = parts
    return (method, target) if version == "HTTP/1.1" and method in _KNOWN and _is_path(target) else None


def _is_path(target: str) -> bool:
    return target.startswith("/") and target.isascii() and "#" not in target and "\t" not in target


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12 and (text[0] != "0" or text == "0")


class Beginnings:
    """Tells from the first bytes of a head that is not complete whether a request to a mount may still come of it."""

    def __init__(self, mounts: list[str]) -> None:
        self._known = tuple(f"{method} /{mount}".encode() for method in _METHODS for mount in mounts)

    def allow(self, data: bytes) -> bool:
        first, ended, _ = data.partition(b"\r\n")
        if data.count(b"\n") != data.count(b"\r\n") or (ended and not first.endswith(b" HTTP/1.1")):
            return False
        return data.startswith(self._known) or any(known.startswith(data) for known in self._known)
