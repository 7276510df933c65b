"""The values of the wire: requests and answers as bytes, and the rows of a route table."""

import enum
from collections.abc import Mapping

import msgspec

Headers = tuple[tuple[str, str], ...]


class WireRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request without its mount prefix. `path` is the raw path (percent-encoding untouched), `query` the raw query.

    `base` is the URL of another host of the same upstream, empty for its own; only a dialect that has checked it sets it.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes = b""
    base: str = ""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


class WireResponse(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    headers: Headers = ()
    body: bytes = b""


def header(headers: Headers, name: str) -> str | None:
    """The first header of that name, in any case."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None


class RouteClass(enum.StrEnum):
    governed_read = "governed read"
    gated_write = "gated write"
    admin = "admin"
    passed = "pass"
    unsupported = "unsupported"  # this flavor of the upstream cannot do it: 501 in its error shape


class RouteSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a dialect's route table. `pattern` holds `{name}` for one raw path segment."""

    name: str
    method: str
    pattern: str
    route_class: RouteClass
    note: str = ""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A request found in the table. `path` is the cleaned raw path; `params` are decoded path segments."""

    spec: RouteSpec
    path: str
    params: Mapping[str, str] = {}
