"""Mem0's route tables, as data: the hosted platform's v1 to v3 and the open-source server's bare routes.

A pattern that ends in a slash is the platform's (every path of it does), one that does not is the bare server's. `Planning`
says how a request is rewritten, `Shape` where memory text stands in its answer. A route that is not here does not exist.
"""

import enum
from collections.abc import Sequence
from typing import Literal

import msgspec

from firewall.ports import RouteClass, RouteSpec

Flavor = Literal["platform", "oss", "embedded"]
FLAVORS: tuple[Flavor, ...] = ("platform", "oss", "embedded")


class Planning(enum.Enum):
    """How a request becomes an upstream request. It is the key of the planners' table: hashed as the object it is."""

    __hash__ = object.__hash__

    plain = enum.auto()
    search = enum.auto()
    listing = enum.auto()
    query_listing = enum.auto()
    by_id = enum.auto()
    history = enum.auto()
    events = enum.auto()
    event = enum.auto()
    entities = enum.auto()
    entity_rows = enum.auto()
    entity_delete = enum.auto()
    profile = enum.auto()
    profile_job = enum.auto()
    profile_jobs = enum.auto()
    scoped_object = enum.auto()
    export_read = enum.auto()
    add = enum.auto()
    update = enum.auto()
    delete_one = enum.auto()
    delete_all = enum.auto()
    batch = enum.auto()
    feedback = enum.auto()


