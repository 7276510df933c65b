"""What the quarantine does behind the answers: tombstones for upstream deletes, and notes that leave the queue by time.

Both are safe to do twice: by another process, or again after the log was away.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from firewall.core.events import Event, HeldExpired, ScopeKey
from firewall.core.quarantine import texts_of
from firewall.core.state import State
from firewall.errors import CallerError
from firewall.ports import Appended
from firewall.service.review.tombstones import tombstones
from firewall.service.review.vault import Vault

#: How often notes are looked at.
SWEEP_SECONDS = 600.0
#: How many leave the queue in one append.
SWEPT_AT_ONCE = 500
#: How many deletes may wait for a log that is away.
MOST_DELETES = 10_000


class Folds(Protocol):
    """The projections, as far as chores need them."""

    async def load(self, key: ScopeKey) -> State: ...

    async def append(self, key: ScopeKey, events: Sequence[Event]) -> Appended: ...

    def warm(self) -> list[tuple[ScopeKey, State]]: ...


class Delete(msgspec.Struct, frozen=True, kw_only=True):
    """A record that went away at its upstream, by a request of `by`."""

    key: ScopeKey
    upstream: str
    memory_id: str
    by: str
    at: float


class Deletes:
    """Deletes that passed through memfw: what is held of those memories is erased, and a tombstone says so."""

    def __init__(self, projections: Folds, vault: Vault, *, dropped: Callable[[int], None]) -> None:
        """`dropped` is told how many did not fit."""
        self._projections = projections
        self._vault = vault
        self._waiting: list[Delete] = []
        self._dropped = dropped

    def note(self, key: ScopeKey, upstream: str, memory_ids: Sequence[str], *, by: str, at: float) -> None:
        """The upstream took the delete. Never waits."""
        room = MOST_DELETES - len(self._waiting)
        if len(memory_ids) > room:
            self._dropped(len(memory_ids) - room)
        for memory_id in memory_ids[:room]:
            self._waiting.append(Delete(key=key, upstream=upstream, memory_id=memory_id, by=by, at=at))

    async def settle(self) -> None:
        """StateError: the rest stays and is tried again."""
        while self._waiting:
            try:
                await self._erase(self._waiting[0])
            except CallerError:  # the log will never take it: what comes after must not wait for it
                self._dropped(1)
            self._waiting.pop(0)

    async def _erase(self, delete: Delete) -> None:
        state = await self._projections.load(delete.key)
        items = [
            item
            for item in texts_of(state.held, delete.upstream, delete.memory_id)
            if item.status != "erased" and item.first_seen <= delete.at
        ]
        if not items:
            return
        for item in items:
            await self._vault.erase(delete.key, item.id)
        said = tombstones(
            [(item.id, state.quarantine.keys[item.id][2]) for item in items],
            upstream=delete.upstream,
            memory_id=delete.memory_id,
            by=delete.by,
            why="deleted upstream",
            at=delete.at,
        )
        await self._projections.append(delete.key, said)


class Sweep:
    """Operational notes that nobody met for `after` seconds leave the queue; what needs a person waits for one."""

    def __init__(
        self, projections: Folds, vault: Vault, *, after: float | None, now: Callable[[], float]
    ) -> None:
        self._projections = projections
        self._vault = vault
        self._after = after
        self._now = now
        self._next = 0.0

    async def settle(self) -> None:
        """StateError: the rest stays and is tried again."""
        now = self._now()
        if self._after is None or now < self._next:
            return
        for key, state in self._projections.warm():
            await self._sweep(key, state, now - self._after, now)
        self._next = now + SWEEP_SECONDS

    async def _sweep(self, key: ScopeKey, state: State, before: float, now: float) -> None:
        if not state.quarantine.open.get("operational"):
            return
        due = [
            (text, item.id)
            for text, item in state.held.items()
            if item.status == "held" and item.tier == "operational" and item.last_seen < before
        ]
        for start in range(0, len(due), SWEPT_AT_ONCE):
            batch = due[start : start + SWEPT_AT_ONCE]
            for _, id_ in batch:
                await self._vault.erase(key, id_)
            events: list[Event] = [
                HeldExpired(upstream=text[0], memory_id=text[1], digest=text[2], at=now) for text, _ in batch
            ]
            await self._projections.append(key, events)
