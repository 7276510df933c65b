"""The answer of `POST /v1/recall`, as a view of its receipt. Ids are an upstream's own, so each stands beside its name."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from firewall.core.model import Candidate, Verdict
from firewall.core.receipt import Counts, Receipt

_TEXT_CHARS = 2_000


class Remembered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One admitted memory. `posture` is the action that it was admitted with."""

    upstream: str
    id: str
    text: str
    posture: str
    title: str = ""
    reasons: tuple[str, ...] = ()
    updated_at: float | None = None


class WithheldHere(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One memory that was not passed on, with the reason; `text` where it may serve as counter-evidence."""

    upstream: str
    id: str
    action: str
    reasons: tuple[str, ...]
    rule: str = ""
    evidence: tuple[str, ...] = ()
    superseded_by: str = ""
    text: str = ""


class RecallFirewall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    decision_id: str
    policy: str
    mode: str
    counts: Counts
    withheld: tuple[WithheldHere, ...]
    shadow: bool = False
    degraded: str = ""
    staleness_seconds: float | UnsetType = UNSET
    active_path: tuple[str, ...] = ()


class DegradedUpstream(msgspec.Struct, frozen=True, kw_only=True):
    """One that gave nothing, and the code of why."""

    upstream: str
    code: str


class RecallAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`asked` are the upstreams in their order; `rows_dropped` counts rows that were too many to be looked at."""

    tenant_id: str
    scope: str
    results: tuple[Remembered, ...]
    asked: tuple[str, ...]
    degraded_upstreams: tuple[DegradedUpstream, ...]
    rows_dropped: int
    firewall: RecallFirewall


def remembered(
    candidates: Sequence[Candidate], verdicts: Sequence[Verdict], delivered: Sequence[bool]
) -> tuple[Remembered, ...]:
    """What goes to the caller."""
    return tuple(
        Remembered(
            upstream=candidate.upstream,
            id=candidate.id,
            text=candidate.text,
            posture=verdict.action.name,
            title=candidate.title,
            reasons=verdict.reasons,
            updated_at=candidate.updated_at,
        )
        for candidate, verdict, goes in zip(candidates, verdicts, delivered, strict=True)
        if goes
    )


def told(
    receipt: Receipt, named: Sequence[tuple[Candidate, Verdict]], active_path: tuple[str, ...]
) -> RecallFirewall:
    """`named` are the candidates of the receipt's entries, in their order; what comes behind them was not considered."""
    withheld = tuple(
        WithheldHere(
            upstream=entry.upstream,
            id=entry.id,
            action=entry.action,
            reasons=entry.reasons,
            rule=entry.rule,
            evidence=entry.evidence,
            superseded_by=entry.superseded_by,
            text=candidate.text[:_TEXT_CHARS] if verdict.shows_text else "",
        )
        for entry, (candidate, verdict) in zip(receipt.entries, named, strict=False)
        if receipt.degraded or not verdict.admitted
    )
    return RecallFirewall(
        decision_id=receipt.decision_id,
        policy=receipt.policy,
        mode=receipt.mode,
        counts=receipt.counts,
        withheld=withheld,
        shadow=receipt.shadow,
        degraded=receipt.degraded,
        staleness_seconds=receipt.staleness_seconds or UNSET,
        active_path=active_path,
    )


def degraded(codes: Mapping[str, str]) -> tuple[DegradedUpstream, ...]:
    """Each with its code."""
    return tuple(DegradedUpstream(upstream=name, code=code) for name, code in codes.items())
