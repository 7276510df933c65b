"""The description of a JSON search API, as the config gives it.

A pointer is a JSON pointer (RFC 6901). A place is where something goes in a request: a pointer into the body, or `?name`
for a query parameter. The meaning and the bounds of each field stand in the config's model, which has the same names.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from firewall.ports import RouteClass, RouteSpec


class HttpRecall(msgspec.Struct, frozen=True, kw_only=True):
    """A search of our own: `path` is concrete, `body` what it says beside the question."""

    path: str
    query: str
    body: Mapping[str, object] = {}


class HttpRead(msgspec.Struct, frozen=True, kw_only=True):
    """One governed read. With `columns` the items stand column by column in the object at `list`."""

    name: str = "search"
    method: str = "POST"
    path: str
    list: str = ""
    single: bool = False
    columns: tuple[str, ...] = ()
    batched: bool = False
    id: str = "/id"
    text: tuple[str, ...] = ()
    title: str | None = None
    created: str | None = None
    updated: str | None = None
    metadata: str = ""
    limit: str | None = None
    limit_default: int | None = None
    limit_max: int = 1000
    ask: Mapping[str, object] = {}
    filtered: bool = True
    recall: HttpRecall | None = None


class HttpOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose an item is, by one key: `item` points into it, or the path parameter `param` says it for all."""

    item: str | None = None
    param: str | None = None
    at: str | None = None
    value: object = "{value}"
    combine: str | None = None


class HttpRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route that is no governed read."""

    method: str
    path: str
    access: Literal["pass", "admin"] = "admin"


class HttpMapping(msgspec.Struct, frozen=True, kw_only=True):
    """One API: its reads, whose its items are, its other routes, and where a key goes."""

    reads: tuple[HttpRead, ...]
    owner: Mapping[str, HttpOwner] = {}
    routes: tuple[HttpRoute, ...] = ()
    key_header: str = "Authorization"
    key_scheme: str = "Bearer"


_CLASSES = {"pass": RouteClass.passed, "admin": RouteClass.admin}


def specs_of(mapping: HttpMapping) -> Sequence[RouteSpec]:
    """The route table that the description amounts to."""
    reads = [
        RouteSpec(name=read.name, method=read.method, pattern=read.path, route_class=RouteClass.governed_read)
        for read in mapping.reads
    ]
    others = [
        RouteSpec(
            name=f"{route.method} {route.path}",
            method=route.method,
            pattern=route.path,
            route_class=_CLASSES[route.access],
        )
        for route in mapping.routes
    ]
    return (*reads, *others)
