"""What the caller is told: the `firewall` object and the `Memfw-*` headers, as views of one receipt.

Text of a withheld memory is shown only where it is wrong but not hostile; ids and texts go through a JSON encoder, so
that nothing in them can leave its string.
"""

from collections.abc import Sequence

import msgspec

from firewall.core.adjudicate import Adjudication
from firewall.core.model import Action, Candidate
from firewall.core.receipt import Counts, Receipt
from firewall.ports import Headers

_TEXT_CHARS = 2_000
_encoder = msgspec.json.Encoder()

# Looked up once: an enum finds its members, and a member its name, by a Python call.
_USE_NOW = Action.use_now
_NAMES = tuple(action.name for action in Action)


class Withheld(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One memory that was not passed on, with the reason; `text` where it may serve as counter-evidence."""

    id: str
    action: str
    reasons: tuple[str, ...]
    rule: str = ""
    evidence: tuple[str, ...] = ()
    superseded_by: str = ""
    text: str = ""


class FirewallObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The top-level `firewall` object of an answer."""

    decision_id: str
    policy: str
    mode: str
    counts: Counts
    postures: dict[str, str]
    withheld: tuple[Withheld, ...]
    shadow: bool = False
    degraded: str = ""
    active_path: tuple[str, ...] = ()


def firewall_object(
    receipt: Receipt,
    candidates: Sequence[Candidate],
    adjudication: Adjudication,
    delivered: Sequence[bool],
    considered: int,
    *,
    active_path: tuple[str, ...] = (),
) -> FirewallObject:
    """`delivered` and `considered` as for the receipt."""
    postures: dict[str, str] = {}
    withheld: list[Withheld] = []
    for index, verdict in enumerate(adjudication.verdicts[:considered]):
        if delivered[index] and not receipt.shadow:
            if verdict.action is not _USE_NOW:
                postures[candidates[index].id] = _NAMES[verdict.action]
            continue
        if verdict.admitted and not receipt.degraded:
            continue
        candidate = candidates[index]
        decisive = verdict.findings[0] if verdict.findings else None
        withheld.append(
            Withheld(
                id=candidate.id,
                action=_NAMES[verdict.action],
                reasons=verdict.reasons,
                rule=decisive.rule if decisive else "",
                evidence=decisive.evidence if decisive else (),
                superseded_by=verdict.superseded_by,
                text=candidate.text[:_TEXT_CHARS] if verdict.shows_text else "",
            )
        )
    return FirewallObject(
        decision_id=receipt.decision_id,
        policy=receipt.policy,
        mode=receipt.mode,
        counts=receipt.counts,
        postures=postures,
        withheld=tuple(withheld),
        shadow=receipt.shadow,
        degraded=receipt.degraded,
        active_path=active_path,
    )


def encoded(disclosed: FirewallObject) -> bytes:
    return _encoder.encode(disclosed)


def headers_of(receipt: Receipt) -> Headers:
    return (
        ("Memfw-Decision-Id", receipt.decision_id),
        ("Memfw-Policy", receipt.policy),
        ("Memfw-Mode", f"{receipt.mode}; shadow" if receipt.shadow else receipt.mode),
        ("Memfw-Admitted", str(receipt.counts.admitted)),
        ("Memfw-Withheld", str(receipt.counts.withheld)),
    )
