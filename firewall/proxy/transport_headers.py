"""Which headers cross memfw, in both directions, and the head of a request as bytes.

Hop-by-hop headers never cross, nor do those that a `Connection` header names. Length and host are ours. What could
split a message (CR, LF, NUL, a target with a space) is refused, never repaired. No I/O.
"""

import enum
import re
from collections.abc import Mapping, Sequence

import msgspec

from firewall.core.memo import Memo
from firewall.ports import Headers, WireRequest
from firewall.proxy.transport_errors import invalid, unsendable
from firewall.proxy.transport_target import Target

SAFE_METHODS = frozenset({"GET", "HEAD"})
_USUAL_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_LENGTHLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"})
_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
_OURS = frozenset({"host", "content-length", "expect"})
# They name another method or path: behind a gateway that believes them, the route is not the one that was matched.
_REROUTING = frozenset(
    {"x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"}
)
_PLAIN_CONNECTION = frozenset({"", "keep-alive", "close"})
# They name the encoded bytes, so they do not outlive the encoding.
_OF_ENCODED_BYTES = frozenset({"content-encoding", "etag", "content-md5", "digest", "content-digest"})

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NOT_IN_TARGET = re.compile(r"[\x00-\x20#\x7f]")
_NAMES_KEPT = 512
_HEADS_KEPT = 1_024
_HEADS_SIZE = 1 << 19

Pair = tuple[str, str]
RawHeaders = Sequence[tuple[bytes, bytes]]


def _is_hop(lowered: str) -> bool:
    return lowered in _HOP or lowered.startswith("proxy-")


def _named_by_connection(headers: Sequence[Pair]) -> frozenset[str]:
    return frozenset(
        token.strip().lower()
        for name, value in headers
        if name.lower() == "connection" and value.lower() not in _PLAIN_CONNECTION
        for token in value.split(",")
    )


def at_edge(headers: Headers) -> tuple[Mapping[str, str], Headers]:
    """memfw's own headers by lower-case name, and what goes on: a memfw key is nobody else's business.

    Rerouting headers end here, and hop-by-hop ones, before a dialect adds its own, so that a caller's `Connection: x` cannot take one of
    those away again.
    """
    ours: dict[str, str] = {}
    theirs: list[Pair] = []
    connection = ""
    for pair in headers:
        place = _place_of(pair[0])
        if place is _Place.passes:
            theirs.append(pair)
        elif place is _Place.ours:
            ours[pair[0].lower()] = pair[1]
        elif place is _Place.connection:
            connection = f"{connection},{pair[1]}" if connection else pair[1]
    if connection.lower() not in _PLAIN_CONNECTION:
        named = {token.strip().lower() for token in connection.split(",")}
        theirs = [pair for pair in theirs if pair[0].lower() not in named]
    return ours, tuple(theirs)


class _Place(enum.Enum):
    """What becomes of a header at our edge."""

    passes = enum.auto()
    ours = enum.auto()
    connection = enum.auto()
    ends = enum.auto()


def _judged(name: str) -> _Place:
    lowered = name.lower()
    if lowered.startswith("memfw-"):
        return _Place.ours
    if lowered == "connection":
        return _Place.connection
    return _Place.ends if _is_hop(lowered) or lowered in _REROUTING else _Place.passes


#: Callers send the same few names over and over.
_place_of = Memo(_judged, entries=_NAMES_KEPT, size=1 << 18).of


class RequestHeaders:
    """Writes request heads for one upstream. Remembers the names that it has judged. `extra` is added to every request, in
    place of what the client says under the same names."""

    def __init__(self, target: Target, extra: Headers = ()) -> None:
        self._prefix = target.prefix
        self._host: Pair = ("Host", target.host_header)
        self._crosses: dict[str, bool] = {}
        self._extra = extra
        self._replaced = frozenset(name.lower() for name, _ in extra)
        self._plain_lines = Memo(self._for_plain, entries=_HEADS_KEPT, size=_HEADS_SIZE).of
        self._stream_lines = Memo(self._for_stream, entries=_HEADS_KEPT, size=_HEADS_SIZE).of

    def target(self, request: WireRequest) -> str:
        """Prefix and raw target. CallerError for one that would not survive on a request line."""
        target = request.target
        if not target.startswith("/") or _NOT_IN_TARGET.search(target):
            raise unsendable("the request target is not a valid path")
        return self._prefix + target

    def pairs(self, headers: Headers, *, identity: bool) -> list[Pair]:
        """What is sent, without the length. `identity` asks for an answer that is not compressed."""
        crosses = self._crosses
        pairs = [self._host]
        plain = True
        for pair in headers:
            name = pair[0]
            crossing = crosses.get(name)
            if crossing is None:
                crossing = self._judge(name)
            if crossing:
                pairs.append(pair)
            else:
                lowered = name.lower()
                if lowered == "accept-encoding" and not identity:
                    pairs.append(pair)
                elif lowered == "connection" and pair[1].lower() not in _PLAIN_CONNECTION:
                    plain = False
        if not plain:
            named = _named_by_connection(headers)
            pairs[1:] = [pair for pair in pairs[1:] if pair[0].lower() not in named]
        if self._extra:
            pairs += self._extra
        if identity:
            pairs.append(("Accept-Encoding", "identity"))
        return pairs

    def head(self, request: WireRequest, *, identity: bool) -> bytes:
        """Request line and headers as they go on the wire."""
        method = request.method
        if method not in _USUAL_METHODS:
            check_method(method)
        lines = (self._plain_lines if identity else self._stream_lines)(request.headers)
        length = ""
        if request.body or method not in _LENGTHLESS:
            length = f"Content-Length: {len(request.body)}\r\n"
        return encode_text(f"{method} {self.target(request)} HTTP/1.1\r\n{lines}{length}\r\n")

    def _for_plain(self, headers: Headers) -> str:
        return self._lines(self.pairs(headers, identity=True))

    def _for_stream(self, headers: Headers) -> str:
        return self._lines(self.pairs(headers, identity=False))

    def _lines(self, pairs: Sequence[Pair]) -> str:
        text = "".join([f"{name}: {value}\r\n" for name, value in pairs])
        # Every CR and LF must be one that we put there ourselves.
        if text.count("\n") != len(pairs) or text.count("\r") != len(pairs) or "\0" in text:
            raise unsendable("a header value holds a line break or a NUL")
        return text

    def _judge(self, name: str) -> bool:
        if not _TOKEN.fullmatch(name):
            raise unsendable("a header name is not a token")
        lowered = name.lower()
        crossing = not (
            _is_hop(lowered) or lowered in _OURS or lowered in self._replaced or lowered == "accept-encoding"
        )
        # Names come from the caller: what is remembered stays bounded.
        if len(self._crosses) < _NAMES_KEPT and len(name) <= 64:
            self._crosses[name] = crossing
        return crossing


