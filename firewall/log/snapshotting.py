"""Saves the snapshots that are due, one after another, beside everything else. A failure is counted and tried again.

Nothing depends on a snapshot being there, so nothing here may stop the projections.
"""

import asyncio
from collections.abc import Awaitable, Callable

from firewall.core.events import ScopeKey
from firewall.errors import CallerError, StateError


class Snapshotter:
    """`save` writes the snapshot of one scope and raises StateError when the log does not take it."""

    def __init__(self, save: Callable[[ScopeKey], Awaitable[None]], *, retry_pause: float) -> None:
        self._save = save
        self._retry_pause = retry_pause
        self._due: set[ScopeKey] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failed = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())  # noqa: TID251 - owned here, ended by close

    def due(self, key: ScopeKey) -> None:
        """Have the snapshot of the scope saved soon."""
        self._due.add(key)
        self._wake.set()

    async def save(self, key: ScopeKey) -> bool:
        """Save one now; False when the log did not take it."""
        try:
            await self._save(key)
        except StateError:
            self.failed += 1
            return False
        except CallerError:  # larger than the log takes: it will not become smaller
            self.failed += 1
        return True

    async def close(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                key = self._due.pop()
                if not await self.save(key):
                    self._due.add(key)
                    await asyncio.sleep(self._retry_pause)
