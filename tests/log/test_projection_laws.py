"""The law of projections: whatever happens in whatever order, a state is the fold of its scope's records."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from firewall.core.events import Event, ScopeKey
from firewall.core.state import State, fold_all
from firewall.log.projection import Projections
from firewall.log.sqlite import SqliteLog
from tests.log.execution_samples import all_events as events
from tests.log.keys import RING, SIGNER

KEYS = [ScopeKey("acme", "one"), ScopeKey("acme", "two"), ScopeKey("other", "one")]
keys = st.sampled_from(KEYS)
batches = st.lists(events, min_size=1, max_size=4)
which = st.integers(0, 1)


class Replicas(RuleBasedStateMachine):
    """Two followers of one log that append, load, evict, restart and hear things twice."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()

    @initialize()
    def begin(self) -> None:
        self.log = self.runner.run(SqliteLog.open(":memory:", signer=SIGNER))
        self.replicas = [self.runner.run(self.started()) for _ in range(2)]

    async def started(self) -> Projections:
        made = Projections(self.log, ring=RING, clock=lambda: 0.0, capacity=2, snapshot_every=3)
        await made.start()
        return made

    @rule(who=which, key=keys, listed=batches)
    def append(self, who: int, key: ScopeKey, listed: list[Event]) -> None:
        appended = self.runner.run(self.replicas[who].append(key, listed))
        state = self.replicas[who].state(key)
        assert state is None or state.offset >= appended.offset

    @rule(key=keys, listed=batches, who=which)
    def append_around_a_load(self, key: ScopeKey, listed: list[Event], who: int) -> None:
        async def together() -> None:
            await asyncio.gather(
                self.log.append(key, listed),
                self.replicas[who].load(key),
                self.replicas[who].append(key, listed),
                self.replicas[1 - who].load(key),
            )

        self.runner.run(together())

    @rule(who=which, key=keys)
    def load(self, who: int, key: ScopeKey) -> None:
        self.runner.run(self.replicas[who].load(key))

    @rule(who=which, key=keys)
    def hear_it_twice(self, who: int, key: ScopeKey) -> None:
        records = self.runner.run(self.log.read(key))
        position = list(self.replicas[who]._position)
        seen = position[self.log.shard_of(key)]
        self.replicas[who]._take([record for record in records if record.offset <= seen])
        self.replicas[who]._position = position

    @rule(who=which)
    def restart(self, who: int) -> None:
        self.runner.run(self.replicas[who].close())
        self.replicas[who] = self.runner.run(self.started())

    @rule()
    def agree(self) -> None:
        for key in KEYS:
            expected = fold_all(State(), self.runner.run(self.log.read(key)))
            for replica in self.replicas:
                assert self.runner.run(replica.wait_for(key, expected.offset, timeout=30))
                assert replica.state(key) == expected

    def teardown(self) -> None:
        self.agree()
        for replica in self.replicas:
            self.runner.run(replica.close())
        self.runner.run(self.log.close())
        self.runner.close()


Replicas.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestReplicas = Replicas.TestCase