def check_method(method: str) -> str:
    """The method, where it is one that a request line may carry to an upstream."""
    if not (method.isascii() and method.isalpha() and method.isupper()) or method == "CONNECT":
        raise unsendable("the request method cannot be forwarded")
    return method


def encode_text(text: str) -> bytes:
    """The bytes that came in as this text: servers read raw header bytes as UTF-8 with surrogate escapes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise unsendable("a header value cannot be encoded") from None


class AnswerHead(msgspec.Struct, frozen=True, kw_only=True):
    """The head of an answer, judged. `encoding` is the Content-Encoding; `length` None where none was said."""

    headers: Headers
    encoding: str = ""
    length: int | None = None
    chunked: bool = False

    def decoded_headers(self) -> Headers:
        """The headers once the body has been decoded."""
        return tuple(pair for pair in self.headers if pair[0].lower() not in _OF_ENCODED_BYTES)


class ResponseHeaders:
    """Reads the heads of one upstream's answers. Remembers the names that it has judged."""

    def __init__(self) -> None:
        self._crosses: dict[bytes, str] = {}

    def read(self, raw: RawHeaders, *, keep_length: bool) -> AnswerHead:
        """`keep_length` leaves Content-Length in: where no body follows, or it streams through untouched.

        UpstreamError 502 for a message whose end two readers could see in two places.
        """
        crosses = self._crosses
        pairs: list[Pair] = []
        framing: list[tuple[bytes, bytes]] = []
        for name, value in raw:
            text = crosses.get(name)
            if text is None:
                text = self._judge(name)
            if text:
                pairs.append((text, _text(value)))
            else:
                framing.append((name.lower(), value))
        if not keep_length and len(framing) == 1 and framing[0][0] == b"content-length":
            return AnswerHead(headers=tuple(pairs), length=_length(framing[0][1]))
        return _framed(pairs, framing, keep_length=keep_length)

    def _judge(self, name: bytes) -> str:
        text = name.decode("latin-1")
        lowered = text.lower()
        crossing = "" if _is_hop(lowered) or lowered in ("content-length", "content-encoding") else text
        if len(self._crosses) < _NAMES_KEPT and len(name) <= 64:
            self._crosses[name] = crossing
        return crossing


def _framed(pairs: list[Pair], framing: RawHeaders, *, keep_length: bool) -> AnswerHead:
    """The head with what says where the body ends and what was done to it."""
    encodings = [_text(value) for name, value in framing if name == b"content-encoding"]
    lengths = {_length(value) for name, value in framing if name == b"content-length"}
    codings = [value.strip().lower() for name, value in framing if name == b"transfer-encoding"]
    if codings and codings != [b"chunked"]:
        raise invalid("it has a transfer encoding other than chunked")
    if len(lengths) > 1 or (lengths and codings):
        raise invalid("it says its length in two ways")
    length = lengths.pop() if lengths else None
    named = _named_by_connection(
        [("connection", _text(value)) for name, value in framing if name == b"connection"]
    )
    if named:
        pairs = [pair for pair in pairs if pair[0].lower() not in named]
    pairs += [("Content-Encoding", value) for value in encodings]
    if keep_length and length is not None:
        pairs.append(("Content-Length", str(length)))
    return AnswerHead(
        headers=tuple(pairs),
        encoding=", ".join(encodings).strip().lower(),
        length=length,
        chunked=bool(codings),
    )


def _text(value: bytes) -> str:
    # UTF-8 where it is, so that it goes out again as the same bytes; else each byte is one character.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _length(value: bytes) -> int:
    text = value.strip()
    if not text.isdigit() or len(text) > 18:
        raise invalid("its Content-Length is not a number")
    return int(text)
