"""The state that a request is governed by: the projection of its scope, warm or loaded within a bound.

A warm scope never waits. A cold one loads within `COLD_SECONDS` or the request falls to its fail mode; a projection
that may be older than the policy allows does too.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from firewall.core.events import Event, Record, ScopeKey
from firewall.core.state import State
from firewall.errors import StateError
from firewall.ports import Appended

COLD_SECONDS = 0.15
AFTER_SECONDS = 1.0
#: A projection is current while the log has said so lately: it does at least each second.
CURRENT_SECONDS = 1.5


class Follows(Protocol):
    """The projections, as far as a reader needs them."""

    def state(self, key: ScopeKey) -> State | None: ...

    async def load(self, key: ScopeKey) -> State: ...

    def staleness(self) -> float: ...

    async def wait_for(self, key: ScopeKey, offset: int, *, timeout: float) -> bool: ...  # noqa: ASYNC109


class Projects(Follows, Protocol):
    """The projections, as far as a use case that also writes needs them."""

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended: ...

    async def answered(self, key: ScopeKey, operation: str, body_digest: str) -> Appended | None: ...

    async def record(self, key: ScopeKey, offset: int) -> Record | None: ...


def staleness_of(projections: Follows) -> float:
    """How many seconds what is served may be behind the log, as receipts say it: 0 while it is current."""
    seconds = projections.staleness()
    return 0.0 if seconds <= CURRENT_SECONDS else round(seconds, 3)


async def state_for(
    projections: Follows, key: ScopeKey, *, max_staleness: float, after: int | None = None
) -> State:
    """StateError `state_cold`, `state_stale` or `state_behind` where the scope cannot be served as it should."""
    state = projections.state(key)
    if state is None:
        try:
            async with asyncio.timeout(COLD_SECONDS):
                state = await projections.load(key)
        except TimeoutError:
            raise StateError("state_cold", "the scope's state could not be loaded in time") from None
    if projections.staleness() > max_staleness:
        raise StateError("state_stale", "the scope's state is older than the policy allows")
    if after is not None and state.offset < after:
        if not await projections.wait_for(key, after, timeout=AFTER_SECONDS):
            raise StateError(
                "state_behind", "the scope's state has not reached the offset that was asked for"
            )
        state = projections.state(key) or state
    return state
