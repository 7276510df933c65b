"""The events of the evidence log: the only durable truth. Append-only, one total order for each (tenant, scope).

A tagged union, so that a reader meets exactly the kinds that it knows: a record of a newer format is refused by its
version, not half understood. Execution memory's are in `core.evidence`; the transitions of all in `core.state`.
"""

import hashlib
from typing import Literal

import msgspec

from firewall.core.evidence import (
    Exposed,
    FeedbackGiven,
    Measured,
    Observed,
    SkillReviewed,
    SkillsQueued,
    Tended,
    ToolFeedbackGiven,
)
from firewall.core.memo import Memo

#: Written into every record. A reader refuses a higher one.
FORMAT = 1


class Held(msgspec.Struct, frozen=True, tag="held", kw_only=True):
    """Quarantine entry: an item was withheld for a reason that a person may want to review.

    Aggregated: one event for each new (upstream, memory id, digest); later sightings come as `HeldAgain` in bulk.
    `writer` is the principal that is proven to have written it, if any is.
    """

    upstream: str
    memory_id: str
    digest: str
    reasons: tuple[str, ...]
    surface: str
    at: float
    writer: str = ""


class HeldAgain(msgspec.Struct, frozen=True, tag="held_again", kw_only=True):
    """How often a held item was met since the last such event."""

    upstream: str
    memory_id: str
    digest: str
    count: int
    at: float


class Reviewed(msgspec.Struct, frozen=True, tag="reviewed", kw_only=True):
    """A reviewer's decision, bound to the text's digest. A release removes exactly the findings that it names.

    `findings` are reason codes up to the first colon or whole; never of the families scope and forged. `until` is the
    epoch second at which a release ends, None for no end.
    """

    upstream: str
    memory_id: str
    digest: str
    decision: Literal["release", "confirm", "suppress", "forget"]
    findings: tuple[str, ...] = ()
    until: float | None = None
    reviewer: str
    note: str = ""
    at: float


class HeldExpired(msgspec.Struct, frozen=True, tag="held_expired", kw_only=True):
    """A held text left the queue undecided; another sighting holds it again. `reviewer` is empty where time did it."""

    upstream: str
    memory_id: str
    digest: str
    reviewer: str = ""
    note: str = ""
    at: float


class WriteHeld(msgspec.Struct, frozen=True, tag="write_held", kw_only=True):
    """A write was kept instead of sent. The request itself is kept apart, concealed; `digest` is that of its bytes,
    `texts` are those of the texts that it would have stored."""

    hold_id: str
    upstream: str
    route: str
    principal: str
    digest: str
    texts: tuple[str, ...] = ()
    reasons: tuple[str, ...]
    at: float


class WriteMoved(msgspec.Struct, frozen=True, tag="write_moved", kw_only=True):
    """A held write got on: `releasing` before it is sent, then `sent` or `failed` with the status of the upstream."""

    hold_id: str
    to: Literal["releasing", "sent", "failed", "confirmed", "expired"]
    reviewer: str
    note: str = ""
    answered: int = 0
    at: float


class BulkBegun(msgspec.Struct, frozen=True, tag="bulk_begun", kw_only=True):
    """A review of many items at once, before its first decision. `operation` is the reviewer's and its operation id,
    `digest` that of what was asked; `upto` is the offset up to which items belong to it."""

    operation: str
    decision: Literal["release", "confirm", "expire"]
    digest: str
    expected: int
    upto: int
    reviewer: str
    note: str = ""
    at: float


class Erased(msgspec.Struct, frozen=True, tag="erased", kw_only=True):
    """A tombstone: the held texts of these items were erased, by whom and why. The chain only ever had their digests."""

    ids: tuple[str, ...]
    digests: tuple[str, ...] = ()
    upstream: str = ""
    memory_id: str = ""
    by: str
    why: str
    at: float


class Stamped(msgspec.Struct, frozen=True, tag="stamped", kw_only=True):
    """The upstream said which record a stamp of ours went to. `digest` is that of the stamped text (`core.stamp`)."""

    upstream: str
    memory_id: str
    stamp_id: str
    digest: str
    at: float


class StandingGiven(msgspec.Struct, frozen=True, tag="standing", kw_only=True):
    """Feedback on one memory: what it did for the one who used it. `strength` strong demotes by itself."""

    upstream: str
    memory_id: str
    outcome: Literal["helped", "harmed", "withdrawn"]
    strength: Literal["weak", "strong"]
    principal: str
    at: float


class PolicyActivated(msgspec.Struct, frozen=True, tag="policy_activated", kw_only=True):
    name: str
    revision: str
    at: float


Event = (
    Held
    | HeldAgain
    | Reviewed
    | HeldExpired
    | WriteHeld
    | WriteMoved
    | BulkBegun
    | Erased
    | Stamped
    | StandingGiven
    | PolicyActivated
    | Observed
    | Tended
    | Exposed
    | FeedbackGiven
    | ToolFeedbackGiven
    | Measured
    | SkillsQueued
    | SkillReviewed
)


class ScopeKey(msgspec.Struct, frozen=True, order=True):
    """The isolation boundary of the log: one total order for each."""

    tenant: str = "default"
    scope: str = "default"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the log holds it. `offset` grows within a scope; `event_id` makes an append idempotent."""

    key: ScopeKey
    offset: int
    event_id: str
    event: Event


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


#: The digest that binds reviews and quarantine to one exact text: sha256 of its UTF-8, hex, first 32 digits. Remembered,
#: because what is withheld once is met again in most answers of its scope.
text_digest = Memo(_digest, entries=4_096, size=2 << 20)
