"""SQLite's errors as ours, mapped once, and what they say about health.

Codes: `log_full`, `log_locked`, `log_corrupt`, `log_unavailable`. A message names the cause, never a path's content.
"""

import sqlite3
from typing import Literal

from firewall.errors import StateError
from firewall.ports import Health

DUPLICATE = "log_duplicate"

_CAUSES: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("log_full", "the disk, or the size that the log may have, is full"),
    sqlite3.SQLITE_BUSY: ("log_locked", "another process holds the log locked"),
    sqlite3.SQLITE_LOCKED: ("log_locked", "another process holds the log locked"),
    sqlite3.SQLITE_CORRUPT: ("log_corrupt", "the log's file is damaged"),
    sqlite3.SQLITE_NOTADB: ("log_corrupt", "the log's file is not a database"),
    sqlite3.SQLITE_READONLY: ("log_unavailable", "the log's file cannot be written"),
    sqlite3.SQLITE_CANTOPEN: ("log_unavailable", "the log's file cannot be opened"),
    sqlite3.SQLITE_CONSTRAINT: (DUPLICATE, "an event id was used before"),
    sqlite3.SQLITE_IOERR: ("log_unavailable", "the disk under the log failed"),
}

PRIMARY_CODE = 0xFF
"""SQLite's extended codes keep the kind of error in the low byte."""


def state_error(error: sqlite3.Error) -> StateError:
    """Our error for one of SQLite's."""
    extended = getattr(error, "sqlite_errorcode", None)  # absent where the module itself raised
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    code, sentence = ("log_unavailable", "the log failed")
    if isinstance(extended, int):
        code, sentence = _CAUSES.get(extended & PRIMARY_CODE, (code, sentence))
    return StateError(code, f"{sentence} ({name})")


class Faults:
    """What last went wrong, apart for each side: a read that works says nothing about the disk being full.

    Set from the threads, read from the loop; each assignment is atomic.
    """

    def __init__(self) -> None:
        self._last: dict[Literal["read", "write"], StateError | None] = {"read": None, "write": None}

    def failed(self, side: Literal["read", "write"], error: StateError) -> None:
        self._last[side] = error

    def worked(self, side: Literal["read", "write"]) -> None:
        self._last[side] = None

    def health(self) -> Health:
        for error in self._last.values():
            if error is not None:
                return Health(ok=False, reason=f"{error.code}: {error.message}")
        return Health(ok=True)

    @property
    def writing(self) -> bool:
        """Whether the last write worked."""
        return self._last["write"] is None
