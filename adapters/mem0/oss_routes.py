"""Which platform route is which script, and which a self-hosted Mem0 cannot serve at all.

Both tables are data: the first drives `OssUpstream`, the second also stands in the support matrix. A pattern holds `{}`
for one segment; the more exact pattern stands first.
"""

from collections.abc import Callable

import msgspec

from adapters.mem0 import oss_reads, oss_writes
from adapters.mem0.oss_wire import Call, Script, segments
from firewall.errors import CallerError

PLATFORM_ROOTS = frozenset({"v1", "v2", "v3", "api"})


class OssRoute(msgspec.Struct, frozen=True):
    method: str
    pattern: str
    script: Callable[[Call], Script]


class Unsupported(msgspec.Struct, frozen=True):
    """`pattern` may end in `{...}` for any further segments; `what` completes "... is not available"."""

    method: str
    pattern: str
    what: str


ROUTES: tuple[OssRoute, ...] = (
    OssRoute("GET", "/v1/ping/", oss_reads.ping),
    OssRoute("POST", "/v3/memories/add/", oss_writes.add),
    OssRoute("POST", "/v1/memories/", oss_writes.add),
    OssRoute("POST", "/v3/memories/search/", oss_reads.search_v3),
    OssRoute("POST", "/v2/memories/search/", oss_reads.search_bare),
    OssRoute("POST", "/v1/memories/search/", oss_reads.search_bare),
    OssRoute("POST", "/v3/memories/", oss_reads.list_v3),
    OssRoute("POST", "/v2/memories/", oss_reads.list_bare),
    OssRoute("GET", "/v1/memories/", oss_reads.list_by_query),
    OssRoute("DELETE", "/v1/memories/", oss_writes.delete_all),
    OssRoute("GET", "/v1/memories/{}/history/", oss_reads.history),
    OssRoute("GET", "/v1/memories/{}/{}/", oss_reads.list_by_entity),
    OssRoute("GET", "/v1/memories/{}/", oss_reads.get),
    OssRoute("PUT", "/v1/memories/{}/", oss_writes.update),
    OssRoute("DELETE", "/v1/memories/{}/", oss_writes.delete),
    OssRoute("PUT", "/v1/batch/", oss_writes.batch_update),
    OssRoute("DELETE", "/v1/batch/", oss_writes.batch_delete),
    OssRoute("GET", "/v1/entities/", oss_reads.entities),
    OssRoute("DELETE", "/v2/entities/{}/{}/", oss_writes.delete_entity),
    OssRoute("DELETE", "/v1/entities/{}/{}/", oss_writes.delete_entity),
    OssRoute("POST", "/v1/feedback/", oss_writes.feedback),
)

UNSUPPORTED: tuple[Unsupported, ...] = (
    Unsupported("POST", "/v1/summary/", "a summary"),
    Unsupported("POST", "/v1/exports/", "a memory export"),
    Unsupported("POST", "/v1/exports/get/", "a memory export"),
    Unsupported("GET", "/v2/entities/{}/{}/profile/", "a profile"),
    Unsupported("POST", "/v2/profiles/jobs/", "a profile"),
    Unsupported("GET", "/v2/profiles/jobs/", "a profile"),
    Unsupported("GET", "/v2/profiles/jobs/{}/", "a profile"),
    Unsupported("GET", "/v2/profiles/settings/", "a profile"),
    Unsupported("POST", "/v2/profiles/settings/", "a profile"),
    Unsupported("GET", "/v1/event/{}/", "the event log"),
    Unsupported("GET", "/v1/events/", "the event log"),
    Unsupported("GET", "/v1/memories/events/", "the event log"),
    Unsupported("*", "/api/v1/orgs/{...}", "a project"),
    Unsupported("*", "/api/v1/webhooks/{...}", "a webhook"),
)


def is_platform(path: str) -> bool:
    """Whether a path is the platform's; the bare routes of the server are not."""
    parts = segments(path)
    return bool(parts) and parts[0] in PLATFORM_ROOTS


def find(method: str, path: str) -> tuple[OssRoute, tuple[str, ...]]:
    """The route of a platform request and its decoded `{}` segments. CallerError 501 where there is none."""
    parts = segments(path)
    for refused in UNSUPPORTED:
        if refused.method in {"*", method} and _fits(refused.pattern, parts) is not None:
            raise CallerError(
                501, "not_supported", f"{refused.what}: this is not available on a self-hosted Mem0"
            )
    for route in ROUTES:
        params = _fits(route.pattern, parts) if route.method == method else None
        if params is not None:
            return route, params
    raise CallerError(501, "not_supported", "this route is not available on a self-hosted Mem0")


def _fits(pattern: str, parts: tuple[str, ...]) -> tuple[str, ...] | None:
    wanted = segments(pattern)
    if wanted[-1] == "{...}":
        wanted = wanted[:-1]
        parts = parts[: len(wanted)]
    if len(wanted) != len(parts):
        return None
    if any(want not in {"{}", part} for want, part in zip(wanted, parts, strict=True)):
        return None
    return tuple(part for want, part in zip(wanted, parts, strict=True) if want == "{}")
