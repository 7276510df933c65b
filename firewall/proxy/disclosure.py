"""What the caller is told: the `firewall` object and the `Memfw-*` headers, as views of one receipt.

Text of a withheld memory is shown only where it is wrong but not hostile; ids and texts go through a JSON encoder, so
that nothing in them can leave its string.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from firewall.core.model import Action, Candidate, Verdict
from firewall.core.receipt import Counts, Receipt
from firewall.ports import Headers

#: Only there while the projection is not current.
STALENESS = "Memfw-Staleness"
_TEXT_CHARS = 2_000

# Looked up once: an enum finds its members by a Python call.
_USE_NOW = Action.use_now


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
    staleness_seconds: float | UnsetType = UNSET
    active_path: tuple[str, ...] = ()


encoded: Callable[[FirewallObject], bytes] = msgspec.json.Encoder().encode


def firewall_object(
    receipt: Receipt,
    named: Sequence[tuple[Candidate, Verdict]],
    *,
    active_path: tuple[str, ...] = (),
) -> FirewallObject:
    """`named` are the candidates of the receipt's entries, in their order; what comes behind them was not considered."""
    postures: dict[str, str] = {}
    withheld: list[Withheld] = []
    for entry, (candidate, verdict) in zip(receipt.entries, named, strict=False):
        if entry.admitted and not receipt.shadow:
            if verdict.action is not _USE_NOW:
                postures[entry.id] = entry.action
        elif receipt.degraded or not verdict.admitted:
            withheld.append(
                Withheld(
                    id=entry.id,
                    action=entry.action,
                    reasons=entry.reasons,
                    rule=entry.rule,
                    evidence=entry.evidence,
                    superseded_by=entry.superseded_by,
                    text=candidate.text[:_TEXT_CHARS]
                    if verdict.findings[0].show_text and verdict.shows_text
                    else "",
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
        staleness_seconds=receipt.staleness_seconds or UNSET,
        active_path=active_path,
    )


def headers_of(receipt: Receipt) -> Headers:
    headers = (
        ("Memfw-Decision-Id", receipt.decision_id),
        ("Memfw-Policy", receipt.policy),
        ("Memfw-Mode", f"{receipt.mode}; shadow" if receipt.shadow else receipt.mode),
        ("Memfw-Admitted", str(receipt.counts.admitted)),
        ("Memfw-Withheld", str(receipt.counts.withheld)),
    )
    if not receipt.staleness_seconds:
        return headers
    return (*headers, (STALENESS, str(receipt.staleness_seconds)))
