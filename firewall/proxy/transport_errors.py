"""The few ways in which an upstream fails, each with its status, its stable code and one sentence.

Both transports raise exactly these, so that the breaker, the metrics and the tests know one vocabulary. No message
holds a byte of what the upstream sent.
"""

from firewall.errors import CallerError, UpstreamError


def unavailable(reason: str) -> UpstreamError:
    """Nobody answers there: refused, no such host, no TLS."""
    return UpstreamError(503, "upstream_unavailable", f"the upstream cannot be reached: {reason}")


def late() -> UpstreamError:
    """The deadline passed, wherever the request stood."""
    return UpstreamError(504, "upstream_timeout", "the upstream did not answer in time")


def reset() -> UpstreamError:
    """The connection broke, or closed before the first byte of an answer."""
    return UpstreamError(502, "upstream_reset", "the upstream closed the connection without an answer")


def truncated() -> UpstreamError:
    """The answer began and did not end."""
    return UpstreamError(502, "upstream_truncated", "the upstream's answer ended too early")


def too_large(what: str) -> UpstreamError:
    """A header or a body passes its cap."""
    return UpstreamError(502, "upstream_too_large", f"the upstream's {what} is larger than allowed")


def invalid(reason: str) -> UpstreamError:
    """What came is not an HTTP answer that we accept."""
    return UpstreamError(502, "upstream_invalid", f"the upstream's answer is not acceptable: {reason}")


def unsendable(reason: str) -> CallerError:
    """The caller's request cannot be put on a wire without changing its meaning."""
    return CallerError(400, "invalid_request", reason)
