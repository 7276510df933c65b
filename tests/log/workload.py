"""Clients that append and repeat what was refused, with their operation ids, until it is acknowledged; and the count."""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field

from firewall.core.events import Record, ScopeKey
from firewall.errors import StateError
from firewall.ports import Appended, EvidenceLog
from tests.log.samples import held, numbers

RETRY_PAUSE = 0.02


@dataclass
class Workload:
    """`scopes` spread it over shards. `acknowledged` is by operation id, `refused` counts by code."""

    log: EvidenceLog
    scopes: list[ScopeKey]
    acknowledged: dict[str, Appended] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _stopping: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, producers: int = 16) -> None:
        self._tasks = [asyncio.ensure_future(self._produce()) for _ in range(producers)]

    async def stop(self) -> None:
        """What is on its way is still acknowledged."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    def scope_of(self, number: int) -> ScopeKey:
        return self.scopes[number % len(self.scopes)]

    async def _produce(self) -> None:
        while not self._stopping:
            number = next(self._numbers)
            name = f"m{number}"
            while name not in self.acknowledged:
                try:
                    self.acknowledged[name] = await self.log.append(
                        self.scope_of(number), [held(number)], operation=name, body_digest="d"
                    )
                except StateError as error:
                    self.refused[error.code] += 1
                    await asyncio.sleep(RETRY_PAUSE)

    async def check(self, log: EvidenceLog) -> None:
        """Everything acknowledged is there, where it was said to be, and nothing is there twice."""
        places: dict[str, int] = {}
        for scope in self.scopes:
            records: list[Record] = await log.read(scope, limit=1_000_000)
            for name, record in zip(numbers(records), records, strict=True):
                assert name not in places, f"{name} is stored twice"
                places[name] = record.offset
        assert places == {name: appended.offset for name, appended in self.acknowledged.items()}
