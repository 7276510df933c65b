"""Copies of an embedded log: one of a log that runs, made from another process, and the way back.

A copy is one moment of the log, whoever writes meanwhile, and a single file for its owner's eyes only. It appears under its
name whole, checked and on the disk, or not at all; nothing is ever overwritten. Blocking; for commands, not for the sidecar.
"""

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from firewall.errors import StateError
from firewall.log.sqlite_faults import PRIMARY_CODE, state_error
from firewall.log.sqlite_schema import schema_of

_BESIDE = ("", "-wal", "-shm", "-journal")
"""The file of a log and those that SQLite may keep beside it."""
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Copied(msgspec.Struct, frozen=True):
    """What a copy holds. `aside` is where a log went that was there before."""

    offset: int
    receipts: int
    size: int
    aside: Path | None = None


def back_up(source: Path, target: Path) -> Copied:
    """Copy a log, also while it runs, to a file that must not be there. StateError where it cannot be done."""
    _refuse_existing(target)
    return _copy(source, target)


def restore(source: Path, target: Path, *, force: bool, stamp: str) -> Copied:
    """Put a copy where a log is opened. `force` moves one that is there aside, under a name with `stamp`; never one that a
    process has open, as far as that can be seen."""
    if not force:
        _refuse_existing(target)

    def make_room() -> Path | None:
        return _move_aside(target, stamp) if any(path.exists() for path in _files(target)) else None

    return _copy(source, target, make_room)


def _copy(source: Path, target: Path, make_room: Callable[[], Path | None] = lambda: None) -> Copied:
    """`make_room` is called once the copy is whole: a source that cannot be used must not cost the log that is there."""
    made = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with _opened(source) as log, contextlib.closing(sqlite3.connect(made)) as copy:
            copy.execute("PRAGMA synchronous=OFF")  # it is synced as a whole, before it gets its name
            log.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").fetchone()  # one file
            _check(copy)
            (offset,) = copy.execute("SELECT ifnull(max(offset), 0) FROM given").fetchone()
            (receipts,) = copy.execute("SELECT count(*) FROM decision").fetchone()
        _sync(made)
        aside = make_room()
        os.link(made, target)
        _sync(target.parent)
        return Copied(offset, receipts, target.stat().st_size, aside)
    except sqlite3.Error as error:
        raise state_error(error) from error
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError as error:
        raise StateError("log_unavailable", f"the copy cannot be written: {error.strerror}") from error
    finally:
        for path in _files(made):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A log for reading, once it is known to be one. StateError for anything else."""
    try:
        # Not `ro`: who may only read leaves SQLite's files behind beside a log that nobody runs.
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True)
        with contextlib.closing(connection):
            if schema_of(connection) == 0:
                raise StateError("log_format", f"{path} holds no log")
            yield connection
    except sqlite3.Error as error:
        raise state_error(error) from error


def _check(copy: sqlite3.Connection) -> None:
    """Every page of it. What was damaged before it was copied is found here too."""
    found = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if found != ("ok",):
        raise StateError("log_corrupt", "the log, and so its copy, is damaged; there is no new file")


def _refuse_existing(target: Path) -> None:
    if any(path.exists() for path in _files(target)):
        raise _exists(target)


def _move_aside(target: Path, stamp: str) -> Path:
    _refuse_open(target)
    aside = target.with_name(f"{target.name}.{stamp}")
    _refuse_existing(aside)
    try:
        for path, away in zip(_files(target), _files(aside), strict=True):
            if path.exists():
                path.rename(away)
        _sync(target.parent)
    except OSError as error:
        raise StateError("log_unavailable", f"the log cannot be moved aside: {error.strerror}") from error
    return aside


def _refuse_open(target: Path) -> None:
    """SQLite leaves the mode of a log that runs only when nobody else has it open."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(target.absolute()))}?mode=rw", uri=True, timeout=0)
        ) as log:
            log.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE in _BUSY:
            raise StateError("log_locked", f"a process has {target} open: stop it first") from error
        # What is too damaged to be opened is why one restores.


def _exists(target: Path) -> StateError:
    return StateError("log_unavailable", f"{target} is there already")


def _files(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in _BESIDE]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
