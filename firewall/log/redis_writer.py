"""Appends on their way into the store: what waits for a shard becomes the next group of its lane.

One group of a shard is on its way at a time and all that comes meanwhile goes together in the next, so that the number of
callers at once does not limit the throughput. An operation that the store knows already is answered from there, and its
group is sealed again without it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from firewall.core.chain import Item, digest_at
from firewall.core.events import ScopeKey
from firewall.errors import CallerError, StateError
from firewall.log.redis_lane import Group, Index, Kept, Known, Placed, RedisLane
from firewall.log.redis_layout import Located, Packed, pack
from firewall.log.redis_operations import Operation, answer_blob, operation_name, stored_operation
from firewall.log.redis_url import RedisSettings
from firewall.ports import Appended

OVERHEAD = 200
"""Bytes that a waiting append costs for each event besides its body, roughly."""


class Append(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Events as ids and bytes, which cost `size` bytes while they wait. `operation` is empty where the caller gave no
    idempotency key."""

    key: ScopeKey
    located: Located
    events: Sequence[tuple[str, bytes]]
    size: int
    operation: str
    digest: str
    answer: bytes
    done: asyncio.Future[Appended]


class Writer:
    """`lane` gives the lane of a shard; `first` runs once before the first group; `confirm` waits for the replicas of
    what a shard has stored before."""

    def __init__(
        self,
        settings: RedisSettings,
        *,
        lane: Callable[[int], RedisLane],
        first: Callable[[], Awaitable[None]],
        confirm: Callable[[int], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._lane = lane
        self._first = first
        self._confirm = confirm
        self._waiting: dict[int, list[Append]] = {}
        self._draining: dict[int, asyncio.Task[None]] = {}
        self._pending: set[asyncio.Future[Appended]] = set()
        self._records = 0
        self._bytes = 0
        self._closed = False

    def put(self, job: Append) -> None:
        """Queue an append. StateError `log_busy` when there is no room, `log_closed` after `close`."""
        if self._closed:
            raise StateError("log_closed", "the log is closed")
        if (
            self._records + len(job.events) > self._settings.max_pending_records
            or self._bytes + job.size > self._settings.max_pending_bytes
        ):
            raise StateError("log_busy", "too many appends wait for the store")
        self._records += len(job.events)
        self._bytes += job.size
        self._pending.add(job.done)
        shard = job.located.shard
        self._waiting.setdefault(shard, []).append(job)
        if shard not in self._draining:
            task = asyncio.create_task(self._drain(shard))  # noqa: TID251 - owned here, awaited by close
            self._draining[shard] = task

    async def settle(self) -> None:
        """Returns when all that was put in before is answered."""
        if self._pending:
            await asyncio.wait(list(self._pending))

    async def close(self) -> None:
        """Nothing more goes in; what is in is stored or refused."""
        self._closed = True
        while self._draining:
            await asyncio.gather(*list(self._draining.values()))

    async def _drain(self, shard: int) -> None:
        try:
            await self._first()
            while jobs := self._take(shard):
                await self._commit(shard, jobs)
        finally:
            # Nobody may wait for ever, whatever ended this; after a clean end there is nobody.
            del self._draining[shard]
            left = self._waiting.pop(shard, [])
            self._fail(left, StateError("log_unavailable", "the log's writer has ended"))

    def _take(self, shard: int) -> list[Append]:
        waiting = self._waiting.get(shard, [])
        records = size = count = 0
        for job in waiting:
            records += len(job.events)
            size += job.size
            if count and (records > self._settings.group_records or size > self._settings.group_bytes):
                break
            count += 1
        self._waiting[shard] = waiting[count:]
        return waiting[:count]

    async def _commit(self, shard: int, jobs: Sequence[Append]) -> None:
        rest = list(jobs)
        try:
            while rest:
                batch = _Batch(rest)
                said = await self._lane(shard).store(batch.group())
                if isinstance(said, Placed):
                    self._answer(batch.answers(said))
                    return
                known = batch.known(said)
                # Stored by another process or before a restart, maybe never confirmed to anybody.
                await self._confirm(shard)
                self._answer(known)
                answered = {id(job) for job, _ in known}
                rest = [job for job in rest if id(job) not in answered]
        except StateError as error:
            self._fail(rest, error)
        except BaseException:
            self._fail(rest, StateError("log_unavailable", "the log's writer has ended"))
            raise

    def _answer(self, answers: Sequence[tuple[Append, Appended | CallerError]]) -> None:
        for job, answer in answers:
            self._done(job)
            if job.done.done():  # its caller was cancelled
                continue
            if isinstance(answer, CallerError):
                job.done.set_exception(answer)
            else:
                job.done.set_result(answer)

    def _fail(self, jobs: Sequence[Append], error: StateError) -> None:
        for job in jobs:
            self._done(job)
            if not job.done.done():  # one error for each: a shared one would gather the tracebacks of all
                job.done.set_exception(StateError(error.code, error.message))

    def _done(self, job: Append) -> None:
        self._records -= len(job.events)
        self._bytes -= job.size
        self._pending.discard(job.done)


class _Batch:
    """Appends as one group. An operation that comes twice in it is stored once and answered twice."""

    def __init__(self, jobs: Sequence[Append]) -> None:
        self._jobs = jobs
        self._firsts: dict[bytes, Append] = {}
        self._names: list[bytes] = []
        self._places: dict[int, int] = {}
        count = 0
        for job in jobs:
            if job.operation:
                name = operation_name(job.key, job.operation)
                self._names.append(name)
                if name in self._firsts:
                    continue
                self._firsts[name] = job
            else:
                self._names.append(b"")
            count += len(job.events)
            self._places[id(job)] = count
        self._count = count

    def group(self) -> Group:
        items: list[Item] = []
        packed: list[Packed] = []
        indexes: dict[bytes, Index] = {}
        for job in self._jobs:
            place = self._places.get(id(job))
            if place is None:
                continue
            tenant, scope = job.key.tenant, job.key.scope
            name, prefix = job.located.name, job.located.prefix
            before = indexes.get(name)
            for event_id, body in job.events:
                items.append(Item("evidence", tenant, scope, event_id, 0, digest_at(prefix, event_id, body)))
                packed.append(Packed(tenant, scope, event_id, body))
            indexes[name] = Index(name, place, len(job.events) + (before.count if before else 0))
        return Group(
            items=items,
            packed=pack(packed),
            count=self._count,
            indexes=list(indexes.values()),
            operations=[
                Kept(name, self._places[id(job)], answer_blob(job.digest, job.answer))
                for name, job in self._firsts.items()
            ],
        )

    def answers(self, placed: Placed) -> list[tuple[Append, Appended | CallerError]]:
        start = placed.last - self._count
        said: list[tuple[Append, Appended | CallerError]] = []
        for job, name in zip(self._jobs, self._names, strict=True):
            place = self._places.get(id(job))
            if place is not None:
                said.append((job, Appended(start + place)))
                continue
            first = self._firsts[name]
            stored = Operation(first.digest, start + self._places[id(first)], first.answer)
            said.append((job, stored.repeated(job.digest)))
        return said

    def known(self, known: Known) -> list[tuple[Append, Appended | CallerError]]:
        names = list(self._firsts)
        operations = {names[index]: stored_operation(value) for index, value in known.answers.items()}
        return [
            (job, operations[name].repeated(job.digest))
            for job, name in zip(self._jobs, self._names, strict=True)
            if name in operations
        ]
