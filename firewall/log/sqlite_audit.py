"""An embedded log as an auditor reads it: its file opened for reading only, at one moment, whoever writes to it meanwhile.

Nothing is written, no lane is begun, no key is needed. A row that cannot be what memfw wrote is given as `Unreadable`.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from firewall.core.chain import Sealed, seal_body
from firewall.core.verify import Entry, Unreadable
from firewall.errors import StateError
from firewall.log import sqlite_trail
from firewall.log.sqlite_faults import state_error
from firewall.log.sqlite_file import MEMORY, database_path
from firewall.log.sqlite_schema import SCHEMA, is_as_made, schema_of

_SEALS = f"""SELECT {sqlite_trail.bytes_of("lane", "text")}, seq, at, CAST(body AS BLOB), CAST(signature AS BLOB)
    FROM seal ORDER BY place"""  # noqa: S608  constants
_PAGE = 2000


def read_trail(url: str | Path) -> Iterator[list[Entry]]:
    """All seals, then all that is stored. StateError where the file cannot be read."""
    path = database_path(url)
    if path == MEMORY:
        raise StateError("log_unavailable", "a log in memory is nobody else's to read")
    try:
        with contextlib.closing(_opened(os.path.abspath(path))) as connection:  # noqa: PTH100  no link is followed
            connection.execute("BEGIN")
            if schema_of(connection) != SCHEMA:
                raise StateError(
                    "log_format", "the log has no audit chain yet: this memfw makes one when it opens it"
                )
            yield _around(connection)
            yield from _seals(connection)
            for pages in sqlite_trail.PAGES:
                start: int | None = sqlite_trail.FIRST
                while start is not None:
                    found, start = pages(connection, start)
                    yield list(found)
    except sqlite3.Error as error:
        raise state_error(error) from error


def _opened(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
    except sqlite3.OperationalError:
        connection.close()
        if Path(f"{path}-wal").exists() or not Path(path).exists():
            raise
        # The directory is not ours to write in either: without a WAL the file is all there is.
        return sqlite3.connect(f"file:{quote(path)}?immutable=1", uri=True, isolation_level=None)
    return connection


def _around(connection: sqlite3.Connection) -> list[Entry]:
    """What would make the log read its rows otherwise than they are read here."""
    found: list[Entry] = []
    if not is_as_made(connection):
        found.append(Unreadable("a table, an index, a trigger or a view is not what memfw makes"))
    if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
        found.append(Unreadable("pages or indexes do not hold what the tables do (PRAGMA integrity_check)"))
    return found


def _seals(connection: sqlite3.Connection) -> Iterator[list[Entry]]:
    cursor = connection.execute(_SEALS)
    place = 0
    while rows := cursor.fetchmany(_PAGE):
        page: list[Entry] = []
        for lane, seq, at, body, signature in rows:
            place += 1
            sealed = Sealed(body, signature)
            if not _is_at(sealed, lane, seq, at):
                page.append(
                    Unreadable(
                        f"row {place} of the seals is looked up by another lane, number or time than its own"
                    )
                )
            page.append(sealed)
        yield page


def _is_at(sealed: Sealed, lane: bytes, seq: object, at: object) -> bool:
    try:
        body = seal_body(sealed)
    except ValueError:
        return True  # said by who verifies it
    return (body.lane.encode("utf-8", "surrogatepass"), body.seq, body.at) == (lane, seq, at)
