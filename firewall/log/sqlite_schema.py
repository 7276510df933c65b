"""The tables of the embedded log, and how an empty file gets them.

A file of another program, or of a memfw that knew other tables, is refused. One from before the audit chain is never
converted: its records would have to be sealed by somebody who has not seen them written, and whoever holds a sealed log
could make it look like such a one.
"""

import contextlib
import sqlite3

from firewall.errors import StateError
from firewall.log.sqlite_file import MEMORY, transaction

APPLICATION_ID = 0x6D66776C  # "mfwl"
SCHEMA = 3

_TABLES = (
    """CREATE TABLE record (
        offset INTEGER PRIMARY KEY, tenant TEXT NOT NULL, scope TEXT NOT NULL,
        event_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL)""",
    "CREATE INDEX record_scope ON record (tenant, scope)",
    # The last offset that was given: none is given twice, not even after trimming. What AUTOINCREMENT would do
    # with every row, this does once for each commit.
    "CREATE TABLE given (offset INTEGER NOT NULL)",
    "INSERT INTO given VALUES (0)",
    # `at` lets trimming keep a key 7 days longer than the records.
    """CREATE TABLE operation (
        tenant TEXT NOT NULL, scope TEXT NOT NULL, operation TEXT NOT NULL, digest TEXT NOT NULL,
        offset INTEGER NOT NULL, at REAL NOT NULL, answer BLOB NOT NULL, PRIMARY KEY (tenant, scope, operation)) WITHOUT ROWID""",
    """CREATE TABLE snapshot (
        tenant TEXT NOT NULL, scope TEXT NOT NULL, offset INTEGER NOT NULL, blob BLOB NOT NULL,
        PRIMARY KEY (tenant, scope))""",
    """CREATE TABLE decision (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL,
        scope TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL)""",
    "CREATE TABLE probe (ballast BLOB NOT NULL)",
    # `place` is the order of commits over all lanes. What is signed is in `body`; lane, seq and at are for looking up.
    """CREATE TABLE seal (
        place INTEGER PRIMARY KEY, lane TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL,
        body BLOB NOT NULL, signature BLOB NOT NULL, UNIQUE (lane, seq))""",
    # `ballast` keeps what follows it out of the pages of the tree: see `sqlite_texts`.
    """CREATE TABLE held_text (
        tenant TEXT NOT NULL, scope TEXT NOT NULL, text_id TEXT NOT NULL, ballast BLOB NOT NULL,
        concealed BLOB NOT NULL, PRIMARY KEY (tenant, scope, text_id))""",
    # Up to where retention removed the records of a scope.
    """CREATE TABLE trimmed (
        tenant TEXT NOT NULL, scope TEXT NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (tenant, scope))""",
    f"PRAGMA application_id={APPLICATION_ID}",
    f"PRAGMA user_version={SCHEMA}",
)


def schema_of(connection: sqlite3.Connection) -> int:
    """The schema of a log's file, 0 for an empty file. StateError `log_format` for what this memfw does not know."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise StateError("log_format", "the file is another program's database")
    if schema != SCHEMA:
        raise StateError("log_format", f"the log has schema {schema}, this memfw knows {SCHEMA}")
    return int(schema)


def is_as_made(connection: sqlite3.Connection) -> bool:
    """Whether the file has the tables and indexes that memfw makes, and nothing else."""
    with contextlib.closing(sqlite3.connect(MEMORY)) as made:
        for statement in _TABLES:
            made.execute(statement)
        return _made_of(connection) == _made_of(made)


def _made_of(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    rows = connection.execute("SELECT type, name, ifnull(sql, '') FROM sqlite_schema").fetchall()
    return {
        (kind, name, " ".join(sql.split())) for kind, name, sql in rows if not name.startswith("sqlite_stat")
    }


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file, refuse what this memfw does not know; all or nothing."""
    with transaction(connection):
        if schema_of(connection) == 0:
            for statement in _TABLES:
                connection.execute(statement)
