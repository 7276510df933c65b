"""The embedded evidence log: SQLite in WAL mode, shared by the processes of one host.

Appends go through a bounded inbox to one writer thread and are acknowledged after their group's commit; reads and
followers have connections and threads of their own. This module only connects those parts: it runs no SQL.
"""

import asyncio
import math
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from firewall.core.chain import Head, Sealed, SealSigner, Stored
from firewall.core.events import Event, Record, ScopeKey
from firewall.errors import CallerError, StateError
from firewall.log import sqlite_reader as queries
from firewall.log import sqlite_texts as texts
from firewall.log import sqlite_trail as trail
from firewall.log.codec import encode_event, storable
from firewall.log.ids import EventIds
from firewall.log.sqlite_chain import Chain
from firewall.log.sqlite_faults import Faults, state_error
from firewall.log.sqlite_file import Links, SqliteSettings, database_path, open_links
from firewall.log.sqlite_inbox import Append, Flush, Inbox, SaveSnapshot, Task
from firewall.log.sqlite_reader import Reader, Watcher
from firewall.log.sqlite_schema import prepare
from firewall.log.sqlite_trim import forget_keys, trim_step, trimmed_to, uncovered
from firewall.log.sqlite_writer import Writer
from firewall.ports import Appended, Decision, Health, Position, Trimmed

T = TypeVar("T")

FOLLOW_BATCH = 1000

#: Errors of a follower that waiting does not cure.
_LASTING = frozenset({"log_format", "log_corrupt", "log_closed"})


