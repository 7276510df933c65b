"""The tables of the embedded log, how an empty file gets them, and how the file of an older memfw gets the new ones.

A file of another program or of a newer memfw is refused. Schema 3 brought the audit chain: what an older memfw had stored
is sealed by the writer that migrates, so that from then on every record and receipt is named by a seal.
"""

import sqlite3
from collections.abc import Callable, Iterator

from firewall.core.chain import Item, digest_of
from firewall.errors import StateError
from firewall.log.sqlite_chain import Chain, Part

APPLICATION_ID = 0x6D66776C  # "mfwl"
SCHEMA = 3
MIGRATED_AT_ONCE = 1000
"""Items of one seal that a migration makes."""

_CHAIN_TABLES = (
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
)

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
    *_CHAIN_TABLES,
    f"PRAGMA application_id={APPLICATION_ID}",
    f"PRAGMA user_version={SCHEMA}",
)

_UNSEALED: dict[Part, str] = {
    "log": "SELECT 'evidence', tenant, scope, event_id, offset, body FROM record ORDER BY offset",
    "receipts": "SELECT 'receipt', tenant, scope, decision_id, 0, body FROM decision ORDER BY seq",
}


def schema_of(connection: sqlite3.Connection) -> int:
    """The schema of a log's file, 0 for an empty file. StateError `log_format` for what this memfw does not know."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise StateError("log_format", "the file is another program's database")
    if schema not in _MIGRATIONS and schema != SCHEMA:
        raise StateError("log_format", f"the log has schema {schema}, this memfw knows {SCHEMA}")
    return int(schema)


def prepare(connection: sqlite3.Connection, chain: Chain) -> None:
    """Make the tables of an empty file, bring an older one up to date, refuse any other; all or nothing."""
    with chain.sealing(connection):
        schema = schema_of(connection)
        if schema == 0:
            for statement in _TABLES:
                connection.execute(statement)
            return
        while schema < SCHEMA:
            _MIGRATIONS[schema](connection, chain)
            schema += 1
            connection.execute(f"PRAGMA user_version={schema}")


def _with_chain(connection: sqlite3.Connection, chain: Chain) -> None:
    for statement in _CHAIN_TABLES:
        connection.execute(statement)
    for part, query in _UNSEALED.items():
        for items in _stored(connection, query):
            chain.seal(connection, part, items)


def _stored(connection: sqlite3.Connection, query: str) -> Iterator[list[Item]]:
    cursor = connection.execute(query)
    while rows := cursor.fetchmany(MIGRATED_AT_ONCE):
        yield [
            Item(kind, tenant, scope, id_, offset, digest_of(kind, tenant, scope, id_, body))
            for kind, tenant, scope, id_, offset, body in rows
        ]


_MIGRATIONS: dict[int, Callable[[sqlite3.Connection, Chain], None]] = {2: _with_chain}
"""By the schema from which it leads to the next."""
