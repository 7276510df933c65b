"""Held items as they are shown: facts and digests, and the text to reviewers alone."""

import msgspec

from firewall.core.quarantine import Decided, HeldItem, HeldWrite, TextKey
from firewall.core.tiers import Tier, releasable
from firewall.service.moments import iso


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`by` is `memfw` where time decided."""

    by: str
    at: str
    note: str = ""
    findings: tuple[str, ...] = ()
    until: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A held text (`memory_id`) or a held write (`route`). `releasable` are the reasons that a release may name."""

    id: str
    kind: str
    status: str
    tier: Tier
    upstream: str
    digest: str
    reasons: tuple[str, ...]
    first_seen: str
    last_seen: str
    count: int
    memory_id: str | None = None
    surface: str | None = None
    releasable: tuple[str, ...] = ()
    route: str | None = None
    attempts: int = 0
    upstream_status: int = 0
    writer: str = ""
    decision: DecisionRow | None = None


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """The request of a held write, without its headers. `body` is text as it came, with what is no UTF-8 replaced."""

    method: str
    path: str
    query: str
    body: str
    pin: dict[str, str]


def text_row(key: TextKey, item: HeldItem, now: float, *, inside: bool) -> Row:
    """`inside` shows who wrote and who decided."""
    return Row(
        id=item.id,
        kind="text",
        status=item.status_at(now),
        tier=item.tier,
        upstream=key[0],
        memory_id=key[1],
        digest=key[2],
        reasons=item.reasons,
        surface=item.surface,
        first_seen=iso(item.first_seen),
        last_seen=iso(item.last_seen),
        count=item.count,
        releasable=tuple(reason for reason in item.reasons if releasable(reason)),
        writer=item.writer if inside else "",
        decision=_decision(item.decided) if inside else None,
    )


def write_row(write: HeldWrite, *, inside: bool) -> Row:
    return Row(
        id=write.id,
        kind="write",
        status=write.status,
        tier=write.tier,
        upstream=write.upstream,
        route=write.route,
        digest=write.digest,
        reasons=write.reasons,
        first_seen=iso(write.first_seen),
        last_seen=iso(write.last_seen),
        count=write.count,
        attempts=write.attempts,
        upstream_status=write.upstream_status,
        writer=write.writer if inside else "",
        decision=_decision(write.decided) if inside else None,
    )


def _decision(decided: Decided | None) -> DecisionRow | None:
    if decided is None:
        return None
    return DecisionRow(
        by=decided.by or "memfw",
        at=iso(decided.at),
        note=decided.note,
        findings=decided.findings,
        until=None if decided.until is None else iso(decided.until),
    )
