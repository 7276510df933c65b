"""What auditors read: every seal and everything that is stored, page by page, as it stands in the file.

Nothing is believed here. Somebody may have written into the file: rows that no seal names are given like all others, and
values of the wrong type as the bytes that they are.
"""

import sqlite3
from typing import Protocol, TypeVar

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

_SEALS = "SELECT place, CAST(body AS BLOB), CAST(signature AS BLOB) FROM seal WHERE place >= ? ORDER BY place LIMIT ?"
_TEXTS = "CAST(tenant AS BLOB), CAST(scope AS BLOB)"
_RECORDS = (
    f"SELECT offset, offset, {_TEXTS}, CAST(event_id AS BLOB), CAST(body AS BLOB)"  # noqa: S608  constants
    " FROM record WHERE offset >= ? ORDER BY offset LIMIT ?"
)
_DECISIONS = (
    f"SELECT seq, 0, {_TEXTS}, CAST(decision_id AS BLOB), CAST(body AS BLOB)"  # noqa: S608  constants
    " FROM decision WHERE seq >= ? ORDER BY seq LIMIT ?"
)

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
