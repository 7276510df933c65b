"""A desk over a log in memory, a guide to speak of, and how the learning tests ask. The clock is the test's."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from firewall.core.compiled import CompiledPolicy, compile_policy
from firewall.core.events import Event, Record, ScopeKey
from firewall.core.evidence import NATIVE, Exposed, ExposedItem, Served, ToolDecision
from firewall.core.policy import Policy
from firewall.core.state import State, fold
from firewall.core.visibility import SCOPE_WIDE, Audience
from firewall.errors import CallerError
from firewall.log.codec import decode_event, encode_event
from firewall.ports import Appended
from firewall.service.desk import Call, Desk, Reply, UseCase
from firewall.service.principals import LOCAL, Principal
from firewall.service.recorder import Recorder
from firewall.service.review.room import ReviewRoom

Json = dict[str, Any]

#: 2026-11-22T00:00:00Z
NOW = 1_795_305_600.0
KEY = ScopeKey()
POLICY = compile_policy(Policy(), "test")


class Ledger:
    """The projections of scopes whose log is a list; every event goes through the codec."""

    def __init__(self) -> None:
        self.states: dict[ScopeKey, State] = {}
        self.records: dict[ScopeKey, list[Record]] = {}
        self.operations: dict[tuple[ScopeKey, str], tuple[str, Appended]] = {}

    def state(self, key: ScopeKey) -> State | None:
        return self.states.setdefault(key, State())

    async def load(self, key: ScopeKey) -> State:
        return self.states.setdefault(key, State())

    def staleness(self) -> float:
        return 0.0

    async def wait_for(self, key: ScopeKey, offset: int, *, timeout: float) -> bool:  # noqa: ASYNC109
        return True

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended:
        if operation and (done := await self.answered(key, operation, body_digest)):
            return done
        state, records = await self.load(key), self.records.setdefault(key, [])
        for event in events:
            stored = decode_event(encode_event(event))
            record = Record(
                key=key, offset=len(records) + 1, event_id=f"{key.scope}-{len(records)}", event=stored
            )
            records.append(record)
            fold(state, record)
        appended = Appended(len(records), replayed=False, answer=answer)
        if operation:
            self.operations[key, operation] = body_digest, appended
        return appended

    async def answered(self, key: ScopeKey, operation: str, body_digest: str) -> Appended | None:
        digest, done = self.operations.get((key, operation), ("", None))
        if done is None:
            return None
        if digest != body_digest:
            raise CallerError(409, "operation_conflict", "another body")
        return Appended(done.offset, replayed=True, answer=done.answer)

    async def record(self, key: ScopeKey, offset: int) -> Record | None:
        return self.records[key][offset - 1]


@dataclass
class Office:
    """A desk, and what stands behind it."""

    ledger: Ledger = field(default_factory=Ledger)
    now: float = NOW
    policy: CompiledPolicy = POLICY

    @property
    def desk(self) -> Desk:
        return Desk(
            projections=self.ledger,
            policy=lambda: self.policy,
            recorder=cast("Recorder", None),  # these use cases record no decision
            review=cast("ReviewRoom", None),  # nor do they hold anything
            now=lambda: self.now,
            monotonic=lambda: 0.0,
            new_id=lambda: "0" * 32,
        )

    @property
    def state(self) -> State:
        return self.ledger.states.setdefault(KEY, State())

    async def log(self, *events: Event) -> None:
        await self.ledger.append(KEY, events)

    def events(self, kind: type[Event]) -> list[Any]:
        return [one.event for one in self.ledger.records.get(KEY, []) if isinstance(one.event, kind)]

    async def reply(self, use_case: UseCase, body: object, principal: Principal = LOCAL) -> Reply:
        return await use_case(self.desk, Call(principal=principal, raw=json.dumps(body).encode()))

    async def ask(self, use_case: UseCase, body: object, principal: Principal = LOCAL) -> Json:
        answer: Json = json.loads((await self.reply(use_case, body, principal)).body)
        return answer

    async def refused(self, use_case: UseCase, body: object, principal: Principal = LOCAL) -> tuple[int, str]:
        """Status and code of the refusal."""
        with pytest.raises(CallerError) as caught:
            await self.reply(use_case, body, principal)
        return caught.value.status, caught.value.code


TOOL = ToolDecision("td-1", "edit", ("edit", "bash"), "p" * 64)


def item(
    memory_id: str, surface: Served = "use_now", *reasons: str, upstream: str | None = None
) -> ExposedItem:
    """`mem0:abc` is upstream memory, a name without a colon our own."""
    prefix, colon, _ = memory_id.partition(":")
    return ExposedItem(memory_id, upstream or (prefix if colon else NATIVE), surface, reasons)


def exposed(*items: ExposedItem, **fields: Any) -> Exposed:
    """A guide that served these, as trace `gt-1` of run `run-1`, to everybody of the scope."""
    ordered = tuple(sorted(items, key=lambda one: one.memory_id))
    said: Json = {
        "guide_trace_id": "gt-1",
        "episode_id": "ep-1",
        "exposure_event_id": "ex-1",
        "run_id": "run-1",
        "audience": SCOPE_WIDE,
        "principal": "local",
        "item_set_sha256": hashlib.sha256(b"ids").hexdigest(),
        "served_surface_sha256": hashlib.sha256(b"surfaces").hexdigest(),
        "considered": len(ordered),
        "tool": TOOL,
        "at": NOW - 60,
    }
    return Exposed(items=ordered, **{**said, **fields})


def private_to(agent: str) -> Audience:
    return Audience(lane="private", agent=agent, writer=agent)


def about(*memory_ids: str, **fields: object) -> Json:
    """Feedback on what `gt-1` served, for use; positive if nothing else is said."""
    return {
        "guide_trace_id": "gt-1",
        "run_id": "run-1",
        "outcome": "positive",
        "reason": "It went on from there.",
        "used_surface": "use_now",
        "used_memory_ids": list(memory_ids),
        **fields,
    }
