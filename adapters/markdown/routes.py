"""The route table of a folder of notes, and what each route may be asked for: one reading for dialect and upstream."""

from collections.abc import Mapping, Sequence

import msgspec

from firewall.core.wire.paths import Table, table_of
from firewall.core.wire.requests import JsonObject, Query, invalid
from firewall.ports import RouteClass, RouteSpec

SEARCH = "search"
LIST = "notes"
NOTE = "note"

DEFAULT_LIMIT = 10
MAX_LIMIT = 1_000
PAGE = 100
MAX_QUERY = 8_192

ROUTES: Sequence[RouteSpec] = (
    RouteSpec(name=SEARCH, method="POST", pattern="/search", route_class=RouteClass.governed_read),
    RouteSpec(name=LIST, method="GET", pattern="/notes", route_class=RouteClass.governed_read),
    RouteSpec(
        name=NOTE,
        method="GET",
        pattern="/notes/{id}",
        route_class=RouteClass.governed_read,
        note="`/` and `#` of an id are escaped: `team%2Fdeploy.md%23rollback`",
    ),
)
_FIELDS = frozenset({"query", "limit", "filters"})
_FILTERS = frozenset({"folder", "tag"})
_PARAMETERS = frozenset({"folder", "tag", "limit", "offset"})


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, within bounds."""

    query: str = ""
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    folder: str = ""
    tag: str = ""

    def body(self) -> JsonObject:
        """As the body of a search."""
        return {"query": self.query, "limit": self.limit, "filters": self.filters()}

    def parameters(self) -> Mapping[str, str]:
        """As the query string of a list."""
        return {"limit": str(self.limit), "offset": str(self.offset), **self.filters()}

    def filters(self) -> dict[str, str]:
        """Those that are given."""
        return {key: value for key, value in (("folder", self.folder), ("tag", self.tag)) if value}


def table() -> Table:
    """Ready to be matched."""
    return table_of(ROUTES)


def search_of(body: JsonObject) -> Wanted:
    """A search. CallerError 400 for what it does not know."""
    if body.keys() - _FIELDS:
        raise invalid("a search has `query`, `limit` and `filters`")
    query, limit = body.get("query"), body.get("limit", DEFAULT_LIMIT)
    if not isinstance(query, str) or len(query) > MAX_QUERY:
        raise invalid(f"`query` is a text of at most {MAX_QUERY} characters")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 <= limit <= MAX_LIMIT:
        raise invalid(f"`limit` is a number from 0 to {MAX_LIMIT}")
    filters = body.get("filters")
    if filters is None:
        filters = {}
    if not isinstance(filters, dict) or filters.keys() - _FILTERS:
        raise invalid("`filters` has `folder` and `tag`")
    return Wanted(
        query=query, limit=limit, folder=_folder(filters.get("folder")), tag=_text(filters.get("tag"))
    )


def list_of(query: Query) -> Wanted:
    """A page of all notes. CallerError 400 for what it does not know."""
    if {key for key, _ in query.pairs} - _PARAMETERS:
        raise invalid("a list of notes has `folder`, `tag`, `limit` and `offset`")
    limit = _number(query.get("limit"), PAGE)
    if limit > MAX_LIMIT:
        raise invalid(f"`limit` is a number from 0 to {MAX_LIMIT}")
    return Wanted(
        limit=limit,
        offset=_number(query.get("offset"), 0),
        folder=_folder(query.get("folder")),
        tag=_text(query.get("tag")),
    )


def _folder(value: object) -> str:
    """One spelling: no slash at either end. CallerError 400 for what could mean another folder."""
    folder = _text(value).strip("/")
    if folder and any(part in {"", ".", ".."} for part in folder.split("/")):
        raise invalid("`folder` is a path below the notes' own folder")
    return folder


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 1_000:
        raise invalid("a filter is a text")
    return value


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise invalid("`limit` and `offset` are numbers")
    return int(text)