class Shape(enum.Enum):
    """Where memory text stands in an answer. `written` is the answer of a write, which may echo what was stored."""

    plain = enum.auto()
    rows = enum.auto()
    row = enum.auto()
    history = enum.auto()
    events = enum.auto()
    entities = enum.auto()
    whole = enum.auto()
    written = enum.auto()


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. `oss` and `embedded` say whether those flavors can do it; the platform can do its own.

    `bare`: it is a route of the open-source server.
    """

    name: str
    method: str
    pattern: str
    route_class: RouteClass
    planning: Planning = Planning.plain
    shape: Shape = Shape.plain
    oss: bool = False
    embedded: bool = False
    note: str = ""
    bare: bool = False

    def can(self, flavor: Flavor) -> bool:
        return {"platform": not self.bare, "oss": self.oss, "embedded": self.embedded}[flavor]


def _route(
    name: str,
    line: str,
    route_class: RouteClass,
    planning: Planning = Planning.plain,
    shape: Shape = Shape.plain,
    *,
    on: str = "",
    note: str = "",
) -> Route:
    method, pattern = line.split(" ")
    return Route(
        name=name,
        method=method,
        pattern=pattern,
        route_class=route_class,
        planning=planning,
        shape=shape,
        oss="oss" in on,
        embedded="embedded" in on,
        note=note,
        bare=not pattern.endswith("/"),
    )


_READ = RouteClass.governed_read
_WRITE = RouteClass.gated_write
_ADMIN = RouteClass.admin
_PASS = RouteClass.passed
_P = Planning
_S = Shape
_BOTH = "oss embedded"

_PROJECTS = "/api/v1/orgs/organizations/{org_id}/projects/"
_PROJECT = _PROJECTS + "{project_id}/"
_OWN_ENTITY = "the entity that the principal is pinned to; any other needs role admin"
_SCOPED = "needs a scope; without one role admin"

PLATFORM_ROUTES: tuple[Route, ...] = (
    _route("ping", "GET /v1/ping/", _PASS, on=_BOTH),
    _route("v3.search", "POST /v3/memories/search/", _READ, _P.search, _S.rows, on=_BOTH),
    _route("v2.search", "POST /v2/memories/search/", _READ, _P.search, _S.rows, on=_BOTH),
    _route("v1.search", "POST /v1/memories/search/", _READ, _P.search, _S.rows, on=_BOTH),
    _route("v3.list", "POST /v3/memories/", _READ, _P.listing, _S.rows, on=_BOTH),
    _route("v2.list", "POST /v2/memories/", _READ, _P.listing, _S.rows, on=_BOTH),
    _route("v1.list", "GET /v1/memories/", _READ, _P.query_listing, _S.rows, on=_BOTH),
    _route("v3.add", "POST /v3/memories/add/", _WRITE, _P.add, _S.written, on=_BOTH),
    _route("v1.add", "POST /v1/memories/", _WRITE, _P.add, _S.written, on=_BOTH),
    _route(
        "delete_all",
        "DELETE /v1/memories/",
        _WRITE,
        _P.delete_all,
        on=_BOTH,
        note="needs concrete ids; `*` needs role admin; a Python literal in `filters` is refused",
    ),
    _route("events.memories", "GET /v1/memories/events/", _READ, _P.events, _S.events),
    _route("get", "GET /v1/memories/{memory_id}/", _READ, _P.by_id, _S.row, on=_BOTH),
    _route("update", "PUT /v1/memories/{memory_id}/", _WRITE, _P.update, _S.written, on=_BOTH),
    _route("delete", "DELETE /v1/memories/{memory_id}/", _WRITE, _P.delete_one, on=_BOTH),
    _route("history", "GET /v1/memories/{memory_id}/history/", _READ, _P.history, _S.history, on=_BOTH),
    _route(
        "entity.list",
        "GET /v1/memories/{entity_type}/{entity_id}/",
        _READ,
        _P.entity_rows,
        _S.rows,
        on=_BOTH,
    ),
    _route("batch.update", "PUT /v1/batch/", _WRITE, _P.batch, on=_BOTH),
    _route("batch.delete", "DELETE /v1/batch/", _WRITE, _P.batch, on=_BOTH),
    _route(
        "entities",
        "GET /v1/entities/",
        _READ,
        _P.entities,
        _S.entities,
        on=_BOTH,
        note="names only: cut to the principal's pin, not adjudicated",
    ),
    _route(
        "v2.entity.delete",
        "DELETE /v2/entities/{entity_type}/{entity_id}/",
        _WRITE,
        _P.entity_delete,
        on=_BOTH,
        note=_OWN_ENTITY,
    ),
    _route(
        "v1.entity.delete",
        "DELETE /v1/entities/{entity_type}/{entity_id}/",
        _WRITE,
        _P.entity_delete,
        on=_BOTH,
        note=_OWN_ENTITY,
    ),
    _route("event", "GET /v1/event/{event_id}/", _READ, _P.event, _S.whole),
    _route("events", "GET /v1/events/", _READ, _P.events, _S.events),
    _route("export.create", "POST /v1/exports/", _WRITE, _P.scoped_object, note=_SCOPED),
    _route("export.get", "POST /v1/exports/get/", _READ, _P.export_read, _S.whole),
    _route("summary", "POST /v1/summary/", _READ, _P.scoped_object, _S.whole, note=_SCOPED),
    _route(
        "profile",
        "GET /v2/entities/{entity_type}/{entity_id}/profile/",
        _READ,
        _P.profile,
        _S.whole,
    ),
    _route("profile.jobs.create", "POST /v2/profiles/jobs/", _WRITE, _P.profile_jobs, _S.whole),
    _route("profile.jobs", "GET /v2/profiles/jobs/", _READ, _P.profile_job, _S.whole),
    _route("profile.job", "GET /v2/profiles/jobs/{job_id}/", _READ, _P.profile_job, _S.whole),
    _route("profile.settings", "GET /v2/profiles/settings/", _PASS),
    _route("profile.settings.update", "POST /v2/profiles/settings/", _ADMIN),
    _route(
        "feedback",
        "POST /v1/feedback/",
        _WRITE,
        _P.feedback,
        on=_BOTH,
        note="recorded as standing; on oss and embedded memfw keeps it alone",
    ),
    _route("project", f"GET {_PROJECT}", _PASS),
    _route("project.update", f"PATCH {_PROJECT}", _ADMIN),
    _route("project.delete", f"DELETE {_PROJECT}", _ADMIN),
    _route("project.create", f"POST {_PROJECTS}", _ADMIN),
    _route("members", f"GET {_PROJECT}members/", _PASS),
    _route("members.add", f"POST {_PROJECT}members/", _ADMIN),
    _route("members.update", f"PUT {_PROJECT}members/", _ADMIN),
    _route("members.remove", f"DELETE {_PROJECT}members/", _ADMIN),
    _route("webhooks", "GET /api/v1/webhooks/projects/{project_id}/", _ADMIN),
    _route("webhooks.create", "POST /api/v1/webhooks/projects/{project_id}/", _ADMIN),
    _route("webhooks.update", "PUT /api/v1/webhooks/{webhook_id}/", _ADMIN),
    _route("webhooks.delete", "DELETE /api/v1/webhooks/{webhook_id}/", _ADMIN),
)

BARE_ROUTES: tuple[Route, ...] = (
    _route("bare.add", "POST /memories", _WRITE, _P.add, _S.written, on=_BOTH),
    _route("bare.list", "GET /memories", _READ, _P.query_listing, _S.rows, on=_BOTH, note=_SCOPED),
    _route("bare.delete_all", "DELETE /memories", _WRITE, _P.delete_all, on=_BOTH, note="needs concrete ids"),
    _route("bare.search", "POST /search", _READ, _P.search, _S.rows, on=_BOTH),
    _route("bare.get", "GET /memories/{memory_id}", _READ, _P.by_id, _S.row, on=_BOTH),
    _route("bare.update", "PUT /memories/{memory_id}", _WRITE, _P.update, _S.written, on=_BOTH),
    _route("bare.delete", "DELETE /memories/{memory_id}", _WRITE, _P.delete_one, on=_BOTH),
    _route("bare.history", "GET /memories/{memory_id}/history", _READ, _P.history, _S.history, on=_BOTH),
    _route(
        "bare.entities",
        "GET /entities",
        _READ,
        _P.entities,
        _S.entities,
        on=_BOTH,
        note="names only: cut to the principal's pin, not adjudicated",
    ),
    _route(
        "bare.entity.delete",
        "DELETE /entities/{entity_type}/{entity_id}",
        _WRITE,
        _P.entity_delete,
        on=_BOTH,
        note=_OWN_ENTITY,
    ),
    _route("bare.reset", "POST /reset", _ADMIN, on=_BOTH),
    _route("bare.configure", "GET /configure", _ADMIN, on="oss"),
    _route("bare.configure.set", "POST /configure", _ADMIN, on="oss"),
    _route("bare.configure.providers", "GET /configure/providers", _ADMIN, on="oss"),
    _route("bare.instructions", "POST /generate-instructions", _PASS, on="oss"),
    _route("bare.requests", "GET /requests", _ADMIN, on="oss"),
    _route("bare.auth.setup", "GET /auth/setup-status", _ADMIN, on="oss"),
    _route("bare.auth.register", "POST /auth/register", _ADMIN, on="oss"),
    _route("bare.auth.login", "POST /auth/login", _ADMIN, on="oss"),
    _route("bare.auth.refresh", "POST /auth/refresh", _ADMIN, on="oss"),
    _route("bare.auth.me", "GET /auth/me", _ADMIN, on="oss"),
    _route("bare.auth.me.update", "PATCH /auth/me", _ADMIN, on="oss"),
    _route("bare.auth.password", "POST /auth/change-password", _ADMIN, on="oss"),
    _route("bare.auth.onboarding", "POST /auth/onboarding-complete", _ADMIN, on="oss"),
    _route("bare.keys", "GET /api-keys", _ADMIN, on="oss"),
    _route("bare.keys.create", "POST /api-keys", _ADMIN, on="oss"),
    _route("bare.keys.delete", "DELETE /api-keys/{key_id}", _ADMIN, on="oss"),
)


def routes_of(flavor: Flavor) -> tuple[Route, ...]:
    """The routes that memfw knows in front of that flavor; the bare ones are no part of the platform."""
    return PLATFORM_ROUTES if flavor == "platform" else PLATFORM_ROUTES + BARE_ROUTES


def spec_of(route: Route, flavor: Flavor) -> RouteSpec:
    """The row as the proxy sees it; what the flavor cannot do is `unsupported`."""
    can = route.can(flavor)
    return RouteSpec(
        name=route.name,
        method=route.method,
        pattern=route.pattern,
        route_class=route.route_class if can else RouteClass.unsupported,
        note=route.note if can else "a self-hosted Mem0 cannot do that",
    )


def support_matrix() -> str:
    """The routes as a markdown table: route x class x flavor."""
    lines = ["| route | class | platform | oss | embedded | note |", "|---|---|---|---|---|---|"]
    for route in PLATFORM_ROUTES + BARE_ROUTES:
        cells = [_cell(route, flavor) for flavor in FLAVORS]
        lines.append(
            f"| `{route.method} {route.pattern}` | {route.route_class} | {' | '.join(cells)} | {route.note} |"
        )
    return "\n".join(lines) + "\n"


def _cell(route: Route, flavor: Flavor) -> str:
    known: Sequence[Route] = routes_of(flavor)
    if route not in known:
        return "-"
    return "yes" if route.can(flavor) else "501"