class SqliteLog:
    """An `EvidenceStore` in one file. Made by `open`; belongs to the event loop that opened it."""

    def __init__(
        self,
        links: Links,
        settings: SqliteSettings,
        *,
        inbox: Inbox,
        chain: Chain,
        clock: Callable[[], float],
        ids: Callable[[], str],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._links = links
        self._settings = settings
        self._chain = chain
        self._ids = ids
        self._loop = loop
        self._faults = Faults()
        self._inbox = inbox
        self._reader = Reader(links.reader, self._faults)
        self._writer = Writer(
            links.writer,
            self._inbox,
            settings,
            self._faults,
            chain=chain,
            identity=links.identity,
            clock=clock,
            loop=loop,
            committed=self._wake_followers,
        )
        self._watcher: Watcher | None = None
        if links.watcher is not None:
            self._watcher = Watcher(
                links.watcher, self._faults, interval=settings.poll_interval, changed=self._changed
            )
        self._followers: set[asyncio.Event] = set()
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        url: str | Path,
        *,
        signer: SealSigner,
        clock: Callable[[], float] = time.time,
        ids: Callable[[], str] | None = None,
        settings: SqliteSettings | None = None,
    ) -> "SqliteLog":
        """Open or create the log; `signer` signs what this process stores. StateError when the file cannot be used,
        ConfigError for a URL of another kind."""
        settings = settings or SqliteSettings()
        path = database_path(url)
        inbox = Inbox(settings)
        chain = Chain(signer, writer=os.urandom(8).hex(), clock=clock, dropped=lambda: inbox.dropped)
        try:
            links = await asyncio.to_thread(open_links, path, settings, prepare)
        except sqlite3.Error as error:
            raise state_error(error) from error
        ids = ids or EventIds(start=clock(), salt=os.urandom(5))
        loop = asyncio.get_running_loop()
        log = cls(links, settings, inbox=inbox, chain=chain, clock=clock, ids=ids, loop=loop)
        log._writer.start()
        if log._watcher is not None:
            log._watcher.start()
        return log

    # ---- records -------------------------------------------------------------------------------------------------

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended:
        """Store all events or none; returns after the commit. Cancelled, the outcome is unknown."""
        if not events:
            raise CallerError(400, "invalid_event", "an append needs an event")
        if not storable(key.tenant, key.scope, operation, body_digest):
            raise CallerError(400, "invalid_text", "a tenant, scope or operation id is not valid Unicode")
        most, size = self._settings.max_event_bytes, 0
        encoded: list[tuple[str, bytes]] = []
        for event in events:
            body = encode_event(event)
            encoded.append((self._ids(), body))
            size += len(body)
            if len(body) > most:
                raise _too_large()
        if len(answer) > most:
            raise _too_large()
        job = Append(
            key=key,
            events=encoded,
            size=size,
            operation=operation,
            digest=body_digest,
            answer=answer,
            done=self._loop.create_future(),
        )
        self._inbox.put(job)
        return await job.done

    async def answered(self, key: ScopeKey, operation: str, body_digest: str) -> Appended | None:
        """What was answered to this operation before; None for a new one, CallerError 409 with another body."""
        if not storable(key.tenant, key.scope, operation):
            raise CallerError(400, "invalid_text", "a tenant, scope or operation id is not valid Unicode")
        found = await self._reader.run(
            partial(queries.find_operation, key=(key.tenant, key.scope, operation))
        )
        if found is None:
            return None
        said = found.repeated(body_digest)
        if isinstance(said, CallerError):
            raise said
        return said

    async def read(self, key: ScopeKey, *, after: int = 0, limit: int = 1000) -> list[Record]:
        """Records of the scope above `after`, in order. `log_format` when one cannot be understood."""
        if not storable(key.tenant, key.scope):
            return []
        return await self._reader.run(partial(queries.read_scope, key=key, after=after, limit=limit))

    async def head(self, key: ScopeKey) -> int:
        """The offset of the newest record of the scope, 0 for none."""
        if not storable(key.tenant, key.scope):
            return 0
        return await self._reader.run(partial(queries.head, key=key))

    @property
    def shards(self) -> int:
        """One: a file has one order."""
        return 1

    def shard_of(self, key: ScopeKey) -> int:  # noqa: ARG002  the port asks
        return 0

    async def position(self) -> Position:
        """Where a new follower may start so that it misses nothing appended after this call."""
        return (await self._reader.run(queries.position),)

    async def follow(self, *, after: Position) -> AsyncIterator[list[Record]]:
        """Every record of every scope above `after`; an empty batch says that there is nothing more at the moment.

        Goes on after a failure that may pass, without an empty batch meanwhile. Ends when the log is closed.
        """
        (seen,) = after
        wake = asyncio.Event()
        self._followers.add(wake)
        try:
            while not self._is_closed():
                wake.clear()
                try:
                    records = await self._reader.run(
                        partial(queries.read_all, after=seen, limit=FOLLOW_BATCH)
                    )
                except StateError as error:
                    if self._is_closed():
                        return
                    if error.code in _LASTING:
                        raise
                    await asyncio.sleep(self._settings.retry_pause)
                    continue
                if records:
                    seen = records[-1].offset
                    yield records
                    if len(records) == FOLLOW_BATCH:
                        continue
                yield []  # that was all, also while others write without a pause
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.heartbeat):
                        await wake.wait()
        finally:
            self._followers.discard(wake)

    # ---- snapshots and decisions ---------------------------------------------------------------------------------

    async def save_snapshot(self, key: ScopeKey, offset: int, blob: bytes) -> None:
        """Keep the newest snapshot of a scope; an older one than the stored is ignored."""
        if not storable(key.tenant, key.scope):
            raise CallerError(400, "invalid_text", "a tenant or scope is not valid Unicode")
        job = SaveSnapshot(key=key, offset=offset, blob=blob, done=self._loop.create_future())
        self._inbox.put(job)
        await job.done

    async def trimmed_to(self, key: ScopeKey) -> int:
        """Up to which offset retention removed records of the scope, 0 for none."""
        return await self._reader.run(partial(trimmed_to, key=key)) if storable(key.tenant, key.scope) else 0

    async def load_snapshot(self, key: ScopeKey) -> tuple[int, bytes] | None:
        """The newest snapshot of the scope with its offset."""
        if not storable(key.tenant, key.scope):
            return None
        return await self._reader.run(partial(queries.load_snapshot, key=key))

    def record_decision(self, decision: Decision) -> bool:
        """Into a bounded buffer, never waits. False when it was dropped, which is counted."""
        key = decision.key
        if storable(decision.decision_id, key.tenant, key.scope) and math.isfinite(decision.at):
            return self._inbox.offer(decision)
        return self._inbox.refuse()

    @property
    def dropped_decisions(self) -> int:
        """How many decisions this process did not store."""
        return self._inbox.dropped

    async def decision(self, decision_id: str) -> Decision | None:
        """A stored decision, or one that still waits to be stored."""
        if not storable(decision_id):
            return None
        waiting = self._inbox.buffered(decision_id)
        if waiting is not None:
            return waiting
        return await self._reader.run(partial(queries.find_decision, decision_id=decision_id))

    # ---- held texts ----------------------------------------------------------------------------------------------

    async def keep_text(self, key: ScopeKey, text_id: str, concealed: bytes) -> None:
        """Stored when it returns; the same id again replaces."""
        if not storable(key.tenant, key.scope, text_id):
            raise CallerError(400, "invalid_text", "a tenant, scope or text id is not valid Unicode")
        if len(concealed) > self._settings.max_event_bytes:
            raise _too_large()
        await self._written(
            partial(texts.keep_text, key=key, text_id=text_id, concealed=concealed), size=len(concealed)
        )

    async def kept_text(self, key: ScopeKey, text_id: str) -> bytes | None:
        """The concealed text, None where there is none."""
        if not storable(key.tenant, key.scope, text_id):
            return None
        return await self._reader.run(partial(texts.kept_text, key=key, text_id=text_id))

    async def erase_text(self, key: ScopeKey, text_id: str) -> bool:
        """Whether it was there. After it returns the bytes are in no file of the store's any more.

        StateError `log_locked` while somebody reads older pages: erased, but not yet overwritten. Asking again completes it.
        """
        if not storable(key.tenant, key.scope, text_id):
            return False
        found = await self._written(partial(texts.erase_text, key=key, text_id=text_id))
        # Also where it was not there: the erasure before may not have come so far.
        if not await self._written(texts.empty_wal):
            raise StateError("log_locked", "erased, but something still reads the log as it was before")
        return found

    # ---- the audit trail -----------------------------------------------------------------------------------------

    async def seals(self) -> AsyncIterator[list[Sealed]]:
        """Every seal that is stored, of each lane in its order."""
        async for batch in self._pages(trail.seals):
            yield batch

    async def stored(self) -> AsyncIterator[list[Stored]]:
        """Every record and every receipt in the file, whether a seal names it or not."""
        for pages in trail.PAGES:
            async for batch in self._pages(pages):
                yield batch

    async def checkpoint(self) -> tuple[Head, ...]:
        """Seal the heads of all lanes now, and return them (that new seal included)."""
        return await self._written(self._chain.checkpoint)

    async def uncovered(self, limit: int) -> list[ScopeKey]:
        """Scopes with evidence that no snapshot of theirs covers."""
        return await self._reader.run(partial(uncovered, limit=limit))

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> Trimmed:
        """Let the oldest go, by epoch seconds or until so many bytes are used; step by step, appends go on meanwhile."""
        records = decisions = 0
        horizon, more = before, before is not None or keep_bytes is not None
        while more:
            step = await self._written(
                partial(trim_step, chain=self._chain, before=before, keep_bytes=keep_bytes)
            )
            records += step.trimmed.records
            decisions += step.trimmed.decisions
            horizon = max((at for at in (horizon, step.newest) if at is not None), default=None)
            more = step.more
        if horizon is not None:
            await self._written(partial(forget_keys, horizon=horizon))
        return Trimmed(records=records, decisions=decisions)

    # ---- the log as a whole --------------------------------------------------------------------------------------

    def health(self) -> Health:
        """Not ok while the last read or write failed, with the reason."""
        if self._closing is not None:
            return Health(ok=False, reason="log_closed: the log is closed")
        return self._faults.health()

    async def flush(self) -> None:
        """Returns when all that was put in before, decisions too, is committed."""
        job = Flush(done=self._loop.create_future())
        self._inbox.send(job)
        await job.done

    async def close(self) -> None:
        """Commit what waits, end followers, threads and connections. May be called twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())  # noqa: TID251 - owned here, awaited below
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._wake_followers()
        await asyncio.to_thread(self._close_blocking)

    def _close_blocking(self) -> None:
        self._inbox.close()
        self._writer.join()
        if self._watcher is not None:
            self._watcher.close()
        self._reader.close()
        self._links.close()

    async def _written(self, run: Callable[[sqlite3.Connection], T], *, size: int = 0) -> T:
        """What the writer's thread answers when it has run this."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._inbox.send(Task(run=run, done=done, size=size))
        return await done

    async def _pages(self, page: trail.Paged[T]) -> AsyncIterator[list[T]]:
        start: int | None = trail.FIRST
        while start is not None:
            found, start = await self._reader.run(partial(page, start=start))
            if found:
                yield found

    def _is_closed(self) -> bool:
        return self._closing is not None

    def _wake_followers(self) -> None:
        for wake in self._followers:
            wake.set()

    def _changed(self) -> None:
        with suppress(RuntimeError):  # the loop has ended without `close`: there is nobody to wake
            self._loop.call_soon_threadsafe(self._wake_followers)


def _too_large() -> CallerError:
    return CallerError(413, "event_too_large", "more than the log takes at once")
