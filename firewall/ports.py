"""The ports: what the rooms ask of each other, as protocols. Values that cross them are structs, never dicts.

`Dialect` is the pure codec of one upstream's wire; `Upstream` carries a request to it; `EvidenceLog` keeps the truth.
"""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from firewall.core.chain import Head, Sealed, Stored
from firewall.core.events import Event, Record, ScopeKey, StandingGiven
from firewall.core.model import Candidate
from firewall.core.wire.values import (
    Headers,
    Match,
    RouteClass,
    RouteSpec,
    WireRequest,
    WireResponse,
    header,
)

__all__ = [
    "Answer",
    "Appended",
    "AuditTrail",
    "Caller",
    "Decision",
    "Dialect",
    "Disclosure",
    "EvidenceLog",
    "EvidenceStore",
    "Headers",
    "Health",
    "HeldTexts",
    "Match",
    "Plan",
    "Position",
    "Retains",
    "RouteClass",
    "RouteSpec",
    "Slot",
    "Trimmed",
    "Upstream",
    "WireRequest",
    "WireResponse",
    "header",
]

# ---- the wire ----------------------------------------------------------------------------------------------------


class Upstream(Protocol):
    """Carries one request to a memory backend. Raises UpstreamError; never returns half an answer."""

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        """`deadline` is in seconds from now, over connect, send and the whole body.

        `retry` says that one more try is safe (a search by POST is a read); a GET or HEAD always is.
        """
        ...

    async def close(self) -> None: ...


# ---- dialects ----------------------------------------------------------------------------------------------------


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect must know of the principal: its pin for this upstream, whether it may administer, and
    `public_base`, the URL under which clients reach this mount (for absolute links in answers)."""

    name: str = "anonymous"
    admin: bool = False
    pin: Mapping[str, str] = {}
    public_base: str = ""


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One place of a planned write's body that can take a stamp: the metadata that goes with `texts`.

    `governed` is what of that metadata a stamp binds, `owner` whose the memory will be, `record` its id where the write
    names it. `room` is how many bytes the upstream still takes there; None where nobody says. Without a text there is
    nothing to stamp.
    """

    texts: tuple[str, ...] = ()
    governed: bytes = b""
    owner: Mapping[str, str] = {}
    record: str = ""
    room: int | None = None


