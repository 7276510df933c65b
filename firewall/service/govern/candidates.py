"""From the candidates of a govern request to candidates of the core: what each key of `metadata` means.

`authority` is the authenticated caller's claim. `metadata` comes from whoever wrote the memory, so it can only lower:
dates count as dates only where the source is trusted, and a date of expiry that cannot be read asks for inspection.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec

from firewall.core.compiled import CompiledPolicy
from firewall.core.model import (
    AuthorityScope,
    Candidate,
    Claims,
    Context,
    EvidenceRequirement,
    Kind,
    Lifecycle,
    Trust,
)
from firewall.core.prompt import TITLE_CHARS, one_line
from firewall.core.signals.provenance import trust_of
from firewall.service.govern.body import ExternalCandidate

Domain = Literal["execution", "general"]

_FILES = 32
_FILE_CHARS = 512
_PATH_TOKEN = re.compile(
    r"(?<![\w-])(?:src|app|lib|packages|tests?|scripts|docs|services|routes|components)/\S"
)
_KINDS = {kind.value: kind for kind in Kind}
_TRUSTS = {trust.name: trust for trust in Trust}
#: Labels of a row's own metadata that can only make it worse.
_ENDED = {
    label.value: label
    for label in (
        Lifecycle.failed,
        Lifecycle.stale,
        Lifecycle.contested,
        Lifecycle.suppressed,
        Lifecycle.archived,
    )
}
#: `scope` in a row's metadata often holds the reach of the authority, not the name of a project.
_REACHES = frozenset(reach.value for reach in AuthorityScope)
_NO_DATE = frozenset({"", "never", "none", "null", "n/a"})
#: Above this a number is in milliseconds: as seconds it would lie beyond the year 5000.
_MILLISECONDS = 1e11
_LATEST = 253_402_300_799.0


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate with what the caller said of it, as it said it. `place` is its index in the request."""

    candidate: Candidate
    place: int
    title: str
    domain: Domain
    trust: Trust
    scope: AuthorityScope
    evidence: EvidenceRequirement
    hint: Lifecycle


def describe(row: ExternalCandidate, place: int, context: Context, policy: CompiledPolicy) -> Described:
    """One candidate of the request, normalised."""
    metadata = row.metadata
    authority = row.authority
    trust = Trust[authority.source_trust]
    title = next((text for key in ("title", "name") if (text := _text(metadata.get(key)))), "")
    files = _files(metadata)
    domain = _domain(metadata, row, files)
    expires, expiry_unread = _end(metadata, "expires_at", "expiration_date", "valid_until")
    invalid, invalid_unread = _end(metadata, "invalid_at", "expired_at")
    created = _first_moment(metadata, "created_at", "timestamp")
    updated = _first_moment(metadata, "updated_at")
    candidate = Candidate(
        id=row.external_memory_id,
        upstream=row.source_backend,
        backend=row.source_backend,
        text=row.text,
        kind=_kind(metadata, row.lifecycle_hint, domain),
        title=title,
        owner=_owner(metadata, context),
        claimed_at=updated if updated is not None else created,
        expires_at=expires,
        invalid_at=invalid,
        superseded_by=_named(metadata, "superseded_by", "replaced_by"),
        claims=_claims(row, trust, metadata, unreadable=expiry_unread or invalid_unread),
        writer=_text(metadata.get("writer")),
        source_class=_text(metadata.get("source_class")),
        target_files=files,
        evidence_refs=tuple(row.evidence_refs),
        attached=tuple(_attached(row, title)),
    )
    if candidate.claimed_at is not None and trust_of(candidate, context, policy) is Trust.trusted:
        candidate = msgspec.structs.replace(
            candidate, created_at=created, updated_at=updated, claimed_at=None
        )
    return Described(
        candidate=candidate,
        place=place,
        title=one_line(title or row.text, TITLE_CHARS),
        domain=domain,
        trust=trust,
        scope=authority.scope,
        evidence=authority.evidence_requirement,
        hint=row.lifecycle_hint,
    )


