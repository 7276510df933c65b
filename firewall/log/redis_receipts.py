"""Decisions on their way into the store: a bounded buffer that never waits, and groups of them with an index.

A group goes into the stream `r` of the writer's own shard; where each decision is stands under its id in the id's shard,
and expires. Every id is an operation of its group: whatever is recorded or tried again, one id has one receipt, the first.
What does not fit into the buffer is counted and said in the next seal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec

from firewall.core.chain import Item, digest_of
from firewall.errors import StateError
from firewall.log.redis_lane import Group, Kept, Placed, RedisLane
from firewall.log.redis_layout import Keys, Packed, digest, pack, shard_of_name
from firewall.log.redis_node import Command
from firewall.log.redis_nodes import Nodes, checked
from firewall.log.redis_operations import stored_offset
from firewall.log.redis_url import RedisSettings
from firewall.ports import Decision

OVERHEAD = 200
GROUP = 256
GROUP_BYTES = 2**18


class _Waiting(msgspec.Struct):
    """A decision that is not known to be stored and indexed. `place` is where it is stored, for the index."""

    decision: Decision
    place: bytes = b""

    @property
    def size(self) -> int:
        return len(self.decision.body) + OVERHEAD


class Receipts:
    """`first` runs before the first group."""

    def __init__(
        self,
        settings: RedisSettings,
        *,
        nodes: Nodes,
        keys: Keys,
        lane: Callable[[], RedisLane],
        shard: int,
        first: Callable[[], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._nodes = nodes
        self._keys = keys
        self._lane = lane
        self._shard = shard
        self._first = first
        self._waiting: dict[str, _Waiting] = {}
        self._bytes = 0
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._unsaid = 0
        self._seconds = max(1, int(settings.decision_days * 86_400))
        self.dropped = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())  # noqa: TID251 - owned here, ended by close

    def offer(self, decision: Decision) -> bool:
        """Buffer a decision; False when it was dropped."""
        if decision.decision_id in self._waiting:
            return True
        waiting = _Waiting(decision)
        size = self._bytes + waiting.size
        full = len(self._waiting) >= self._settings.max_buffered_decisions
        if self._closed or full or size > self._settings.max_buffered_decision_bytes:
            return self.refuse()
        self._waiting[decision.decision_id] = waiting
        self._bytes = size
        self._wake.set()
        return True

    def refuse(self) -> bool:
        """Count a decision that is lost to the store."""
        self.dropped += 1
        self._unsaid += 1
        return False

    def buffered(self, decision_id: str) -> Decision | None:
        found = self._waiting.get(decision_id)
        return found.decision if found else None

    async def flush(self) -> None:
        """Store all that waits now. StateError when the store does not take it; it stays in the buffer."""
        async with self._turn:
            waiting = list(self._waiting.values())
            if waiting:
                await self._first()
            while batch := _next_batch([one for one in waiting if not one.place]):
                await self._store(batch)
            await self._index([one for one in waiting if one.place])

    async def close(self) -> None:
        """Nothing more goes in; what is in is stored, or counted as dropped where the store does not take it."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        with suppress(StateError):
            await self.flush()
        self.dropped += len(self._waiting)
        if self._task is not None and not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(self._settings.decision_delay)
            self._wake.clear()
            try:
                await self.flush()
            except StateError:
                self._wake.set()
                await asyncio.sleep(self._settings.retry_pause)

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        items: list[Item] = []
        packed: list[Packed] = []
        for decision in (one.decision for one in batch):
            tenant, scope, name = decision.key.tenant, decision.key.scope, decision.decision_id
            sealed = digest_of("receipt", tenant, scope, name, decision.body)
            items.append(Item("receipt", tenant, scope, name, 0, sealed))
            packed.append(Packed(tenant, scope, name, decision.body, decision.at))
        dropped = self._unsaid
        group = Group(
            items=items,
            packed=pack(packed),
            count=1,
            operations=[
                Kept(digest("receipt", one.decision.decision_id), 1, b"", self._seconds) for one in batch
            ],
            dropped=dropped,
        )
        said = await self._lane().store(group)
        if isinstance(said, Placed):
            self._unsaid -= dropped
            for one in batch:
                one.place = b"%d:%d" % (self._shard, said.last)
            return
        for index, answer in said.answers.items():  # stored before; the rest is tried again
            batch[index].place = b"%d:%d" % (self._shard, stored_offset(answer))

    async def _index(self, stored: Sequence[_Waiting]) -> None:
        shards: dict[int, list[_Waiting]] = {}
        commands: dict[int, list[Command]] = {}
        for one in stored:
            name = digest(one.decision.decision_id)
            shard = shard_of_name(name)
            shards.setdefault(shard, []).append(one)
            commands.setdefault(shard, []).append(
                (b"SET", self._keys.named(shard, "d", name), one.place, b"EX", self._seconds)
            )
        found = await self._nodes.spread(commands) if commands else {}
        failure: StateError | None = None
        for shard, replies in found.items():
            if isinstance(replies, StateError):
                failure = replies
                continue
            for one, reply in zip(shards[shard], replies, strict=True):
                try:
                    checked(reply)
                except StateError as error:
                    failure = error
                else:
                    self._forget(one)
        if failure is not None:
            raise failure

    def _forget(self, one: _Waiting) -> None:
        if self._waiting.get(one.decision.decision_id) is one:
            del self._waiting[one.decision.decision_id]
            self._bytes -= one.size


def _next_batch(waiting: Sequence[_Waiting]) -> list[_Waiting]:
    batch: list[_Waiting] = []
    size = 0
    for one in waiting[:GROUP]:
        size += one.size
        if batch and size > GROUP_BYTES:
            break
        batch.append(one)
    return batch
