"""Putting an answer together out of its own bytes: what is admitted goes on as it came, and one member is added."""

from collections.abc import Mapping, Sequence

import msgspec

from firewall.core.wire.values import Headers
from firewall.errors import UpstreamError

Raw = msgspec.Raw
JSON = ("Content-Type", "application/json")
FIREWALL = "firewall"
#: They speak of the upstream's body or of its own address.
_OF_THE_BODY = frozenset(
    {
        "content-type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "etag",
        "digest",
        "content-md5",
        "last-modified",
        "link",
        "location",
        "content-location",
        "accept-ranges",
    }
)

_objects = msgspec.json.Decoder(dict[str, Raw])
_lists = msgspec.json.Decoder(list[Raw])
_trees = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def broken(message: str) -> UpstreamError:
    """502 `upstream_invalid`: an answer that is not what it should be is not passed on in part."""
    return UpstreamError(502, "upstream_invalid", message)


def members(raw: bytes | Raw) -> dict[str, Raw]:
    """The members of an object, each as its own bytes; of a key given twice the last."""
    try:
        return _objects.decode(raw)
    except (ValueError, RecursionError):
        raise broken("the upstream's answer is not a JSON object") from None


def items(raw: bytes | Raw) -> list[Raw]:
    """The items of an array, each as its own bytes."""
    try:
        return _lists.decode(raw)
    except (ValueError, RecursionError):
        raise broken("the upstream's answer is not a JSON array") from None


def tree(raw: bytes | Raw) -> object:
    """The JSON value."""
    try:
        return _trees.decode(raw)
    except (ValueError, RecursionError):
        raise broken("the upstream's answer is not JSON") from None


def array(parts: Sequence[bytes | Raw]) -> bytes:
    """An array of these values."""
    return b"[%b]" % b",".join(parts)


def object_of(fields: Mapping[str, bytes | Raw]) -> bytes:
    """An object of these members, written once: a value of it can be the whole answer."""
    parts: list[bytes | Raw] = []
    for key, value in fields.items():
        parts += (b",", _encoder.encode(key), b":", value)
    parts[:1] = (b"{",)  # in the place of the first comma
    parts.append(b"}")
    return b"".join(parts)


def with_firewall(body: bytes, firewall: bytes | None) -> bytes:
    """The object with one more member at its end; any other JSON value stays as it is."""
    text = body.strip()
    if firewall is None or not text.startswith(b"{"):
        return body
    inner = text[:-1].rstrip()
    comma = b"" if inner == b"{" else b","
    return inner + comma + b'"firewall":' + firewall + b"}"


def for_caller(headers: Headers) -> Headers:
    """The upstream's headers for a body that was put together anew: JSON, and nothing that spoke of the old one."""
    return (*[pair for pair in headers if pair[0].lower() not in _OF_THE_BODY], JSON)
