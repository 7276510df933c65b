"""The law of replay: one total order a scope makes one state, in every process and after every restart, byte for byte."""

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import get_args
from unittest import mock

import msgspec
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from firewall.core import evidence_state
from firewall.core.events import Event, Record, ScopeKey
from firewall.core.state import State, fold_all
from firewall.log import indexing, snapshot
from firewall.log.projection import Projections
from firewall.log.snapshot import decode_state, encode_state
from firewall.log.sqlite import SqliteLog
from tests.log.conftest import QUICK
from tests.log.execution_samples import all_events
from tests.log.keys import RING, SIGNER
from tests.log.samples import records_of

KEYS = [ScopeKey("acme", "checkout"), ScopeKey("acme", "billing")]
keys = st.sampled_from(KEYS)
which = st.integers(0, 2)
batches = st.lists(all_events, min_size=1, max_size=5)
#: One of a kind is enough, it need not be the smallest.
_ANY = settings(phases=[Phase.generate], max_examples=2_000, derandomize=True, database=None)


def encoded(state: State | None) -> bytes:
    assert state is not None
    return msgspec.msgpack.encode(state)


def _is_a(kind: type, event: Event) -> bool:
    return isinstance(event, kind)


def test_every_kind_of_event_is_among_the_samples() -> None:
    """A new kind has to come into the laws."""
    for kind in get_args(Event):
        find(all_events, partial(_is_a, kind), settings=_ANY)


@given(st.lists(all_events, max_size=30), st.lists(st.integers(0, 30), max_size=4), st.booleans())
def test_a_replay_from_anywhere_is_the_same(listed: list[Event], cuts: list[int], looks: bool) -> None:
    """From snapshots at any places, with records that come again, and whether somebody looks meanwhile or not."""
    records = records_of(listed)
    whole = encoded(fold_all(State(), records))
    state: State | None = State()
    for cut in sorted(cuts):
        assert state is not None
        fold_all(state, records[:cut])
        if looks:
            _ = state.routes.tables, state.evidence.lexicon, state.evidence.procedures
        state = decode_state(encode_state(state))
    assert state is not None
    assert encoded(fold_all(fold_all(state, records), records)) == whole


class Processes(RuleBasedStateMachine):
    """Three processes on one file, that append, read, die, start again from snapshots, and hear things twice. Memory is
    made small, so that evidence is let go as well, and
    what is done in threads and slices for much is done for little."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.small = [
            mock.patch.multiple(evidence_state, MOST_NODES=5, SLACK=1, MOST_ARCHIVED=8),
            mock.patch.multiple(indexing, MANY=2),
            mock.patch.multiple(snapshot, SLICE=2),
        ]
        for patch in self.small:
            patch.start()

    @initialize()
    def begin(self) -> None:
        self.processes = [self.runner.run(self.started()) for _ in range(3)]

    async def started(self) -> tuple[SqliteLog, Projections]:
        log = await SqliteLog.open(Path(self.folder.name) / "log.db", signer=SIGNER, settings=QUICK)
        projections = Projections(log, ring=RING, clock=lambda: 0.0, snapshot_every=4)
        await projections.start()
        return log, projections

    async def stopped(self, who: int, *, tidily: bool) -> None:
        log, projections = self.processes[who]
        if not tidily:  # no snapshot at the end, as after a kill
            projections._warm.clear()
        await projections.close()
        await log.close()

    @rule(who=which, key=keys, listed=batches)
    def append(self, who: int, key: ScopeKey, listed: list[Event]) -> None:
        self.runner.run(self.processes[who][1].append(key, listed))

    @rule(key=keys, listed=batches)
    def append_everywhere_at_once(self, key: ScopeKey, listed: list[Event]) -> None:
        async def together() -> None:
            await asyncio.gather(*(projections.append(key, listed) for _, projections in self.processes))

        self.runner.run(together())

    @rule(who=which, key=keys)
    def look(self, who: int, key: ScopeKey) -> None:
        state = self.runner.run(self.processes[who][1].load(key))
        _ = state.routes.tables, state.evidence.lexicon

    @rule(who=which, key=keys)
    def hear_it_twice(self, who: int, key: ScopeKey) -> None:
        log, projections = self.processes[who]
        records: list[Record] = self.runner.run(log.read(key))
        position = list(projections._position)
        projections._take([record for record in records if record.offset <= position[log.shard_of(key)]])
        projections._position = position

    @rule(who=which, tidily=st.booleans())
    def restart(self, who: int, tidily: bool) -> None:
        self.runner.run(self.stopped(who, tidily=tidily))
        self.processes[who] = self.runner.run(self.started())

    @rule()
    def agree(self) -> None:
        for key in KEYS:
            expected = fold_all(State(), self.runner.run(self.processes[0][0].read(key)))
            for _, projections in self.processes:
                assert self.runner.run(projections.wait_for(key, expected.offset, timeout=30))
                assert encoded(projections.state(key)) == encoded(expected)

    def teardown(self) -> None:
        try:
            self.agree()
        finally:
            for who in range(3):
                self.runner.run(self.stopped(who, tidily=True))
            self.runner.close()
            for patch in self.small:
                patch.stop()
            self.folder.cleanup()


Processes.TestCase.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
TestProcesses = Processes.TestCase
