"""Who may settle a held item: a table from the head of every reason code to its tier.

`operational` is housekeeping: what is old, unlabelled, contested or overtaken by events may leave the queue by itself after
a time, if the operator says so; that never admits anything. `person` touches authority, identity, money, credentials,
procedures or carries instructions, and waits for a reviewer. A reason that is in no table waits for one too.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from firewall.core.reasons import head

Tier = Literal["operational", "person"]
TIERS: tuple[Tier, ...] = get_args(Tier)

_OPERATIONAL = (
    "contradiction",
    "duplicate_id",
    "duplicate_of",
    "evidence",
    "execution",
    "expired",
    "invalidated",
    "label",
    "released",
    "superseded_by",
    "text_signal",
    "too_large",
    "too_old",
    "unlabelled",
)
_PERSON = (
    "adjudication_error",
    "authority_scope",
    "closed_loop",
    "exfiltration",
    "forged",
    "injection",
    "ledger",
    "markup",
    "obfuscation",
    "pii",
    "policy",
    "procedure_change",
    "replayed",
    "scope_mismatch",
    "secret",
    "tenant_mismatch",
    "trust",
    "trust_capped",
)

TIER_OF: Mapping[str, Tier] = {
    **dict.fromkeys(_OPERATIONAL, "operational"),
    **dict.fromkeys(_PERSON, "person"),
}

#: Of the families that no reviewer can release (`core.signals.ledger`): whose memory it is, and that its stamp is false.
NEVER_RELEASED = frozenset(
    {"adjudication_error", "forged", "replayed", "scope_mismatch", "tenant_mismatch", "ledger", "released"}
)


def tier_of(reasons: Iterable[str]) -> Tier:
    """The tier of an item: one reason that wants a person is enough, and so is having none."""
    tiers = {TIER_OF.get(head(reason), "person") for reason in reasons}
    return "operational" if tiers == {"operational"} else "person"


def releasable(name: str) -> bool:
    """Whether a release may name this finding, whole or by its head."""
    return head(name) not in NEVER_RELEASED