class Plan(msgspec.Struct, kw_only=True):
    """What to do with one matched request. A dialect subclasses it to carry what `read` and `rebuild` need.

    `request` goes upstream. `preflight` are reads of single rows whose owner must match `pin` before it may go (by-id
    writes and history). `limit` is the number of rows that the caller asked for, where the read is ranked and may be
    over-fetched. `drafts` are the texts of a write, `standing` what a feedback says of a memory. `fallback` goes upstream
    in place of `request` where that is refused as too large. `omits` says that an answer is whole without a withheld row,
    also where just that one was asked for by its id. `slots` are the places for stamps; with them the body may not
    become longer than `longest`. `deletes` are the ids of memories that are gone once the upstream took the request.
    """

    match: Match
    request: WireRequest
    pin: Mapping[str, str] = {}
    preflight: tuple[WireRequest, ...] = ()
    limit: int | None = None
    by_id: bool = False
    ranked: bool = False
    query: str = ""
    drafts: tuple[Candidate, ...] = ()
    standing: tuple[StandingGiven, ...] = ()
    fallback: WireRequest | None = None
    omits: bool = False
    slots: tuple[Slot, ...] = ()
    longest: int | None = None
    deletes: tuple[str, ...] = ()

    @property
    def reading(self) -> object:
        """All that `Dialect.read` looks at besides the body of the answer and the moment, to be compared by `==`; None where
        answers are not to be remembered."""
        return None

    @property
    def moment(self) -> float:
        """As of when an answer is read, where that makes a difference: `Answer.since` and `until` say which."""
        return 0.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed upstream answer, which is never changed: it may be that of the next request too. `candidates` are in the order of the upstream; a dialect subclasses it.

    `more` says that the upstream may have further rows; a plan for them comes from `Dialect.more`. `unlimited`: the plan's
    limit counts something else than these candidates, so that they are neither cut nor filled up to it. At every moment from
    `since` until before `until` the same bytes read like this. `held` is how many values it keeps beside the candidates.
    """

    candidates: list[Candidate]
    more: bool = False
    unlimited: bool = False
    since: float = -math.inf
    until: float = math.inf
    held: int = 0


class Disclosure(msgspec.Struct, frozen=True, kw_only=True):
    """What the proxy decided about an answer, for the dialect to put on the wire.

    `admitted[i]` says whether candidate i goes to the caller (already cut to the plan's limit). `firewall` is the
    ready JSON of the `firewall` object (None where nothing may be added to a body).
    """

    admitted: Sequence[bool]
    firewall: bytes | None = None
    annotations: Mapping[str, Mapping[str, str]] = {}


class Dialect(Protocol):
    """The pure codec of one upstream's wire format. No I/O; raises CallerError and UpstreamError."""

    name: str
    routes: Sequence[RouteSpec]

    def match(self, request: WireRequest) -> Match | None:
        """The row of the table for this request; None where no row fits exactly."""
        ...

    def credential(self, headers: Headers) -> str | None:
        """The key that the client sent where this vendor's key goes."""
        ...

    def with_credential(self, request: WireRequest, key: str) -> WireRequest:
        """The request with `key` in the vendor's scheme instead of the client's."""
        ...

    def plan(self, request: WireRequest, match: Match, caller: Caller, *, now: float) -> Plan:
        """Pin the scope, rewrite what governing needs. CallerError 403 `scope_denied` for what widens the scope."""
        ...

    def stamped(self, plan: Plan, stamps: Sequence[str]) -> WireRequest:
        """The plan's request with a stamp in each of its slots, under `core.stamp.STAMP_KEY`, and nothing else changed;
        none where the text is empty. Called only for a plan with slots."""
        ...

    def recall(self, query: str, owner: Mapping[str, str], limit: int) -> WireRequest | None:
        """A search of our own, as a client would send it but for its key; None where the vendor has none."""
        ...

    def read(self, plan: Plan, response: WireResponse) -> Answer:
        """Parse a 2xx answer; the plan stays as it is. UpstreamError 502 `upstream_invalid` for what is not whole and
        well-formed."""
        ...

    def more(self, plan: Plan, answer: Answer, wanted: int) -> WireRequest | None:
        """The request that would bring more rows so that `wanted` can be admitted; None where there are none.

        Its answer replaces `answer` (a larger ranked read) or follows it (`Answer.more` with a cursor): the dialect
        returns the joined answer from `joined`.
        """
        ...

    def joined(self, plan: Plan, first: Answer, second: Answer) -> Answer: ...

    def rebuild(
        self, plan: Plan, answer: Answer, response: WireResponse, disclosure: Disclosure
    ) -> WireResponse:
        """The caller's answer: the admitted items as the same bytes, in the same order."""
        ...

    def refusal(
        self, match: Match | None, status: int, code: str, message: str, extra: Mapping[str, Any]
    ) -> WireResponse:
        """An error in the upstream's own shape; `extra` is merged into the JSON body."""
        ...

    def not_found(self, match: Match) -> WireResponse:
        """What the upstream answers for an id that does not exist (a foreign row looks the same)."""
        ...


# ---- the evidence log --------------------------------------------------------------------------------------------


class Appended(msgspec.Struct, frozen=True):
    """`offset` of the last event of the append. `replayed` when the operation id had been used with the same body:
    `answer` is then the one that was stored with it."""

    offset: int
    replayed: bool = False
    answer: bytes = b""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A stored receipt: what `GET /v1/decisions/{id}` gives. `body` is the receipt as JSON."""

    decision_id: str
    key: ScopeKey
    at: float
    body: bytes


class Health(msgspec.Struct, frozen=True):
    ok: bool
    reason: str = ""


Position = tuple[int, ...]
"""How far somebody is: for each shard of the log the offset of the newest record that was seen, 0 for none."""


class HeldTexts(Protocol):
    """Texts that are kept apart from the chain, so that they can be erased. Always concealed before they come here."""

    async def keep_text(self, key: ScopeKey, text_id: str, concealed: bytes) -> None:
        """Stored when it returns; the same id again replaces. StateError; CallerError 413 for one too large."""
        ...

    async def kept_text(self, key: ScopeKey, text_id: str) -> bytes | None: ...

    async def erase_text(self, key: ScopeKey, text_id: str) -> bool:
        """Whether it was there. After it returns the bytes are in no file of the store's any more."""
        ...


class Trimmed(msgspec.Struct, frozen=True):
    """How much retention removed."""

    records: int = 0
    decisions: int = 0


class AuditTrail(Protocol):
    """The chain of `core.chain` as the store holds it."""

    def seals(self) -> AsyncIterator[list[Sealed]]:
        """Every seal that is stored, of each lane in its order."""
        ...

    def stored(self) -> AsyncIterator[list[Stored]]:
        """Everything that is stored and sealed, or should be: records with their offsets, and receipts."""
        ...

    async def checkpoint(self) -> tuple[Head, ...]:
        """Seal the heads of all lanes now, and return them (that new seal included)."""
        ...


class Retains(Protocol):
    """A log whose oldest may go."""

    async def uncovered(self, limit: int) -> list[ScopeKey]:
        """Scopes with evidence that no snapshot of theirs covers: what keeps the oldest from going."""
        ...

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> Trimmed:
        """Let the oldest go, by epoch seconds or until so many bytes are left: evidence only as far as the snapshot of
        its scope covers it. A seal says up to where, before anything goes."""
        ...


class EvidenceLog(Protocol):
    """Append-only, one total order for each scope. Raises StateError; what it raised for was not stored.

    The log consists of `shards`; offsets grow within each and are comparable only there. A scope is in one.
    """

    @property
    def shards(self) -> int: ...

    def shard_of(self, key: ScopeKey) -> int:
        """From 0 to `shards` - 1; always the same for a scope."""
        ...

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended:
        """Acknowledged after the commit. All events or none. `operation` names the caller's idempotency key:
        the same digest again is answered with the stored `answer`, another one is CallerError 409
        `operation_conflict`."""
        ...

    async def answered(self, key: ScopeKey, operation: str, body_digest: str) -> Appended | None:
        """What `append` would say of an operation that was done before; None for a new one. CallerError as there."""
        ...

    async def read(self, key: ScopeKey, *, after: int = 0, limit: int = 1000) -> list[Record]: ...

    async def head(self, key: ScopeKey) -> int:
        """The offset of the newest record of the scope, 0 for none."""
        ...

    def follow(self, *, after: Position) -> AsyncIterator[list[Record]]:
        """Every record of every scope from then on, each shard in its order, in batches, from other processes too.

        An empty batch says that there is nothing more at the moment, in any shard; one comes at least each second while
        the log can be read. Goes on by itself after a failure that may pass; raises StateError for one that lasts, and
        `log_rewound` when the store has lost what was already seen (a failover): begin again from `position` and
        throw away what was folded.
        """
        ...

    async def position(self) -> Position:
        """Where a new follower may start so that it misses nothing appended after this call."""
        ...

    async def trimmed_to(self, key: ScopeKey) -> int:
        """Up to which offset retention may have removed records of the scope, 0 for none: from there on only a snapshot
        knows what they said."""
        ...

    async def save_snapshot(self, key: ScopeKey, offset: int, blob: bytes) -> None: ...

    async def load_snapshot(self, key: ScopeKey) -> tuple[int, bytes] | None: ...

    def record_decision(self, decision: Decision) -> bool:
        """Into a bounded buffer, never waits. False when it was full: counted, the receipt is lost to the store."""
        ...

    async def decision(self, decision_id: str) -> Decision | None: ...

    def health(self) -> Health: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...


class EvidenceStore(EvidenceLog, HeldTexts, AuditTrail, Retains, Protocol):
    """What an implementation is: the log, what is kept beside it, and the proof of both."""
