"""Following the store: what was published wakes, the streams and the shards' heads are the truth.

One subscription serves all followers of a process; a lost one costs only speed, because every `heartbeat` all heads are
read. A shard whose server is away holds up no other, but without all heads there is no empty batch: what follows stays
known to be stale.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from redis import exceptions as raised
from redis.asyncio.connection import Connection

from firewall.core.events import Record
from firewall.errors import StateError
from firewall.log.redis_faults import rewound
from firewall.log.redis_layout import SHARDS, Entry, records_of
from firewall.log.redis_marks import Marks
from firewall.log.redis_nodes import Nodes
from firewall.log.redis_reader import PAGE, Reader
from firewall.ports import Position

BATCH = 1000
_PASSING = frozenset({"log_unavailable", "log_full", "log_unreplicated"})


class Wakes:
    """Hears which shards were appended to, and wakes the followers. Its task runs while somebody follows."""

    def __init__(self, nodes: Nodes, channel: bytes, *, retry_pause: float) -> None:
        self._nodes = nodes
        self._channel = channel
        self._retry_pause = retry_pause
        self._followers: set[Follower] = set()
        self._task: asyncio.Task[None] | None = None
        self.closed = False

    @property
    def followed(self) -> bool:
        return bool(self._followers)

    def add(self, follower: "Follower") -> None:
        self._followers.add(follower)
        if self._task is None:
            self._task = asyncio.create_task(self._listen())  # noqa: TID251 - owned here, ended by close

    def discard(self, follower: "Follower") -> None:
        self._followers.discard(follower)

    def wake(self, shard: int | None) -> None:
        """The shard has something new; None: look at all of them."""
        for follower in self._followers:
            follower.wake(shard)

    async def close(self) -> None:
        """Followers end; nobody is heard any more."""
        self.closed = True
        self.wake(None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.result()

    async def _listen(self) -> None:
        while True:
            try:
                connection = await self._nodes.subscribed(self._channel)
            except StateError:
                await asyncio.sleep(self._retry_pause)
                continue
            try:
                self.wake(None)  # whatever was published before nobody heard
                await self._hear(connection)
            except (raised.RedisError, OSError):
                await asyncio.sleep(self._retry_pause)
            finally:
                await connection.disconnect(nowait=True)

    async def _hear(self, connection: Connection) -> None:
        while True:
            match await connection.read_response():
                case [b"message", _, bytes() as shard] if shard.isdigit() and int(shard) < SHARDS:
                    self.wake(int(shard))


class Follower:
    """One who follows, from a position of its own."""

    def __init__(
        self, reader: Reader, marks: Marks, wakes: Wakes, *, after: Position, heartbeat: float
    ) -> None:
        self._reader = reader
        self._marks = marks
        self._wakes = wakes
        self._heartbeat = heartbeat
        self._seen = list(after)
        self._pages: dict[int, int] = {}
        self._woken: set[int] = set()
        self._look = asyncio.Event()
        self._look_at_all = True
        self._generation = marks.generation

    def wake(self, shard: int | None) -> None:
        if shard is None:
            self._look_at_all = True
        else:
            self._woken.add(shard)
        self._look.set()

    async def batches(self) -> AsyncGenerator[list[Record], None]:
        """Records as they come, and an empty batch whenever all shards were seen to their heads."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        self._wakes.add(self)
        try:
            while not self._wakes.closed:
                self._look.clear()
                behind, self._woken = self._woken, set()
                whole = self._look_at_all or loop.time() >= due
                if whole:
                    self._look_at_all = False
                    more = await self._behind()
                    whole = more is not None
                    behind |= more or set()
                    due = loop.time() + self._heartbeat
                for shard in sorted(behind):
                    try:
                        async for batch in self._shard(shard):
                            yield batch
                    except StateError as error:
                        if error.code not in _PASSING:
                            raise
                        whole = False
                if whole and not self._wakes.closed:
                    self._check_generation()
                    yield []
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._look.wait()
        except StateError as error:
            if error.code != "log_closed":
                raise
        finally:
            self._wakes.discard(self)

    async def _behind(self) -> set[int] | None:
        """The shards that have more than was seen. None, and those that are known by `wake`, where a head is not known."""
        self._check_generation()
        marks = [self._marks.of(shard) for shard in range(SHARDS)]
        seen = list(self._seen)
        heads = await self._reader.heads()
        behind: set[int] = set()
        missing = False
        for shard, head in heads.items():
            if isinstance(head, StateError):
                if head.code not in _PASSING:
                    raise head
                missing = True
                continue
            offset, link = head
            self._marks.check_head(marks[shard], offset, link)
            if offset < seen[shard]:
                raise self._marks.disagree()
            if offset > seen[shard]:
                behind.add(shard)
        if missing:
            self._woken |= behind
            if behind:
                self._look.set()
            return None
        return behind

    async def _shard(self, shard: int) -> AsyncGenerator[list[Record], None]:
        """All that a shard has above what was seen."""
        while True:
            count, self._pages[shard] = self._pages.get(shard, PAGE), 1  # after a failure less at once
            page, complete = await self._reader.page(shard, "e", after=self._seen[shard], count=count)
            self._pages[shard] = PAGE
            found: list[Record] = []
            for entry in page:
                try:
                    records = self._records(shard, entry)
                except StateError:
                    if not found:
                        raise
                    break  # what could be understood comes first; it is met again as the first
                self._seen[shard] = entry.offset
                found += records
                if len(found) >= BATCH:
                    yield found
                    found = []
            if found:
                yield found
            if complete and (not page or self._seen[shard] >= page[-1].offset):
                return

    def _records(self, shard: int, entry: Entry) -> list[Record]:
        self._check_generation()
        records = records_of(entry)
        self._marks.passed(shard, entry, after=self._seen[shard])
        after = self._seen[shard]
        return records if entry.offset - len(records) >= after else [r for r in records if r.offset > after]

    def _check_generation(self) -> None:
        if self._generation != self._marks.generation:
            raise rewound()
