"""The JSON edges of the self-hosted Mem0 translation: what is read from a caller, what is read from the server, what is said.

Nothing here does I/O. A body that is not whole and well-formed never gets further: from the caller it is a 400, from the
server an `UpstreamError` 502. Messages name fields and routes, never memory text or a key.
"""

from collections.abc import Generator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode

import msgspec

from firewall.errors import CallerError, UpstreamError
from firewall.ports import Headers, WireRequest, WireResponse

MAX_BODY = 32 * 1024 * 1024
MAX_ROWS = 1000  # the server's own limit of `top_k`

JSON_HEADERS: Headers = (("Content-Type", "application/json"),)
ID_KEYS = ("user_id", "agent_id", "run_id")

Script = Generator[WireRequest, WireResponse, WireResponse]
T = TypeVar("T")


class AnsweredError(Exception):
    """The server refused one of our requests; `response` is what the caller gets instead of an answer."""

    def __init__(self, response: WireResponse) -> None:
        super().__init__(f"the server answered {response.status}")
        self.response = response


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One platform request on its way through a script. `params` are the decoded `{...}` segments of its route."""

    params: tuple[str, ...]
    path: str
    query: tuple[tuple[str, str], ...]
    body: bytes
    headers: Headers
    now: float
    event_id: str

    def argument(self, name: str) -> str | None:
        """The query parameter of that name; None where it is absent. A name given twice is refused."""
        values = [value for key, value in self.query if key == name]
        if len(values) > 1:
            raise CallerError(400, "invalid_request", f"query parameter {name} is given twice")
        return values[0] if values else None

    def fields(self) -> dict[str, Any]:
        """The body as a JSON object."""
        return json_object(self.body)

    def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object = None
    ) -> WireRequest:
        """A request to the bare routes of the server, with the caller's credential in the server's scheme."""
        return WireRequest(
            method=method,
            path=path,
            query=urlencode(dict(query), quote_via=quote) if query else "",
            headers=self.headers if body is None else (*self.headers, *JSON_HEADERS),
            body=b"" if body is None else msgspec.json.encode(body),
        )


def json_object(body: bytes) -> dict[str, Any]:
    """A caller's JSON object; CallerError 400 for anything else."""
    if len(body) > MAX_BODY:
        raise CallerError(413, "too_large", "the body is too large")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CallerError(400, "invalid_request", "the body is not JSON") from None
    if not isinstance(value, dict):
        raise CallerError(400, "invalid_request", "the body is not a JSON object")
    return value


def read(response: WireResponse, shape: type[T]) -> T:
    """A 2xx answer of the server in its shape. AnsweredError for a refusal, UpstreamError for what makes no sense."""
    if response.status >= 400:
        raise AnsweredError(refused(response))
    if response.status >= 300:
        raise UpstreamError(
            502, "upstream_invalid", f"the Mem0 server answered with status {response.status}"
        )
    if len(response.body) > MAX_BODY:
        raise UpstreamError(502, "upstream_invalid", "the Mem0 server's answer is too large")
    try:
        return msgspec.json.decode(response.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamError(
            502, "upstream_invalid", "the Mem0 server's answer is not what its route gives"
        ) from None


def refused(response: WireResponse) -> WireResponse:
    """A refusal of the server as the platform would say it; always JSON, retry advice kept."""
    kept = tuple((name, value) for name, value in response.headers if name.lower() == "retry-after")
    if response.status == 401:
        return reply({"detail": "Given API token not valid"}, status=401)
    body = response.body
    try:
        is_object = len(body) <= MAX_BODY and isinstance(msgspec.json.decode(body), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        is_object = False
    if not is_object:
        body = msgspec.json.encode({"detail": f"the Mem0 server answered with status {response.status}"})
    return WireResponse(status=response.status, headers=(*JSON_HEADERS, *kept), body=body)


def reply(value: object, *, status: int = 200) -> WireResponse:
    return WireResponse(status=status, headers=JSON_HEADERS, body=msgspec.json.encode(value))


def complaint(error: CallerError) -> WireResponse:
    """A caller's mistake in the platform's error shape: `error` about a memory id, `detail` elsewhere."""
    if error.code in {"invalid_memory_id", "memory_not_found"}:
        return reply({"error": error.message}, status=error.status)
    return reply({"detail": error.message, "code": error.code}, status=error.status)


def not_found() -> CallerError:
    return CallerError(404, "memory_not_found", "Memory not found!")


def not_supported(what: str) -> CallerError:
    return CallerError(501, "not_supported", f"{what}: not available on a self-hosted Mem0")


def segment(value: str) -> str:
    """One value as a raw path segment."""
    return quote(value, safe="")


def segments(path: str) -> tuple[str, ...]:
    """The decoded segments of a raw path, `//` and the trailing slash collapsed."""
    return tuple(unquote(part) for part in path.split("/") if part)


def arguments(query: str) -> tuple[tuple[str, str], ...]:
    """The decoded query; CallerError 400 for more parameters than any client sends."""
    try:
        return tuple(parse_qsl(query, keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise CallerError(400, "invalid_request", "too many query parameters") from None
