"""The edges of a request: JSON bodies, query strings and headers, bounded and unambiguous.

A body is decoded once and encoded again, so that a key given twice cannot mean one thing here and another upstream. A query
parameter that matters here may be given once only.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode

import msgspec

from firewall.core.memo import Memo
from firewall.core.wire.values import Headers, WireRequest, header
from firewall.errors import CallerError

JsonObject = dict[str, object]

_MAX_PARAMETERS = 200
_decoder = msgspec.json.Decoder()
_raw_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
#: A value as JSON.
encoded: Callable[[object], bytes] = msgspec.json.Encoder().encode

_JSON = ("Content-Type", "application/json")
_CREDENTIALS = frozenset({"authorization", "x-api-key"})
#: Never sent upstream on a governed route: another encoding of the answer or a part of it, an answer without a body, a second
#: way of saying which method or path is meant, what the body was before it was encoded anew, and what the transport
#: computes itself.
_DROPPED = frozenset(
    {
        "accept-encoding",
        "content-encoding",
        "content-length",
        "content-type",
        "transfer-encoding",
        "expect",
        "range",
        "if-range",
    }
    | {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
    | {"x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"}
)


def invalid(message: str, *, code: str = "invalid_request") -> CallerError:
    return CallerError(400, code, message)


def denied(message: str) -> CallerError:
    return CallerError(403, "scope_denied", message)


def json_object(body: bytes) -> JsonObject:
    """The body as a JSON object; CallerError 400 for anything else."""
    try:
        value = _decoder.decode(body)
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None
    if not isinstance(value, dict):
        raise invalid("the body is not a JSON object")
    return value


def raw_object(body: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, each as its own bytes, of a key given twice the last; CallerError 400 for anything else."""
    try:
        return _raw_decoder.decode(body)
    except (ValueError, RecursionError):
        raise invalid("the body is not a JSON object") from None


class Query(msgspec.Struct, frozen=True):
    """A parsed query string. `raw` is what the client sent; it goes on untouched as long as nothing has to change."""

    raw: str
    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The parameter of that name; CallerError 400 where it is given twice."""
        values = [value for key, value in self.pairs if key == name]
        if len(values) > 1:
            raise invalid(f"the query parameter {name} is given twice")
        return values[0] if values else None

    def without(self, *names: str) -> "Query":
        kept = tuple(pair for pair in self.pairs if pair[0] not in names)
        return self if kept == self.pairs else Query(urlencode(kept), kept)

    def plus(self, added: Mapping[str, str]) -> "Query":
        if not added:
            return self
        pairs = (*self.pairs, *added.items())
        return Query(urlencode(pairs), pairs)


NO_QUERY = Query("", ())


def query_of(raw: str) -> Query:
    """The query string, parsed; CallerError 400 for what is no query string."""
    if not raw:
        return NO_QUERY
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise invalid("the query string cannot be read") from None
    if not raw.isascii() or not raw.isprintable() or "#" in raw:
        raise invalid("the query string cannot be read")
    return Query(raw, tuple(pairs))


def forwarded(headers: Headers, *, body: bool) -> Headers:
    """The headers for upstream. Of several credentials only the one that was read goes on."""
    return _with_body(headers) if body else _without_body(headers)


def _forwarded(headers: Headers) -> Headers:
    kept: list[tuple[str, str]] = []
    authorized = keyed = False
    for pair in headers:
        name = _crosses(pair[0])
        if name is None:
            continue
        if name:
            if name == "authorization":
                if authorized:
                    continue
                authorized = True
            else:
                if keyed:
                    continue
                keyed = True
                if header(headers, "authorization") is not None:
                    continue
        kept.append(pair)
    return tuple(kept)


def _forwarded_with_body(headers: Headers) -> Headers:
    return (*_forwarded(headers), _JSON)


def _judged(name: str) -> str | None:
    """None for a header that stays behind, the name of one that holds a credential, else nothing."""
    lowered = name.lower()
    if lowered in _DROPPED:
        return None
    return lowered if lowered in _CREDENTIALS else ""


#: Callers send the same few names over and over.
_crosses = Memo(_judged, entries=512, size=1 << 18).of
#: And the same headers with them.
_without_body = Memo(_forwarded, entries=1_024, size=1 << 19).of
_with_body = Memo(_forwarded_with_body, entries=1_024, size=1 << 19).of


def upstream_request(
    request: WireRequest, path: str, *, query: Query | None = None, body: object = None
) -> WireRequest:
    """The request that goes upstream; a method that has no body here sends none, whatever the client sent."""
    return WireRequest(
        method=request.method,
        path=path,
        query=query.raw if query is not None else "",
        headers=forwarded(request.headers, body=body is not None),
        body=b"" if body is None else encoded(body),
    )
