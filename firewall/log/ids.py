"""Ids of records: unique over processes and restarts, and growing within a process.

Growing, because the log keeps a unique index over them: an index that grows at its end stays cheap to write.
"""

import itertools


class EventIds:
    """Makes `<start in ms><salt><counter>` in hex. `salt` must be fresh random bytes for each process."""

    def __init__(self, *, start: float, salt: bytes) -> None:
        self._prefix = f"{int(start * 1000):012x}{salt.hex()}"
        self._counter = itertools.count()

    def __call__(self) -> str:
        return f"{self._prefix}{next(self._counter):010x}"
