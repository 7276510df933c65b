"""The receipt: one value that says what was decided and why, verifiable afterwards.

Headers, metrics, logs, the `firewall` object and the audit chain are views of it. It holds facts and digests, never
memory text: an entry for each candidate that is not plain `use_now`, and for the rest a count and one digest.
"""

import hashlib
from collections.abc import Sequence
from itertools import compress

import msgspec

from firewall.core.adjudicate import Adjudication
from firewall.core.compiled import CompiledPolicy
from firewall.core.events import text_digest
from firewall.core.model import Action, Candidate, Context, Mode, Surface, Verdict

# Looked up once: a memo is called, and an enum finds the name of a member, by a Python call.
_digest_of = text_digest.of
# For more at once hashlib gives up the interpreter's lock, and to get it back costs more than the hash.
_PIECE = 2_047
_NAMES = tuple(action.name for action in Action)
_MODES = tuple(mode.name for mode in Mode)
_SURFACES = {surface: surface.value for surface in Surface}


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One candidate that is not plain `use_now`."""

    id: str
    upstream: str
    action: str
    admitted: bool
    reasons: tuple[str, ...]
    rule: str = ""
    evidence: tuple[str, ...] = ()
    superseded_by: str = ""
    digest: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """`considered` are all candidates; `surplus` were read only to fill the answer and are neither of the others."""

    considered: int
    admitted: int
    withheld: int
    surplus: int = 0
    use_now: int = 0
    inspect_before_use: int = 0
    rehydrate: int = 0
    do_not_use: int = 0


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is in seconds since the epoch; `offset` is that of the projection that was used, and `staleness_seconds` how
    far it may have been behind the log: 0 while it was current."""

    format: int = 1
    decision_id: str
    at: float
    tenant: str
    scope: str
    principal: str
    surface: str
    upstream: str
    route: str
    mode: str
    policy: str
    shadow: bool
    offset: int
    counts: Counts
    entries: tuple[Entry, ...]
    plain_digest: str
    degraded: str = ""
    shadow_rules: dict[str, int] = {}
    staleness_seconds: float = 0.0


def receipt_of(
    candidates: Sequence[Candidate],
    adjudication: Adjudication,
    context: Context,
    policy: CompiledPolicy,
    *,
    now: float,
    offset: int,
    upstream: str,
    route: str,
    delivered: Sequence[bool] | None = None,
    considered: int | None = None,
    degraded: str = "",
    staleness: float = 0.0,
) -> Receipt:
    """`delivered[i]` is what really goes to the caller; only the first `considered` candidates count as withheld."""
    verdicts = adjudication.verdicts
    cut = len(verdicts) if considered is None else considered
    goes = [verdict.admitted for verdict in verdicts] if delivered is None else delivered
    marked = adjudication.marked
    if cut < len(verdicts):
        candidates, goes, marked = candidates[:cut], goes[:cut], [index for index in marked if index < cut]
    actions = [0, 0, 0, 0]
    entries: list[Entry] = []
    # Candidates that are alike share a verdict, and what it says is read out of it once.
    told: dict[int, tuple[tuple[str, ...], str]] = {}
    for index in marked:
        verdict = verdicts[index]
        actions[verdict.action] += 1
        said = told.get(id(verdict))
        if said is None:
            said = told[id(verdict)] = (verdict.reasons, verdict.superseded_by)
        entries.append(_entry(candidates[index], verdict, said, admitted=goes[index]))
    is_plain = [True] * len(candidates)
    for index in marked:
        is_plain[index] = False
    plain = sorted([candidate.id for candidate in compress(candidates, is_plain)])
    admitted = sum(goes)
    use_now, inspect_before_use, rehydrate, do_not_use = actions
    return Receipt(
        decision_id=context.decision_id,
        at=now,
        tenant=context.tenant,
        scope=context.scope,
        principal=context.principal,
        surface=_SURFACES[context.surface],
        upstream=upstream,
        route=route,
        mode=_MODES[context.mode],
        policy=policy.label,
        shadow=policy.shadow,
        offset=offset,
        counts=Counts(
            considered=len(verdicts),
            admitted=admitted,
            withheld=cut - admitted,
            surplus=len(verdicts) - cut,
            use_now=use_now + len(plain),
            inspect_before_use=inspect_before_use,
            rehydrate=rehydrate,
            do_not_use=do_not_use,
        ),
        entries=tuple(entries),
        plain_digest=_digest_of_all(plain),
        degraded=degraded,
        shadow_rules=dict(adjudication.shadow_rules),
        staleness_seconds=staleness,
    )


def _digest_of_all(names: Sequence[str]) -> str:
    joined = "\n".join(names).encode("utf-8", "surrogatepass")
    if len(joined) <= _PIECE:
        return hashlib.sha256(joined).hexdigest()[:32]
    digest = hashlib.sha256()
    for start in range(0, len(joined), _PIECE):
        digest.update(joined[start : start + _PIECE])
    return digest.hexdigest()[:32]


def _entry(
    candidate: Candidate, verdict: Verdict, said: tuple[tuple[str, ...], str], *, admitted: bool
) -> Entry:
    decisive = verdict.findings[0]
    reasons, superseded_by = said
    return Entry(
        id=candidate.id,
        upstream=candidate.upstream,
        action=_NAMES[verdict.action],
        admitted=admitted,
        reasons=reasons,
        rule=decisive.rule,
        evidence=decisive.evidence,
        superseded_by=superseded_by,
        digest=_digest_of(candidate.text),
    )
