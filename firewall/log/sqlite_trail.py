"""What auditors read: every seal and everything that is stored, page by page, as it stands in the file.

Nothing is believed here. Somebody may have written into the file: rows that no seal names are given like all others. A value
of another type than memfw stores is not the same value, even where its bytes are: the log would not find a row by it. It is
given with a byte in front that makes it another.
"""

import sqlite3
from typing import Literal, Protocol, TypeVar

from firewall.core.chain import Kind, Sealed, Stored
from firewall.log.codec import LARGEST_INTEGER

T = TypeVar("T")
Page = tuple[list[T], int | None]
"""What was found, and where to go on; None at the end."""


class Paged(Protocol[T]):
    """A query of one page. Does not wait, sees the file as it is at the moment."""

    def __call__(self, connection: sqlite3.Connection, start: int) -> Page[T]: ...


FIRST = -LARGEST_INTEGER - 1
PAGE = 2000


def bytes_of(column: str, kind: Literal["text", "blob"]) -> str:
    """SQL for the bytes of a column, which are others where the value is of another type."""
    other = f"x'ff' || ifnull({column}, '')"
    return f"CAST(CASE typeof({column}) WHEN '{kind}' THEN {column} ELSE {other} END AS BLOB)"


def _query(table: str, order: str, offset: str, name: str) -> str:
    texts = ", ".join(bytes_of(column, "text") for column in ("tenant", "scope", name))
    return (
        f"SELECT {order}, {offset}, {texts}, {bytes_of('body', 'blob')}"  # noqa: S608  constants
        f" FROM {table} WHERE {order} >= ? ORDER BY {order} LIMIT ?"
    )


_SEALS = "SELECT place, CAST(body AS BLOB), CAST(signature AS BLOB) FROM seal WHERE place >= ? ORDER BY place LIMIT ?"
_RECORDS = _query("record", "offset", "offset", "event_id")
_DECISIONS = _query("decision", "seq", "0", "decision_id")

_StoredRow = tuple[int, int, bytes, bytes, bytes, bytes]


def seals(connection: sqlite3.Connection, start: int) -> Page[Sealed]:
    """Seals from that place on, in the order of their commits."""
    rows = connection.execute(_SEALS, (start, PAGE)).fetchall()
    return [Sealed(body, signature) for _, body, signature in rows], _next([row[0] for row in rows])


def records(connection: sqlite3.Connection, start: int) -> Page[Stored]:
    """Records from that offset on, as bytes."""
    return _page("evidence", connection.execute(_RECORDS, (start, PAGE)).fetchall())


def receipts(connection: sqlite3.Connection, start: int) -> Page[Stored]:
    """Receipts from that row on."""
    return _page("receipt", connection.execute(_DECISIONS, (start, PAGE)).fetchall())


PAGES: tuple[Paged[Stored], ...] = (records, receipts)
"""Everything that is stored and sealed, or should be."""


def _page(kind: Kind, rows: list[_StoredRow]) -> Page[Stored]:
    found = [
        Stored(kind=kind, tenant=_text(tenant), scope=_text(scope), id=_text(id_), offset=offset, body=body)
        for _, offset, tenant, scope, id_, body in rows
    ]
    return found, _next([row[0] for row in rows])


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")


def _next(places: list[int]) -> int | None:
    """One row more than the last, where there may be one."""
    return places[-1] + 1 if len(places) == PAGE and places[-1] < LARGEST_INTEGER else None