def moment_of(value: object) -> float | None:
    """An ISO date or time (UTC where it names no zone), or seconds or milliseconds since the epoch; else None."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if (
        not abs(value) <= _LATEST * 1000.0
    ):  # an integer may be too large for a float; and nothing is below NaN
        return None
    seconds = float(value)
    if abs(seconds) > _MILLISECONDS:
        seconds /= 1000.0
    return seconds if abs(seconds) <= _LATEST else None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _first_moment(metadata: Mapping[str, object], *keys: str) -> float | None:
    return next((moment for key in keys if (moment := moment_of(metadata.get(key))) is not None), None)


def _end(metadata: Mapping[str, object], *keys: str) -> tuple[float | None, bool]:
    """The earliest date at which the row says that it ends, and whether one is stated that cannot be read."""
    moments: list[float] = []
    unreadable = False
    for key in keys:
        stated = metadata.get(key)
        if stated is None or (isinstance(stated, str) and stated.strip().lower() in _NO_DATE):
            continue
        moment = moment_of(stated)
        if moment is None:
            unreadable = True
        else:
            moments.append(moment)
    return min(moments, default=None), unreadable


def _claims(
    row: ExternalCandidate, trust: Trust, metadata: Mapping[str, object], *, unreadable: bool
) -> Claims:
    authority = row.authority
    evidence = authority.evidence_requirement
    if unreadable and evidence is EvidenceRequirement.none:
        evidence = EvidenceRequirement.inspect_before_use
    label = row.lifecycle_hint
    if label in {Lifecycle.current, Lifecycle.procedure, Lifecycle.unknown}:
        label = _ENDED.get(_text(metadata.get("lifecycle_state")), label)
    stated = _TRUSTS.get(_text(metadata.get("authority_source_trust") or metadata.get("source_trust")))
    return Claims(
        trust=trust if stated is None else min(trust, stated),
        authority_scope=authority.scope,
        evidence=evidence,
        lifecycle=label,
    )


def _files(metadata: Mapping[str, object]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for key in ("target_files", "files", "paths"):
        stated = metadata.get(key)
        names = stated if isinstance(stated, list) else [stated]
        for name in names:
            path = one_line(name, _FILE_CHARS) if isinstance(name, str) else ""
            if path and len(found) < _FILES:
                found[path] = None
    return tuple(found)


def _domain(metadata: Mapping[str, object], row: ExternalCandidate, files: tuple[str, ...]) -> Domain:
    match metadata.get("domain"):
        case "execution":
            return "execution"
        case "general":
            return "general"
        case _:
            routed = files or row.lifecycle_hint is Lifecycle.procedure or _PATH_TOKEN.search(row.text)
            return "execution" if routed else "general"


def _kind(metadata: Mapping[str, object], hint: Lifecycle, domain: Domain) -> Kind:
    stated = metadata.get("memory_type")
    if isinstance(stated, str) and stated in _KINDS:
        return _KINDS[stated]
    if hint is Lifecycle.procedure:
        return Kind.procedure
    return Kind.execution_memory if domain == "execution" else Kind.unknown


def _owner(metadata: Mapping[str, object], context: Context) -> Mapping[str, str]:
    """Whose row it says it is. Of two keys for one thing the one that names somebody else counts."""
    owner: dict[str, str] = {}
    for name, wanted, keys in (
        ("tenant_id", context.tenant, ("tenant_id", "tenant")),
        ("scope", context.scope, ("scope", "project_scope")),
    ):
        for key in keys:
            stated = metadata.get(key)
            if stated is None or stated == "":
                continue
            value = _owner_name(stated)
            if key == "scope" and value in _REACHES:
                continue
            if name not in owner or value != wanted:
                owner[name] = value
    return owner


def _owner_name(stated: object) -> str:
    """What is no name is nobody's: it matches no tenant and no scope."""
    if isinstance(stated, str):
        return stated.strip()
    return str(stated) if isinstance(stated, int) and abs(stated) < _MILLISECONDS else "\x00"


def _named(metadata: Mapping[str, object], *keys: str) -> str | None:
    """The successor that a row names; one that is stated without a usable name still counts."""
    for key in keys:
        stated = metadata.get(key)
        if stated:
            return one_line(stated, _FILE_CHARS) if isinstance(stated, str) else "unnamed"
    return None


def _attached(row: ExternalCandidate, title: str) -> Iterator[str]:
    """Every other string that comes with the row: hostile text hides there too."""
    waiting: list[object] = [row.metadata]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and value and value.strip() != title:
            yield value
    for name in (row.external_memory_id, *row.evidence_refs):
        # A name with spaces in it is a sentence; forged headers in it are made harmless by the prompt's own rendering.
        if not name.isprintable() or " " in name:
            yield one_line(name, _FILE_CHARS)
