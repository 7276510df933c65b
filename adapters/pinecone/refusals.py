"""Errors in Pinecone's two shapes: the data plane's and the control plane's. Its clients show the message.

No denial has a status that they would send again (408, 429, 5xx).
"""

from collections.abc import Mapping

from adapters.pinecone.routes import INDEX
from firewall.core.wire.requests import encoded
from firewall.core.wire.splice import FIREWALL
from firewall.ports import Headers, Match, WireResponse

_JSON: Headers = (("Content-Type", "application/json"),)
_UNKNOWN = 2
#: The data plane counts as gRPC does.
_NUMBERS: Mapping[int, int] = {
    400: 3,
    401: 16,
    403: 7,
    404: 5,
    409: 6,
    413: 8,
    415: 3,
    429: 8,
    500: 13,
    501: 12,
    502: 14,
    503: 14,
    504: 4,
}
_WORDS: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    413: "PAYLOAD_TOO_LARGE",
    415: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def refusal(
    match: Match | None, status: int, code: str, message: str, extra: Mapping[str, object]
) -> WireResponse:
    """The error; our own code and what else there is to say stand in the `firewall` object. Without a route in both shapes."""
    body: dict[str, object] = {}
    on_data = match is not None and match.spec.pattern.startswith(INDEX)
    if on_data or match is None:
        body |= {"code": _NUMBERS.get(status, _UNKNOWN), "message": message, "details": []}
    if not on_data:
        body |= {"error": {"code": _WORDS.get(status, "UNKNOWN"), "message": message}, "status": status}
    body[FIREWALL] = {"code": code, **extra}
    return WireResponse(status=status, headers=_JSON, body=encoded(body))
