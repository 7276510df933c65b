"""What every use case of the execution memory is given, and what it gives back.

A use case takes the desk and the call, and returns a `Reply`: the JSON bytes of its answer. One that
writes asks `Desk.before` first and ends with `Desk.store`: a repeated operation id gets the stored answer.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from firewall.core.compiled import CompiledPolicy
from firewall.core.events import Event, ScopeKey
from firewall.core.model import Candidate
from firewall.core.state import State
from firewall.service.principals import Principal
from firewall.service.recorder import Recorder
from firewall.service.review.room import ReviewRoom
from firewall.service.scopes import Projects, state_for

_encoder = msgspec.json.Encoder()
_canonical = msgspec.json.Encoder(order="sorted")


class Reply(msgspec.Struct, frozen=True):
    """`body` is JSON. `offset` is what `Memfw-After` says of a write, 0 for a read; `replayed` that the operation had
    been done before."""

    body: bytes
    offset: int = 0
    replayed: bool = False


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request, authenticated. `tenant` is what the header `X-Tenant-Id` says, `after` what `Memfw-After` does;
    `params` are the decoded segments of the path, `query` the first value of each query parameter."""

    principal: Principal
    raw: bytes = b""
    tenant: str | None = None
    after: int | None = None
    params: Mapping[str, str] = {}
    query: Mapping[str, str] = {}

    def key(self, tenant_id: str | None, scope: str | None) -> ScopeKey:
        """The scope that is asked for. CallerError 403 `scope_denied` where it is not the principal's."""
        return self.principal.reach(tenant_id or self.tenant, scope)


class Work(msgspec.Struct, frozen=True):
    """What a writing use case wants stored, and its answer once it is. No events: there is nothing to store."""

    events: Sequence[Event]
    answer: object


class Question(msgspec.Struct, frozen=True):
    """What is asked of an upstream. `owner` are its identity keys (user_id, namespace, ...) beside the pin."""

    query: str
    limit: int
    owner: Mapping[str, str] = {}


class MemorySource(Protocol):
    """An upstream from which a guide may pull. Raises UpstreamError; every row that comes is a candidate."""

    name: str

    async def recall(self, question: Question, *, principal: Principal, deadline: float) -> list[Candidate]:
        """At most `question.limit` rows within the principal's pin, within `deadline` seconds."""
        ...


class Mounted(msgspec.Struct, frozen=True, kw_only=True):
    """An upstream of the config, as operators and agents may see it: nothing of where it is or of its key.

    `routes` counts its routes by class; `health` says in one word whether requests are sent to it at the moment.
    """

    name: str
    dialect: str
    routes: Mapping[str, int]
    unknown_routes: str
    tls: str
    health: Callable[[], str]


UseCase = Callable[["Desk", Call], Awaitable[Reply]]


class Operation(msgspec.Struct, frozen=True):
    """An idempotency key: (tenant, scope, principal, route, operation id), with the digest of the body."""

    key: ScopeKey
    name: str
    digest: str


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """`now` is the wall clock in epoch seconds, `monotonic` measures, `new_id` makes ids (32 hex digits)."""

    projections: Projects
    policy: Callable[[], CompiledPolicy]
    recorder: Recorder
    review: ReviewRoom
    now: Callable[[], float]
    monotonic: Callable[[], float]
    new_id: Callable[[], str]
    sources: Mapping[str, MemorySource] = {}
    upstreams: Sequence[Mounted] = ()

    async def state(self, key: ScopeKey, *, after: int | None = None) -> State:
        """The scope's projection. StateError when it cannot be served as the policy wants it."""
        return await state_for(
            self.projections, key, max_staleness=self.policy().source.limits.max_staleness_s, after=after
        )

    async def before(self, operation: Operation | None) -> Reply | None:
        """The stored answer of an operation that was done before; CallerError 409 where its body was another one."""
        if operation is None:
            return None
        done = await self.projections.answered(operation.key, operation.name, operation.digest)
        return None if done is None else Reply(done.answer, done.offset, replayed=True)

    async def store(self, key: ScopeKey, work: Work, operation: Operation | None = None) -> Reply:
        """Append the events, all or none, and give the answer; of two that race with one operation id, the first's."""
        body = _encoder.encode(work.answer)
        if not work.events:
            return Reply(body)
        appended = await self.projections.append(
            key,
            work.events,
            operation="" if operation is None else operation.name,
            body_digest="" if operation is None else operation.digest,
            answer=body if operation is not None else b"",
        )
        if appended.replayed:
            return Reply(appended.answer, appended.offset, replayed=True)
        return Reply(body, appended.offset)


def operation_of(
    key: ScopeKey, call: Call, route: str, operation_id: str | None, body: object
) -> Operation | None:
    """None without an operation id. `body` is the decoded JSON: another order of its keys is the same body."""
    if not operation_id:
        return None
    return Operation(key, f"{route}\x1f{call.principal.name}\x1f{operation_id}", digest_of(body))


def digest_of(value: object) -> str:
    """sha256 of the canonical JSON (sorted keys), hex."""
    return hashlib.sha256(_canonical.encode(value)).hexdigest()


def read_reply(answer: object) -> Reply:
    """The reply of a use case that stores nothing."""
    return Reply(_encoder.encode(answer))
