"""What a policy rule can see of a candidate: the vocabulary of the expression language.

A rule reads `candidate.kind == "fact" and trust < trusted`. Every name here is a public promise to operators and is
documented in `policies/README.md`, which a test holds against this file.
"""

import msgspec

from firewall.core.model import Candidate


class Facts(msgspec.Struct, frozen=True, gc=False):
    """One candidate with what the signals made of it. Built only when a policy has rules.

    `action`, `trust`, `mode` are ordered numbers (see `CONSTANTS`), so that `trust < trusted` reads as it means.
    `age_days` is None where the upstream states no time; a comparison with None is false.
    """

    candidate: Candidate
    action: int
    trust: int
    mode: int
    surface: str
    attestation: str
    lifecycle: str
    age_days: float | None
    families: frozenset[str]
    reasons: frozenset[str]
    tenant: str
    scope: str
    query: str


#: Attributes of `candidate` that a rule may read. `owner` is read by key: `candidate.owner.user_id`.
CANDIDATE_ATTRIBUTES = (
    "id",
    "upstream",
    "backend",
    "kind",
    "title",
    "text",
    "writer",
    "source_class",
    "target_files",
    "task_signature",
    "evidence_refs",
    "owner",
    "superseded_by",
)

#: Bare words of the language besides the fields of `Facts`: the ordered words as numbers.
CONSTANTS: dict[str, int] = {
    "use_now": 0,
    "inspect_before_use": 1,
    "rehydrate": 2,
    "do_not_use": 3,
    "untrusted": 0,
    "unknown": 1,
    "known": 2,
    "trusted": 3,
    "standard": 0,
    "strict": 1,
    "firewall": 2,
}
