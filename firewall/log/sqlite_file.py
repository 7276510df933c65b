"""The database file: its settings, where it is, how a connection to it is made. Its tables are in `sqlite_schema`.

A file is created with mode 0600. `:memory:` is one connection behind a lock, shared by the threads of the log that opened
it and by nobody else.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

import msgspec

from firewall.errors import ConfigError, Problem, StateError

T = TypeVar("T")
Durability = Literal["commit", "process"]

MEMORY = ":memory:"


class SqliteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may change. Durability `commit` survives a loss of power, `process` only the process's end."""

    durability: Durability = "commit"
    busy_timeout: float = 5.0
    poll_interval: float = 0.02
    heartbeat: float = 0.5
    retry_pause: float = 1.0
    max_pending_records: int = 20_000
    max_pending_bytes: int = 64 * 2**20
    max_event_bytes: int = 2**20
    max_buffered_decisions: int = 10_000
    max_buffered_decision_bytes: int = 32 * 2**20
    decision_delay: float = 0.1
    keep_decisions: int = 100_000
    max_bytes: int | None = None


class Link:
    """One connection and the lock that its users hold while they use it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._connection.close()


class Links(msgspec.Struct, frozen=True):
    """The connections of one open log. `watcher` is None where no other process can write."""

    writer: Link
    reader: Link
    watcher: Link | None
    identity: "Identity | None"

    def close(self) -> None:
        for link in (self.watcher, self.reader, self.writer):
            if link is not None:
                link.close()


class Identity(msgspec.Struct, frozen=True):
    """Which file on disk was opened. Appends to a file that was moved away would be acknowledged and then lost."""

    path: str
    device: int
    inode: int

    def check(self) -> None:
        """StateError `log_unavailable` when the path no longer leads to the file that was opened."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - a hot path: once for each commit
        except OSError as error:
            raise StateError("log_unavailable", "the log's file is gone") from error
        if (found.st_dev, found.st_ino) != (self.device, self.inode):
            raise StateError("log_unavailable", "the log's file was replaced; restart to use the new one")


def database_path(url: str | Path) -> str:
    """`sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite:///:memory:` or a plain path. ConfigError otherwise."""
    text = str(url)
    path = text.removeprefix("sqlite:///")
    if not path or "\0" in path or "://" in path or path.startswith("sqlite:"):
        raise ConfigError([Problem("config", 0, 0, "state.url", "not of the form sqlite:///path")])
    return path


def open_links(path: str, settings: SqliteSettings, prepare: Callable[[sqlite3.Connection], None]) -> Links:
    """Create or check the file, and connect; `prepare` sees to its tables. Blocks; raises sqlite3.Error and StateError."""
    if path == MEMORY:
        connection = _connect(path, settings)
        prepare(connection)
        link = Link(connection)
        return Links(writer=link, reader=link, watcher=None, identity=None)
    path = os.path.abspath(path)  # noqa: PTH100 - the file stays the same when the process changes its directory
    identity = _created(path)
    opened: list[sqlite3.Connection] = []
    try:
        while len(opened) < len(("writer", "reader", "watcher")):
            opened.append(_patiently(lambda: _connect(path, settings), settings.busy_timeout))
        _patiently(lambda: prepare(opened[0]), settings.busy_timeout)
    except BaseException:
        for connection in opened:
            connection.close()
        raise
    writer, reader, watcher = map(Link, opened)
    return Links(writer=writer, reader=reader, watcher=watcher, identity=identity)


def _created(path: str) -> Identity:
    """Makes the file for its owner alone. One that exists is only looked at: to open and close it here would drop
    the locks that other connections of this process hold on it."""
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        found = os.stat(path)  # noqa: PTH116 - as in Identity
    except OSError as error:
        raise StateError("log_unavailable", f"the log's file cannot be opened: {error.strerror}") from error
    return Identity(path, found.st_dev, found.st_ino)


def _connect(path: str, settings: SqliteSettings) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=settings.busy_timeout, isolation_level=None, check_same_thread=False
    )
    try:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if pages == 0:  # so that retention can give room back; later it would have no effect
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute(f"PRAGMA synchronous={'FULL' if settings.durability == 'commit' else 'NORMAL'}")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA journal_size_limit=67108864")
        if settings.max_bytes is not None:
            (page_size,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count={max(1, settings.max_bytes // page_size)}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, as the only writer of all processes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has already rolled back after some errors, a full disk for one.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _patiently(action: Callable[[], T], patience: float) -> T:
    """Several processes that open a new file at once meet locks for which SQLite does not wait by itself."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
            if not busy or time.monotonic() >= deadline:
                raise
        time.sleep(0.01)
