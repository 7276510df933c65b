"""Retention: the oldest evidence and receipts go, and what they meant stays.

    scopes without a snapshot -> covered -> trim -> again after a while

Nothing goes before a snapshot holds what it said, and the log's seals say up to where it went. A failure leaves more than
was wanted and is tried again the next time; it never leaves less.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.ports import Retains, Trimmed

_SCOPES_AT_ONCE = 200
_log = logging.getLogger("memfw")


class Covers(Protocol):
    """The projections."""

    async def cover(self, key: ScopeKey) -> bool: ...


class Retention:
    """`keep_seconds` and `keep_bytes` are what the operator set, at least one of them. Owned by the composition root."""

    def __init__(
        self,
        log: Retains,
        projections: Covers,
        *,
        keep_seconds: float | None,
        keep_bytes: int | None,
        every: float,
        now: Callable[[], float],
        trimmed: Callable[[Trimmed], None],
    ) -> None:
        self._log = log
        self._projections = projections
        self._keep_seconds = keep_seconds
        self._keep_bytes = keep_bytes
        self._every = every
        self._now = now
        self._trimmed = trimmed
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="memfw-retention")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.result()

    async def once(self) -> Trimmed:
        """Cover what no snapshot covers, then let the oldest go. StateError where the log cannot. A scope that cannot be
        covered keeps what it has, and hinders no other."""
        met: set[ScopeKey] = set()
        while uncovered := [key for key in await self._log.uncovered(_SCOPES_AT_ONCE) if key not in met]:
            for key in uncovered:
                try:
                    await self._projections.cover(key)
                except StateError as error:
                    _log.warning(
                        "a scope keeps its evidence: it has no snapshot", extra={"cause": error.code}
                    )
            met.update(uncovered)
        before = None if self._keep_seconds is None else self._now() - self._keep_seconds
        trimmed = await self._log.trim(before=before, keep_bytes=self._keep_bytes)
        self._trimmed(trimmed)
        return trimmed

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.once()
            except StateError as error:
                _log.warning("nothing was trimmed, tried again later", extra={"cause": error.code})
