"""From a row of somebody else's memory to a candidate of `POST /v1/memory/govern`.

What the host claims of a source (`Mapper`) counts up to what its key and the policy allow. What a row claims of itself was
written by whoever wrote the memory: it can only lower. So of several claims the worst counts, a claim that cannot be read
counts as the most careful one, and a row that has an id of its own cannot take another's.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import msgspec

from firewall.client.errors import MemfwError
from firewall.client.fnv import fnv1a_32
from firewall.client.shapes import Json, record, strings, text

#: Each from the claim that helps a memory least to the one that helps it most.
Trust = Literal["untrusted", "unknown", "known", "trusted"]
Reach = Literal["unknown", "user", "project", "team", "org", "global"]
Requirement = Literal["blocked", "rehydrate_before_use", "inspect_before_use", "none"]
Hint = Literal["suppressed", "archived", "failed", "stale", "contested", "unknown", "procedure", "current"]
TRUSTS: tuple[str, ...] = get_args(Trust)
REACHES: tuple[str, ...] = get_args(Reach)
EVIDENCE: tuple[str, ...] = get_args(Requirement)
HINTS: tuple[str, ...] = get_args(Hint)

_MOST_REFS = 256
_REF_CHARS = 1024


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """What the host claims of every row of a source."""

    source_trust: Trust = "unknown"
    scope: Reach = "unknown"
    evidence_requirement: Requirement = "inspect_before_use"


class Mapper(msgspec.Struct, frozen=True, kw_only=True):
    """How rows of one source are described. Ids get `id_prefix` (the backend's name, if there is none) before them."""

    source_backend: str
    id_prefix: str = ""
    default_authority: Authority = Authority()
    default_lifecycle_hint: Hint = "unknown"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row as its source tells it. `claims` is what stands in it by whoever wrote it; `facts` are the source's own word
    and are laid over the claims. `inspect` asks for inspection whatever the host claims."""

    text: str
    id: str
    claims: Json
    facts: Json
    inspect: bool = False


def candidate_of(row: Row, place: int, mapper: Mapper) -> dict[str, object]:
    """The candidate; `place` counts from 1 and names a row that has no id."""
    claims, default = row.claims, mapper.default_authority
    nested = record(claims.get("authority"))
    refs = [*_list(claims, "evidence_refs"), *_claimed_ids(row)]
    files = _list(claims, "target_files")
    evidence = _least(
        EVIDENCE,
        default.evidence_requirement,
        _said(claims, nested, "authority_evidence_requirement", "evidence_requirement"),
        "inspect_before_use",
    )
    if row.inspect:
        evidence = min(evidence, "inspect_before_use", key=EVIDENCE.index)
    return {
        "external_memory_id": _id(row, place, mapper),
        "source_backend": mapper.source_backend,
        "text": row.text,
        "metadata": {**claims, **({"target_files": files} if files else {}), **row.facts},
        "authority": {
            "source_trust": _least(
                TRUSTS,
                default.source_trust,
                _said(claims, nested, "authority_source_trust", "source_trust"),
                "untrusted",
            ),
            "scope": _least(REACHES, default.scope, _reaches(claims, nested), "unknown"),
            "evidence_requirement": evidence,
        },
        "lifecycle_hint": _least(
            HINTS,
            mapper.default_lifecycle_hint,
            # What many stores call active is what is called current here.
            (
                "current" if hint == "active" else hint
                for hint in _said(claims, {}, "lifecycle_hint", "lifecycle_state", "status")
            ),
            "unknown",
        ),
        "evidence_refs": [ref[:_REF_CHARS] for ref in dict.fromkeys(refs)][:_MOST_REFS],
    }


def first_text(row: Json, keys: Sequence[str]) -> str:
    """The first of these fields that holds text; an object counts as its JSON."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, dict | list) and value:
            return as_json(value)
        if found := text(value):
            return found
    return ""


def as_json(value: object) -> str:
    """A value as JSON text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def id_of(row: Json, *keys: str) -> str:
    """The first of these fields that can be an id."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if found := text(value):
            return found
    return ""


def _id(row: Row, place: int, mapper: Mapper) -> str:
    prefix = mapper.id_prefix or mapper.source_backend
    name = row.id or next(_claims_of_id(row.claims), "")
    if not name:
        return f"{prefix}:result-{place}-{fnv1a_32(row.text)}"
    return name if ":" in name else f"{prefix}:{name}"


def _claimed_ids(row: Row) -> list[str]:
    """Ids that a row with an id of its own claims besides: as evidence refs they can only bring known failures up."""
    return [name for name in _claims_of_id(row.claims) if name != row.id] if row.id else []


def _claims_of_id(claims: Json) -> Iterator[str]:
    for key in ("external_memory_id", "memory_id", "id"):
        if name := id_of(claims, key):
            yield name


def _said(claims: Json, nested: Json, *keys: str) -> Iterator[str]:
    """Every claim of one kind, wherever it stands; one that is no text cannot be read."""
    for place in (claims, nested):
        for key in keys:
            if place.get(key) is not None:
                yield text(place[key]).lower()


def _reaches(claims: Json, nested: Json) -> Iterator[str]:
    """`scope` by itself is more often the name of a project; then it is the server that compares it."""
    yield from _said(claims, nested, "authority_scope")
    yield from (reach for reach in _said({"scope": claims.get("scope")}, nested, "scope") if reach in REACHES)


def _least(order: Sequence[str], default: str, claims: Iterator[str], unread: str) -> str:
    """The worst of what is claimed, which is never better than the default."""
    if default not in order:
        raise MemfwError("mapper_invalid", f"a mapper's claim is one of {', '.join(order)}")
    known = [claim if claim in order else unread for claim in claims]
    return min((default, *known), key=order.index)


def _list(claims: Json, name: str) -> list[str]:
    """A list, a JSON list in a string, or names with commas between them; also under `<name>_json`."""
    found: list[str] = []
    for value in (claims.get(name), claims.get(f"{name}_json")):
        if isinstance(value, str):
            found.extend(_listed(value))
        else:
            found.extend(strings(value))
    return list(dict.fromkeys(found))


def _listed(value: str) -> list[str]:
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        decoded = None
    if isinstance(decoded, list):
        return strings(decoded)
    return [part.strip() for part in value.split(",") if part.strip()]
