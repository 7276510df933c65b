"""Held texts in the file: kept apart from records, so that one can go without a trace while the chain stays.

Nothing of an erased text may be left in the file or beside it. So every change to the table overwrites what it frees, and
the write-ahead log is emptied before an erasure is acknowledged. That alone would not do: when SQLite balances the pages
of a tree it moves rows and leaves stale copies in the gaps. So a text never is in such a page: it stands behind a page's
worth of zeros in its row, which puts all of it into overflow pages; those are its own and are never copied.
"""

import contextlib
import sqlite3
from collections.abc import Iterator

from firewall.core.events import ScopeKey
from firewall.log.sqlite_file import transaction

_KEEP = """INSERT INTO held_text (tenant, scope, text_id, ballast, concealed) VALUES (?, ?, ?, zeroblob(?), ?)
    ON CONFLICT DO UPDATE SET concealed = excluded.concealed"""
_THE_ONE = "WHERE tenant = ? AND scope = ? AND text_id = ?"
_FIND = f"SELECT concealed FROM held_text {_THE_ONE}"  # noqa: S608  constants
_ERASE = f"DELETE FROM held_text {_THE_ONE}"  # noqa: S608  constants


def keep_text(connection: sqlite3.Connection, key: ScopeKey, text_id: str, concealed: bytes) -> None:
    """Store a concealed text; the same id again replaces."""
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    with _overwriting(connection), transaction(connection):
        connection.execute(_KEEP, (key.tenant, key.scope, text_id, page, concealed))


def kept_text(connection: sqlite3.Connection, key: ScopeKey, text_id: str) -> bytes | None:
    """The concealed text, None where there is none."""
    row = connection.execute(_FIND, (key.tenant, key.scope, text_id)).fetchone()
    return None if row is None else bytes(row[0])


def erase_text(connection: sqlite3.Connection, key: ScopeKey, text_id: str) -> bool:
    """Whether it was there. It is gone from the file when `empty_wal` has worked after this."""
    with _overwriting(connection), transaction(connection):
        return connection.execute(_ERASE, (key.tenant, key.scope, text_id)).rowcount > 0


def empty_wal(connection: sqlite3.Connection) -> bool:
    """Bring all into the file and leave nothing in the write-ahead log; False while somebody reads older pages there."""
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


@contextlib.contextmanager
def _overwriting(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("PRAGMA secure_delete=ON").fetchone()
    try:
        yield
    finally:
        connection.execute("PRAGMA secure_delete=OFF").fetchone()
