"""Every reason code, with one sentence: docs, metric labels and the console come from this one table.

A code is a head, or `head:tail`. The tail is an id, a number or one of a small set of names; where it is one of a
small set it may be a metric label (`bounded`), else the label is the head alone.
"""

import msgspec

from firewall.core.memo import Memo


class ReasonCode(msgspec.Struct, frozen=True):
    head: str
    sentence: str
    bounded: bool = False


REASONS: tuple[ReasonCode, ...] = (
    ReasonCode("adjudication_error", "A signal failed on this candidate; it is kept out."),
    ReasonCode(
        "authority_scope", "The caller's claimed authority scope is not one that may act here.", bounded=True
    ),
    ReasonCode("closed_loop", "Feedback says that this memory did harm.", bounded=True),
    ReasonCode("contradiction", "Another memory of the same answer says otherwise (relation, other id)."),
    ReasonCode("duplicate_id", "The same id came with differing texts; each was judged alone."),
    ReasonCode("duplicate_of", "The same text is already admitted under the id that is named."),
    ReasonCode("evidence", "The record itself asks to be inspected, rehydrated or blocked.", bounded=True),
    ReasonCode(
        "execution", "It matches a route whose execution state is known (recommends, reports).", bounded=True
    ),
    ReasonCode("exfiltration", "The text sends secrets or user data to the outside.", bounded=True),
    ReasonCode("expired", "Its expiration date has passed."),
    ReasonCode("forged", "Its stamp does not verify, or belongs to another record."),
    ReasonCode("injection", "The text gives the agent instructions of its own.", bounded=True),
    ReasonCode("invalidated", "The upstream says that it stopped being true."),
    ReasonCode(
        "label", "Its lifecycle label says so (failed, stale, contested, suppressed, archived).", bounded=True
    ),
    ReasonCode("ledger", "A reviewer held, suppressed or forgot it.", bounded=True),
    ReasonCode("markup", "The text imitates prompt or chat structure.", bounded=True),
    ReasonCode("obfuscation", "The text hides characters or an encoded payload.", bounded=True),
    ReasonCode("pii", "Personal data; counted, and withheld only where a policy says so.", bounded=True),
    ReasonCode("policy", "A rule of the policy, by its id."),
    ReasonCode(
        "procedure_change", "From outside, it changes a procedure, payee, tool or approval.", bounded=True
    ),
    ReasonCode("released", "A reviewer released this text from the finding that is named."),
    ReasonCode("replayed", "The stamp of another record stands on it."),
    ReasonCode("scope_mismatch", "It belongs to another user, agent, run, project or namespace."),
    ReasonCode("secret", "The text carries a credential.", bounded=True),
    ReasonCode("superseded_by", "The upstream names the record that replaced it."),
    ReasonCode("tenant_mismatch", "It belongs to another tenant."),
    ReasonCode("text_signal", "The text says that a route failed, is stale or is contested.", bounded=True),
    ReasonCode("too_large", "It is too large for a prompt; ask for it by its id."),
    ReasonCode("too_old", "It is older than the policy allows for its kind.", bounded=True),
    ReasonCode("trust", "Its source is not trusted enough for the mode.", bounded=True),
    ReasonCode(
        "trust_capped", "The claimed trust was lowered to what the policy gives the source.", bounded=True
    ),
    ReasonCode("unlabelled", "The mode wants a lifecycle label that says current or procedure."),
)

_BOUNDED = {code.head: code.bounded for code in REASONS}


def head(reason: str) -> str:
    return reason.partition(":")[0]


def _label(reason: str) -> str:
    name, _, tail = reason.partition(":")
    if not _BOUNDED.get(name, False):
        return name if name in _BOUNDED else "other"
    return f"{name}:{tail.partition(':')[0]}" if tail else name


#: The reason as a label value from a bounded set: two parts at most, ids never. Remembered, because reasons repeat.
metric_label = Memo(_label, entries=1_024).of
