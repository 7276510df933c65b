"""The shared evidence log: Redis or a Redis Cluster, used by the replicas of memfw on any number of hosts.

Each scope is in one of 64 shards, each shard in streams of its own; what waits for a shard goes in as one sealed group by
one script. This module only connects the parts: it sends no command of its own but for held texts and snapshots.
"""

import asyncio
import math
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing

from firewall.core.chain import Head, Sealed, SealSigner, Stored
from firewall.core.events import Event, Record, ScopeKey
from firewall.errors import CallerError, ConfigError, Problem, StateError
from firewall.log.codec import encode_event, storable
from firewall.log.ids import EventIds
from firewall.log.redis_chain import Chain
from firewall.log.redis_follower import Follower, Wakes
from firewall.log.redis_layout import SHARDS, Keys, digest, located, scope_name
from firewall.log.redis_marks import Marks
from firewall.log.redis_node import Access
from firewall.log.redis_nodes import Nodes, checked
from firewall.log.redis_reader import Reader
from firewall.log.redis_receipts import Receipts
from firewall.log.redis_retention import Retention
from firewall.log.redis_scripts import SNAPSHOT
from firewall.log.redis_trail import Trail
from firewall.log.redis_url import RedisSettings, RedisTarget, parse_url
from firewall.log.redis_writer import OVERHEAD, Append, Writer
from firewall.ports import Appended, Decision, Health, Position, Trimmed


