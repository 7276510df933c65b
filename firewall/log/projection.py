"""Projections: `State` of the served scopes in memory, folded from the log and kept current by following it.

The invariant: a state in memory holds exactly the records of its scope up to its offset. Records come from three
sides (a load, an own append, the follower), each without gaps from a place at or before that offset, and `fold` skips
what it has; so the sides may overlap, come twice and in any interleaving. Folding never awaits: readers are
synchronous and see a state between two records. Snapshots are a shortcut; without them everything is only slower.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress

from firewall.core.events import Event, Record, ScopeKey
from firewall.core.state import Backlog, State, backlog_of, fold
from firewall.errors import StateError
from firewall.log.indexing import make_lexicon, make_tables
from firewall.log.snapshot import decode_state, draft_of
from firewall.log.snapshot_proof import Vouches, believed, proven
from firewall.log.snapshotting import Snapshotter
from firewall.ports import Appended, EvidenceLog, Health

PAGE = 1000
#: Records that are folded into a warm state before others get their turn: its look-ups are kept up to date as well.
BURST = 200
#: The log's word for having lost what was already seen.
REWOUND = "log_rewound"


class _Warm:
    """A state in memory. `catching_up` lets the appends of one group share one read."""

    __slots__ = ("catching_up", "state", "unsaved")

    def __init__(self, state: State, *, unsaved: int) -> None:
        self.state = state
        self.unsaved = unsaved
        self.catching_up = asyncio.Lock()


class Projections:
    """Belongs to one event loop. `start` follows the log; `close` saves snapshots and leaves the log open."""

    def __init__(
        self,
        log: EvidenceLog,
        *,
        ring: Vouches,
        clock: Callable[[], float],
        capacity: int = 1024,
        snapshot_every: int = 5000,
        retry_pause: float = 1.0,
        observe_append: Callable[[float], None] | None = None,
        observe_followed: Callable[[Event], None] | None = None,
    ) -> None:
        self._log = log
        self._ring = ring
        self._clock = clock
        self._observe_append = observe_append
        self._observe_followed = observe_followed
        self._capacity = capacity
        self._snapshot_every = snapshot_every
        self._retry_pause = retry_pause
        self._warm: OrderedDict[ScopeKey, _Warm] = OrderedDict()
        self._loads: dict[ScopeKey, asyncio.Task[State]] = {}
        self._late: dict[ScopeKey, list[Record]] = {}
        self._position: list[int] = [0] * log.shards
        self._current_at = -math.inf
        self._fault: StateError | None = None
        self._rewinds = 0
        self._progress: set[asyncio.Future[None]] = set()
        self._follower: asyncio.Task[None] | None = None
        self._snapshotter = Snapshotter(self._save, retry_pause=retry_pause)

    # ---- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Follow the log from now on. StateError when it cannot be read."""
        self._position = list(await self._log.position())
        self._current_at = self._clock()
        self._follower = asyncio.create_task(self._follow())  # noqa: TID251 - owned here, ended by close
        self._snapshotter.start()

    async def close(self) -> None:
        """End following and loading, save what no snapshot holds yet. What had made the follower die is raised."""
        follower, self._follower = self._follower, None
        tasks = [task for task in (follower, *self._loads.values()) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._snapshotter.close()
        for key in [key for key, warm in self._warm.items() if warm.unsaved]:
            if not await self._snapshotter.save(key):
                break  # the log takes nothing; the next start folds a longer tail
        if follower is not None and not follower.cancelled():
            follower.result()

    # ---- reading -------------------------------------------------------------------------------------------------

    def state(self, key: ScopeKey) -> State | None:
        """The state of a warm scope; None for a cold one. Never waits."""
        warm = self._warm.get(key)
        if warm is None:
            return None
        self._warm.move_to_end(key)
        return warm.state

    async def load(self, key: ScopeKey) -> State:
        """The state of any scope. Those who ask for one at once share one load, which outlives an impatient caller."""
        state = self.state(key)
        if state is not None:
            return state
        task = self._loads.get(key)
        if task is None:
            task = asyncio.create_task(self._load(key))  # noqa: TID251 - owned here, ended by close
            task.add_done_callback(_retrieve)
            self._loads[key] = task
        return await asyncio.shield(task)

    def staleness(self) -> float:
        """Seconds since the follower was last known to have seen all there was."""
        return max(0.0, self._clock() - self._current_at)

    async def wait_for(self, key: ScopeKey, offset: int, *, timeout: float) -> bool:  # noqa: ASYNC109 - the bound is a promise to the caller, not a cancellation
        """Load the scope and wait until it holds all up to `offset`; False when that takes longer than `timeout`."""
        if self._reached(key, offset):
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self.load(key)
                while not self._reached(key, offset):
                    await self._next_progress()
                    await self.load(key)
                return True
        return False

    def health(self) -> Health:
        """Not ok while records cannot be followed, however the log itself is."""
        if self._fault is not None:
            return Health(ok=False, reason=f"{self._fault.code}: {self._fault.message}")
        if self._follower is not None and self._follower.done():
            return Health(ok=False, reason="log_unavailable: the projections are not followed any more")
        return Health(ok=True)

    def backlog(self) -> Backlog:
        """What the quarantines of the warm scopes hold."""
        return backlog_of(warm.state for warm in self._warm.values())

    def warm(self) -> list[tuple[ScopeKey, State]]:
        """The scopes that are served at the moment."""
        return [(key, warm.state) for key, warm in self._warm.items()]

    @property
    def failed_snapshots(self) -> int:
        """How many snapshots could not be saved."""
        return self._snapshotter.failed

    # ---- writing -------------------------------------------------------------------------------------------------

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended:
        """Append to the log; when this returns, the scope's state, where it is warm, holds the events. A StateError leaves
        open whether they are stored."""
        began = self._clock()
        appended = await self._log.append(
            key, events, operation=operation, body_digest=body_digest, answer=answer
        )
        if self._observe_append is not None:
            self._observe_append(self._clock() - began)
        await self._catch_up(key, appended.offset)
        return appended

    async def answered(self, key: ScopeKey, operation: str, body_digest: str) -> Appended | None:
        """What was answered to this operation before; None for a new one. What is answered again is seen here too."""
        found = await self._log.answered(key, operation, body_digest)
        if found is not None:
            await self._catch_up(key, found.offset)
        return found

    async def record(self, key: ScopeKey, offset: int) -> Record | None:
        """One record of the scope by its place in the log."""
        found = await self._log.read(key, after=offset - 1, limit=1)
        return found[0] if found and found[0].offset == offset else None

    async def cover(self, key: ScopeKey) -> bool:
        """Have a snapshot hold all that is known of the scope; False when the log does not take it. A scope that was cold
        is the first to go again. StateError when it cannot be loaded."""
        cold = key not in self._warm
        await self.load(key)
        if cold and key in self._warm:
            self._warm.move_to_end(key, last=False)
        return await self._snapshotter.save(key)

    async def _catch_up(self, key: ScopeKey, offset: int) -> None:
        """Apply all up to `offset` where the scope is served. StateError where that cannot be: what is not seen here is
        not acknowledged, so that the state goes on being served without being behind our own word."""
        load = self._loads.get(key)
        if load is not None:
            with suppress(StateError):  # who loads hears of it; the scope stays cold
                await asyncio.shield(load)
        warm = self._warm.get(key)
        if warm is None or warm.state.offset >= offset:
            return
        async with warm.catching_up:
            try:
                await self._read_back(key, warm, offset)
            except StateError as error:
                message = f"{error.message}; it is stored, and not seen here yet: retry with the operation id"
                raise StateError(error.code, message) from error
        self._advance()

    async def _read_back(self, key: ScopeKey, warm: _Warm, offset: int) -> None:
        while warm.state.offset < offset:
            records = await self._log.read(key, after=warm.state.offset, limit=BURST)
            if not records:
                raise StateError("log_unavailable", "the log does not give back what it stored")
            for record in records:
                self._apply(warm, record)

    # ---- the three sides -----------------------------------------------------------------------------------------

    async def _load(self, key: ScopeKey) -> State:
        try:
            while True:
                rewinds = self._rewinds
                state = await self._loaded(key)
                if rewinds == self._rewinds:
                    return state
        finally:
            del self._late[key]
            del self._loads[key]

    async def _loaded(self, key: ScopeKey) -> State:
        # From here on the follower keeps what it meets of this scope, so that nothing falls between the last read
        # and the moment at which the state is warm.
        rewinds, late = self._rewinds, self._late.setdefault(key, [])
        late.clear()
        warm = _Warm(await self._from_snapshot(key), unsaved=0)
        while True:
            records = await self._log.read(key, after=warm.state.offset, limit=PAGE)
            for record in records:
                self._apply(warm, record)
            if len(records) < PAGE:
                break
        await make_tables(warm.state)
        if rewinds != self._rewinds:
            return warm.state
        for record in late:
            self._apply(warm, record)
        self._warm[key] = warm
        if warm.unsaved >= self._snapshot_every:
            self._snapshotter.due(key)
        while len(self._warm) > self._capacity:
            self._warm.popitem(last=False)
        await make_lexicon(warm.state)
        return warm.state

    async def _from_snapshot(self, key: ScopeKey) -> State:
        found = await self._log.load_snapshot(key)
        state = None
        if found is not None:
            offset, stored = found
            blob = believed(self._ring, key, offset, stored)
            state = None if blob is None else await asyncio.to_thread(decode_state, blob)
            if state is None and blob is not None and await self._log.trimmed_to(key):
                state = await asyncio.to_thread(decode_state, blob, any_tag=True)
            if state is not None and state.offset == offset:
                return state
        if await self._log.trimmed_to(key):
            # What the removed records said is in no snapshot that can be believed: to begin without it would forget what
            # failed, what was suppressed and what a reviewer confirmed.
            raise StateError(
                "snapshot_lost", "the log was trimmed, and the snapshot it was trimmed to cannot be used"
            )
        return State()

    async def _follow(self) -> None:
        rewound = False
        while True:
            try:
                if rewound:
                    await self._begin_again()
                async for batch in self._log.follow(after=tuple(self._position)):
                    self._fault = None
                    rewound = False
                    self._take(batch[:BURST])
                    for start in range(BURST, len(batch), BURST):
                        await asyncio.sleep(0)
                        self._take(batch[start : start + BURST])
            except StateError as error:
                self._fault = error
                if error.code == REWOUND and not rewound:
                    rewound = True
                    self._forget()
                    continue
            else:
                self._fault = StateError("log_closed", "the log is closed")
                return
            await asyncio.sleep(self._retry_pause)

    async def _begin_again(self) -> None:
        """After the log has lost what was folded: nothing that was loaded until now is believed."""
        position = list(await self._log.position())
        # What was loaded meanwhile may lack what was appended before the position was known.
        self._forget()
        self._position = position

    def _forget(self) -> None:
        """All scopes are cold, loads on their way begin again."""
        self._rewinds += 1
        self._warm.clear()
        for late in self._late.values():
            late.clear()
        self._advance()

    def _take(self, batch: list[Record]) -> None:
        for record in batch:
            warm = self._warm.get(record.key)
            if warm is not None:
                if self._observe_followed is not None and record.offset > warm.state.offset:
                    self._observe_followed(record.event)
                self._apply(warm, record)
            elif record.key in self._late:
                self._late[record.key].append(record)
            self._position[self._log.shard_of(record.key)] = record.offset
        if not batch:
            self._current_at = self._clock()
        self._advance()

    def _apply(self, warm: _Warm, record: Record) -> None:
        if record.offset <= warm.state.offset:
            return
        fold(warm.state, record)
        warm.unsaved += 1
        if warm.unsaved == self._snapshot_every:
            self._snapshotter.due(record.key)

    # ---- snapshots and waiting -----------------------------------------------------------------------------------

    async def _save(self, key: ScopeKey) -> None:
        warm = self._warm.get(key)
        if warm is None or not warm.unsaved:
            return
        offset, count = warm.state.offset, warm.unsaved
        blob = await asyncio.to_thread(draft_of(warm.state).encode)
        if self._warm.get(key) is not warm:  # gone meanwhile, maybe because the log lost what it holds
            return
        await self._log.save_snapshot(key, offset, proven(self._ring, key, offset, blob))
        warm.unsaved -= count

    def _reached(self, key: ScopeKey, offset: int) -> bool:
        warm = self._warm.get(key)
        return warm is not None and max(warm.state.offset, self._position[self._log.shard_of(key)]) >= offset

    async def _next_progress(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._progress.add(future)
        try:
            await future
        finally:
            self._progress.discard(future)

    def _advance(self) -> None:
        for future in self._progress:
            if not future.done():
                future.set_result(None)


def _retrieve(load: asyncio.Task[State]) -> None:
    """Whoever waited has the error; that nobody did any more is no reason for asyncio to complain."""
    if not load.cancelled():
        load.exception()
