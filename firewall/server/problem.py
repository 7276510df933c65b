"""The one error shape of the native API, and the boundary where whatever is left becomes a 500 without details."""

import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from firewall.errors import CallerError, UpstreamError

_log = logging.getLogger("memfw.server")
_encoder = msgspec.json.Encoder()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem(
    status: int,
    code: str,
    message: str,
    *,
    issues: tuple[dict[str, str], ...] = (),
    retry_after: float | None = None,
) -> web.Response:
    """`{"status", "error", "message", "details": {"contract", "issues"}, "issues"}` as JSON."""
    details: dict[str, object] = {"contract": "error_v1"}
    body: dict[str, object] = {"status": status, "error": code, "message": message, "details": details}
    if issues:
        details["issues"] = issues
        body["issues"] = issues
    headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
    return web.Response(
        status=status, body=_encoder.encode(body), content_type="application/json", headers=headers
    )


def _route(request: web.Request) -> str:
    """The path's pattern: in the path itself a client may have put anything."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The HTTP boundary: every failure leaves as the one error shape; none of them names a path, a key or a text."""
    try:
        return await handler(request)
    except CallerError as error:
        issues = tuple({"path": issue.path, "message": issue.message} for issue in error.issues)
        return problem(error.status, error.code, error.message, issues=issues, retry_after=error.retry_after)
    except UpstreamError as error:
        return problem(error.status, error.code, error.message, retry_after=error.retry_after)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        refusal = problem(error.status, _CODES.get(error.status, f"http_{error.status}"), error.reason)
        if "Allow" in error.headers:
            refusal.headers["Allow"] = error.headers["Allow"]
        return refusal
    except Exception as error:  # noqa: BLE001  the HTTP boundary: the client gets a 500, the log the type
        _log.error("internal error", extra={"error": type(error).__name__, "route": _route(request)})
        return problem(500, "internal_error", "internal error")