class RedisLog:
    """An `EvidenceStore` in Redis. Made by `open`; belongs to the event loop that opened it."""

    def __init__(
        self,
        access: Access,
        *,
        clock: Callable[[], float],
        ids: Callable[[], str],
        signer: SealSigner,
        writer: str,
    ) -> None:
        settings = self._settings = access.settings
        self._ids = ids
        keys = self._keys = Keys(settings.prefix)
        nodes = self._nodes = Nodes(access, keys)
        marks = self._marks = Marks()
        self._wakes = Wakes(nodes, keys.channel, retry_pause=settings.retry_pause)
        self._reader = Reader(nodes, keys, marks, followed=lambda: self._wakes.followed)
        self._chain = Chain(
            writer=writer,
            nodes=nodes,
            keys=keys,
            reader=self._reader,
            signer=signer,
            clock=clock,
            checkpoint_every=settings.checkpoint_every,
            lost=lambda _: self._wakes.wake(None),
        )
        self._writer = Writer(
            settings,
            lane=lambda shard: self._chain.lane(shard, "e"),
            first=self._chain.begin,
            confirm=self._confirm,
        )
        own = self._chain.own_shard
        self._receipts = Receipts(
            settings,
            nodes=nodes,
            keys=keys,
            lane=lambda: self._chain.lane(own, "r"),
            shard=own,
            first=self._chain.begin,
        )
        self._trail = Trail(self._reader)
        self._retention = Retention(nodes, keys, self._reader, self._chain, clock=clock)
        self._closing: asyncio.Task[None] | None = None
        self._tending: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        signer: SealSigner,
        clock: Callable[[], float] = time.time,
        ids: Callable[[], str] | None = None,
        adjust: Callable[[RedisSettings], RedisSettings] | None = None,
    ) -> "RedisLog":
        """Connect and look whether this store can be used. StateError where not, ConfigError for a URL that is none.

        `adjust` changes the settings that the URL gives."""
        target, settings = parse_url(url)
        if adjust is not None:
            settings = adjust(settings)
        access = Access(target, settings, await asyncio.to_thread(_tls, target))
        ids = ids or EventIds(start=clock(), salt=os.urandom(5))
        log = cls(access, clock=clock, ids=ids, signer=signer, writer=os.urandom(8).hex())
        try:
            await log._nodes.open()
        except BaseException:
            await log._nodes.close()
            raise
        log._receipts.start()
        log._tending = asyncio.create_task(log._tend())  # noqa: TID251 - owned here, ended by close
        return log

    # ---- records -------------------------------------------------------------------------------------------------

    @property
    def shards(self) -> int:
        return SHARDS

    def shard_of(self, key: ScopeKey) -> int:
        return located(key).shard

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended:
        """Store all events or none; returns when they are stored, with `min_replicas` when replicas have them too. A
        StateError says whether the outcome is unknown; the operation id tells then, as it does after a cancellation."""
        if not events:
            raise CallerError(400, "invalid_event", "an append needs an event")
        if not storable(key.tenant, key.scope, operation, body_digest):
            raise CallerError(400, "invalid_text", "a tenant, scope or operation id is not valid Unicode")
        encoded = [(self._ids(), encode_event(event)) for event in events]
        place = located(key)
        job = Append(
            key=key,
            located=place,
            events=encoded,
            size=self._size_of([*(body for _, body in encoded), answer]),
            operation=operation,
            digest=body_digest,
            answer=answer,
            done=asyncio.get_running_loop().create_future(),
        )
        mark, generation = self._marks.of(place.shard), self._marks.generation
        self._writer.put(job)
        appended = await job.done
        if not appended.replayed and generation == self._marks.generation and mark.passes(appended.offset):
            # New, at a place that was seen before: who follows has states of a past that is gone.
            error = self._marks.disagree()
            self._wakes.wake(None)
            if self._wakes.followed:
                raise error
        return appended

    async def answered(self, key: ScopeKey, operation: str, body_digest: str) -> Appended | None:
        """What was answered to this operation before; None for a new one, CallerError 409 with another body."""
        if not storable(key.tenant, key.scope, operation):
            raise CallerError(400, "invalid_text", "a tenant, scope or operation id is not valid Unicode")
        found = await self._reader.operation(key, operation, body_digest)
        if found is not None:
            await self._confirm(self.shard_of(key))
        return found

    async def read(self, key: ScopeKey, *, after: int = 0, limit: int = 1000) -> list[Record]:
        """Records of the scope above `after`, in order. `log_format` when one cannot be understood."""
        self._check_open()
        if not storable(key.tenant, key.scope):
            return []
        return await self._reader.records(key, after=after, limit=limit)

    async def head(self, key: ScopeKey) -> int:
        """The offset of the newest record of the scope, 0 for none."""
        return await self._reader.head(key) if storable(key.tenant, key.scope) else 0

    async def position(self) -> Position:
        """Where a new follower may start so that it misses nothing appended after this call."""
        return await self._reader.position()

    async def follow(self, *, after: Position) -> AsyncIterator[list[Record]]:
        """Every record of every scope above `after`, each shard in its order; see the port. Ends when the log is closed."""
        follower = Follower(
            self._reader, self._marks, self._wakes, after=after, heartbeat=self._settings.heartbeat
        )
        async with aclosing(follower.batches()) as batches:
            async for batch in batches:
                yield batch

    # ---- snapshots, decisions, held texts ------------------------------------------------------------------------

    async def save_snapshot(self, key: ScopeKey, offset: int, blob: bytes) -> None:
        """Keep the newest snapshot of a scope; an older one is ignored, one of a lost past is `log_rewound`."""
        if not storable(key.tenant, key.scope):
            raise CallerError(400, "invalid_text", "a tenant or scope is not valid Unicode")
        self._size_of([blob], most=self._settings.max_pending_bytes)
        shard, name = self.shard_of(key), scope_name(key)
        keys = [
            self._keys.named(shard, "s", name),
            *(self._keys.of(shard, kind) for kind in ("h", "n", "e")),
        ]
        arguments: list[bytes | int] = [name, offset, blob, *self._marks.of(shard).arguments()]
        replies = await self._nodes.call(shard, SNAPSHOT, keys, arguments, writes=True)
        if checked(replies[0]) == b"rewound":
            raise self._marks.disagree()

    async def trimmed_to(self, key: ScopeKey) -> int:
        """Up to which offset retention removed records of the scope, 0 for none."""
        return await self._retention.trimmed_to(key) if storable(key.tenant, key.scope) else 0

    async def load_snapshot(self, key: ScopeKey) -> tuple[int, bytes] | None:
        """The newest snapshot of the scope with its offset."""
        return await self._reader.snapshot(key) if storable(key.tenant, key.scope) else None

    def record_decision(self, decision: Decision) -> bool:
        """Into a bounded buffer, never waits. False when it was dropped, which is counted and sealed."""
        key = decision.key
        if storable(decision.decision_id, key.tenant, key.scope) and math.isfinite(decision.at):
            return self._receipts.offer(decision)
        return self._receipts.refuse()

    @property
    def dropped_decisions(self) -> int:
        """How many decisions this process did not store."""
        return self._receipts.dropped

    async def decision(self, decision_id: str) -> Decision | None:
        """A stored decision, or one that still waits to be stored."""
        if not storable(decision_id):
            return None
        return self._receipts.buffered(decision_id) or await self._reader.decision(decision_id)

    async def keep_text(self, key: ScopeKey, text_id: str, concealed: bytes) -> None:
        """Stored when it returns, with `min_replicas` on replicas too; the same id again replaces."""
        if not storable(key.tenant, key.scope, text_id):
            raise CallerError(400, "invalid_text", "a tenant, scope or id is not valid Unicode")
        self._size_of([concealed])
        shard, name = self._text(key, text_id)
        await self._nodes.ask(shard, b"SET", name, concealed, writes=True)

    async def kept_text(self, key: ScopeKey, text_id: str) -> bytes | None:
        if not storable(key.tenant, key.scope, text_id):
            return None
        shard, name = self._text(key, text_id)
        found = await self._nodes.ask(shard, b"GET", name)
        return found if isinstance(found, bytes) else None

    async def erase_text(self, key: ScopeKey, text_id: str) -> bool:
        """Whether it was there. Out of the memory of the store at once; its append-only file is the store's own."""
        if not storable(key.tenant, key.scope, text_id):
            return False
        shard, name = self._text(key, text_id)
        return bool(await self._nodes.ask(shard, b"DEL", name, writes=True))

    # ---- the audit trail -----------------------------------------------------------------------------------------

    async def seals(self) -> AsyncIterator[list[Sealed]]:
        """Every seal that is stored: of each shard in its order, so of each lane too."""
        async with aclosing(self._trail.seals()) as pages:
            async for page in pages:
                yield page

    async def stored(self) -> AsyncIterator[list[Stored]]:
        """Every record with its offset, and every receipt, as the store holds them."""
        async with aclosing(self._trail.stored()) as pages:
            async for page in pages:
                yield page

    async def astray(self) -> list[int]:
        """The shards in which the log does not find just the records that stand there."""
        return await self._trail.astray()

    async def checkpoint(self) -> tuple[Head, ...]:
        """Seal the heads of all lanes and of each shard's order now."""
        return await self._chain.checkpoint()

    async def uncovered(self, limit: int) -> list[ScopeKey]:
        """Scopes with evidence that no snapshot of theirs covers."""
        return await self._retention.uncovered(limit)

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> Trimmed:
        """Let the oldest go, evidence as far as snapshots cover it. A seal says up to where, before anything goes."""
        return await self._retention.trim(before=before, keep_bytes=keep_bytes)

    # ---- the log as a whole --------------------------------------------------------------------------------------

    def health(self) -> Health:
        """Not ok while a server cannot be reached or refuses writes, with the reason."""
        if self._closing is not None:
            return Health(ok=False, reason="log_closed: the log is closed")
        return self._nodes.health()

    async def flush(self) -> None:
        """Returns when all that was put in before, decisions too, is stored."""
        self._check_open()
        await self._writer.settle()
        await self._receipts.flush()

    async def close(self) -> None:
        """Store what waits, seal the last checkpoint, end followers and connections. May be called twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())  # noqa: TID251 - owned here, awaited below
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self._wakes.close()
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.wait([self._tending])
        await self._writer.close()
        await self._receipts.close()
        await self._chain.close()
        await self._nodes.close()

    async def _tend(self) -> None:
        """Finds out without traffic that a store that had failed takes writes again."""
        while True:
            await asyncio.sleep(self._settings.retry_pause)
            if not self._nodes.health().ok:
                await self._nodes.probe()

    async def _confirm(self, shard: int) -> None:
        """Replicas have all that the shard had before this. WAIT counts from the connection's own last write."""
        if self._settings.min_replicas:
            await self._nodes.ask(shard, b"HINCRBY", self._keys.of(shard, "h"), b"confirmed", 1, writes=True)

    def _text(self, key: ScopeKey, text_id: str) -> tuple[int, bytes]:
        shard = self.shard_of(key)
        return shard, self._keys.named(shard, "t", digest(key.tenant, key.scope, text_id))

    def _check_open(self) -> None:
        if self._closing is not None:
            raise StateError("log_closed", "the log is closed")

    def _size_of(self, bodies: Sequence[bytes], *, most: int | None = None) -> int:
        """What they cost while they wait. What could never fit must not be told to come again later."""
        settings = self._settings
        sizes = [len(body) for body in bodies]
        size = sum(sizes) + OVERHEAD * len(sizes)
        if (
            len(sizes) > settings.max_pending_records
            or size > settings.max_pending_bytes
            or max(sizes) > (most or settings.max_event_bytes)
        ):
            raise CallerError(413, "event_too_large", "more than the log takes at once")
        return size


def _tls(target: RedisTarget) -> ssl.SSLContext | None:
    if not target.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=target.ca)
        if target.cert:
            context.load_cert_chain(target.cert, target.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [Problem("", 0, 0, "state.url", "names a certificate file that cannot be used")]
        ) from error
    return context
