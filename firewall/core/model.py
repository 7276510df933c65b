"""The words of memfw as types: what a candidate is, and what is said about it.

Everything on the hot path is a frozen msgspec struct. Times are seconds since the epoch (UTC), as floats.
"""

import enum
from collections.abc import Mapping

import msgspec

from firewall.core.visibility import EVERYONE, Viewer


class Rank(enum.IntEnum):
    """Words in an order. They are keys of tables on the hot path: hashed as the numbers they are."""

    __hash__ = int.__hash__


class Word(enum.StrEnum):
    """Words without an order; hashed as the text they are, as `Rank` is."""

    __hash__ = str.__hash__


class Action(Rank):
    """What an agent may do with a memory, in order of severity: the most severe wins. `name` is the wire word."""

    use_now = 0
    inspect_before_use = 1
    rehydrate = 2
    do_not_use = 3


class Trust(Rank):
    """How far a source is trusted, lowest first; the lowest of all that speak about a candidate counts."""

    untrusted = 0
    unknown = 1
    known = 2
    trusted = 3


class Mode(Rank):
    """How strict the admission ladder is; the stricter of the request's and the policy's counts."""

    standard = 0
    strict = 1
    firewall = 2


class Surface(Word):
    """Through which door a candidate came: it decides what `inspect_before_use` means on the wire."""

    drop_in = "drop_in"
    govern = "govern"
    guide = "guide"
    write = "write"


class Lifecycle(Word):
    current = "current"
    procedure = "procedure"
    failed = "failed"
    stale = "stale"
    contested = "contested"
    suppressed = "suppressed"
    archived = "archived"
    unknown = "unknown"


class EvidenceRequirement(Word):
    none = "none"
    inspect_before_use = "inspect_before_use"
    rehydrate_before_use = "rehydrate_before_use"
    blocked = "blocked"


class AuthorityScope(Word):
    user = "user"
    project = "project"
    team = "team"
    org = "org"
    glob = "global"
    unknown = "unknown"


class Kind(Word):
    """What sort of memory it is; the policy's freshness table is keyed by it."""

    fact = "fact"
    preference = "preference"
    project_context = "project_context"
    procedure = "procedure"
    event = "event"
    evidence = "evidence"
    rule = "rule"
    execution_memory = "execution_memory"
    unknown = "unknown"


class Attestation(Word):
    """What the stamp on a record proves about its writer (never about its truth)."""

    verified = "verified"
    derived = "derived"
    unsigned = "unsigned"
    replayed = "replayed"
    forged = "forged"


class Family(Word):
    """The family of a finding. A surface decides by family what `inspect_before_use` means for its client."""

    scope = "scope"
    forged = "forged"
    content = "content"
    procedure_change = "procedure_change"
    lifecycle = "lifecycle"
    age = "age"
    contested = "contested"
    execution = "execution"
    standing = "standing"
    unlabelled = "unlabelled"
    duplicate = "duplicate"
    size = "size"
    held = "held"
    rule = "rule"
    error = "error"


class Claims(msgspec.Struct, frozen=True, gc=False):
    """What a record, or the caller of `govern`, says about itself. In drop-in traffic a claim can only lower."""

    trust: Trust | None = None
    authority_scope: AuthorityScope | None = None
    evidence: EvidenceRequirement | None = None
    lifecycle: Lifecycle | None = None


NO_CLAIMS = Claims()
NO_OWNER: Mapping[str, str] = {}


class Signed(msgspec.Struct, frozen=True, gc=False):
    """What a verified stamp says of the one who wrote: the principal, the trust that it had at most, and when."""

    principal: str
    role: str
    source_class: str
    trust: Trust
    at: float


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One memory that may reach an agent, normalised from any upstream.

    `owner` maps the upstream's identity keys (user_id, agent_id, app_id, run_id, namespace, group_id, tenant_id, scope)
    to the values that the *upstream* states for the row. `created_at`, `updated_at` are the upstream's own times;
    `claimed_at` is what metadata says, which never makes a memory newer. `attached` holds every other string of the
    row that reaches the agent with it (metadata values, categories): hostile text hides there too. `stamp` is the stamp
    on the row as it was found, `governed` what of the row's metadata it may bind (`core.stamp`); `attestation` and
    `signed` are what came of it.
    """

    id: str
    upstream: str
    text: str
    backend: str = ""
    kind: Kind = Kind.unknown
    title: str = ""
    owner: Mapping[str, str] = NO_OWNER
    created_at: float | None = None
    updated_at: float | None = None
    claimed_at: float | None = None
    expires_at: float | None = None
    invalid_at: float | None = None
    superseded_by: str | None = None
    claims: Claims = NO_CLAIMS
    writer: str = ""
    source_class: str = ""
    attestation: Attestation = Attestation.unsigned
    target_files: tuple[str, ...] = ()
    task_signature: str = ""
    evidence_refs: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    stamp: str = ""
    governed: bytes = b""
    signed: Signed | None = None


class Finding(msgspec.Struct, frozen=True, gc=False):
    """What a signal or rule concludes about one candidate.

    `reason` is a code of `core.reasons`, with its variable part after the first colon. `evidence` are facts (ids,
    offsets, names of patterns), never memory text. `show_text` says that the text is wrong but not hostile, so that it
    may be shown as counter-evidence; one finding that says no hides it.
    """

    family: Family
    action: Action
    reason: str
    confidence: float = 1.0
    evidence: tuple[str, ...] = ()
    rule: str = ""
    show_text: bool = False
    superseded_by: str = ""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The one decision about one candidate. `findings` are in the order of severity, then family, then reason.

    `admitted` is what the surface does with the action: it is true for some `inspect_before_use` in drop-in traffic.
    """

    action: Action
    admitted: bool
    trust: Trust = Trust.known
    findings: tuple[Finding, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple([finding.reason for finding in self.findings])

    @property
    def superseded_by(self) -> str:
        """The successor that the most severe finding names which names one."""
        for finding in self.findings:
            if finding.superseded_by:
                return finding.superseded_by
        return ""

    @property
    def shows_text(self) -> bool:
        weighty = [finding.show_text for finding in self.findings if finding.action]  # anything above use_now
        return bool(weighty) and all(weighty)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, through which door, for what. `pin` are the owner keys that every row must carry with that value.

    `mode` is already the stricter of the request's and the policy's. `by_id` is set when one item was asked for by its
    id, which is what rehydrates it. `ranked` is set for searches, where an exact duplicate is a pointer. `viewer` is whose execution evidence counts.
    `federated`: the answer is one of several upstreams, and a copy in another upstream is a copy too.
    """

    decision_id: str
    surface: Surface = Surface.drop_in
    mode: Mode = Mode.standard
    tenant: str = "default"
    scope: str = "default"
    principal: str = ""
    max_trust: Trust = Trust.trusted
    pin: Mapping[str, str] = NO_OWNER
    by_id: bool = False
    ranked: bool = False
    query: str = ""
    viewer: Viewer = EVERYONE
    federated: bool = False
