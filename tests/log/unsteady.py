"""An evidence log that fails when it is told to and counts what it is asked: a wrapper around a real one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from firewall.core.events import Event, Record, ScopeKey
from firewall.errors import StateError
from firewall.ports import Appended, Decision, EvidenceLog, Health, Position


class Unsteady:
    """`failing` names the methods that raise; `held_back` makes reads wait until the event is set."""

    def __init__(self, log: EvidenceLog) -> None:
        self._log = log
        self.failing: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.held_back: asyncio.Event | None = None
        self._rewound: EvidenceLog | None = None

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        if name in self.failing:
            raise StateError("log_unavailable", "told to fail")

    @property
    def shards(self) -> int:
        return self._log.shards

    def shard_of(self, key: ScopeKey) -> int:
        return self._log.shard_of(key)

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended:
        self._called("append")
        return await self._log.append(
            key, events, operation=operation, body_digest=body_digest, answer=answer
        )

    async def answered(self, key: ScopeKey, operation: str, body_digest: str) -> Appended | None:
        self._called("answered")
        return await self._log.answered(key, operation, body_digest)

    async def read(self, key: ScopeKey, *, after: int = 0, limit: int = 1000) -> list[Record]:
        self._called("read")
        records = await self._log.read(key, after=after, limit=limit)
        if self.held_back is not None:
            await self.held_back.wait()
        return records

    async def head(self, key: ScopeKey) -> int:
        self._called("head")
        return await self._log.head(key)

    def rewind_to(self, log: EvidenceLog) -> None:
        """From now on the store is this one, which lacks what the other had: who follows is told."""
        self._rewound, self._log = self._log, log

    async def follow(self, *, after: Position) -> AsyncIterator[list[Record]]:
        self._called("follow")
        log = self._log
        async for batch in log.follow(after=after):
            self._called("follow")
            if log is self._rewound:
                raise StateError("log_rewound", "told to rewind")
            yield batch

    async def position(self) -> Position:
        self._called("position")
        return await self._log.position()

    async def trimmed_to(self, key: ScopeKey) -> int:
        return await self._log.trimmed_to(key)

    async def save_snapshot(self, key: ScopeKey, offset: int, blob: bytes) -> None:
        self._called("save_snapshot")
        await self._log.save_snapshot(key, offset, blob)

    async def load_snapshot(self, key: ScopeKey) -> tuple[int, bytes] | None:
        self._called("load_snapshot")
        return await self._log.load_snapshot(key)

    def record_decision(self, decision: Decision) -> bool:
        return self._log.record_decision(decision)

    async def decision(self, decision_id: str) -> Decision | None:
        return await self._log.decision(decision_id)

    def health(self) -> Health:
        return self._log.health()

    async def flush(self) -> None:
        await self._log.flush()

    async def close(self) -> None:
        await self._log.close()
