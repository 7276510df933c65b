"""Makes the recorded calls of the mem0ai 2.x client again, with a client of that package.

The recording keeps typed options as plain objects; here they become the package's own options again.
"""

from typing import Any

from tests.backends.mem0_double import Recording

OPTIONS = {
    "add": "AddMemoryOptions",
    "get_all": "GetAllMemoryOptions",
    "search": "SearchMemoryOptions",
    "update": "UpdateMemoryOptions",
    "delete_all": "DeleteAllMemoryOptions",
}


def perform(client: Any, call: Recording) -> Any:
    """What the recorded call returns now: a value, or an awaitable from the async client."""
    method = client
    for name in call.sdk["method"].split("."):
        method = getattr(method, name)
    args = list(call.sdk.get("args", ()))
    if "options" in call.name and isinstance(args[-1], dict):
        args[-1] = typed_options(call.sdk["method"], args[-1])
    return method(*args, **call.sdk.get("kwargs", {}))


def typed_options(method: str, fields: dict[str, Any]) -> Any:
    """The options object that the call took."""
    from mem0.client import types

    return getattr(types, OPTIONS[method])(**fields)
