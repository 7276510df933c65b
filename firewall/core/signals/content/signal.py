"""The content signal: what the text, the title and every attached string of a candidate carry, as findings.

What a detection is worth is the policy's to say (`detect`). A stamp proves a writer, never a truth, so nothing here is
softened by trust; only a change of procedure, which is ordinary from a colleague, counts from outside alone.
"""

import functools
from collections.abc import Sequence

from firewall.core.compiled import NOTHING, Env
from firewall.core.memo import Memo
from firewall.core.model import Action, Attestation, Candidate, Family, Finding, Trust
from firewall.core.signals import scan
from firewall.core.signals.content.detect import Detection, detect
from firewall.core.signals.content.index import is_clean

#: Classes of source whose words are anybody's. A policy names more by giving a class little trust.
OUTSIDE = frozenset({"external_tool", "web", "email", "retrieval"})

# Looked up once: an enum finds its members by a Python call.
_CONTENT, _PROCEDURE_CHANGE = Family.content, Family.procedure_change
_KNOWN, _UNKNOWN = Trust.known, Trust.unknown
_FALSE = (Attestation.forged, Attestation.replayed)
_USE_NOW = Action.use_now


def _holds_nothing(joined: str) -> bool:
    """One search over several strings at once: what they do not hold together, none holds alone."""
    return joined.isascii() and is_clean(joined)


CLEAN = Memo(_holds_nothing, entries=4_096, size=2 << 20)
DETECTIONS = Memo(detect, entries=4_096, size=2 << 20)
_is_clean = CLEAN.of
_detections = DETECTIONS.of


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    """One finding for each thing carried, with all the places where it was seen."""
    in_text = scan.seen_in(candidate.text).detections
    rest = () if rest_is_clean(candidate) else _rest(candidate)
    if not in_text and not rest:
        return NOTHING
    seen: dict[tuple[str, str], list[tuple[str, Detection]]] = {}
    for detection in in_text:
        seen.setdefault((detection.kind, detection.name), []).append(("in:text", detection))
    for place, text in rest:
        for detection in _detections(text):
            seen.setdefault((detection.kind, detection.name), []).append((place, detection))
    if not seen:
        return NOTHING
    findings = [
        _finding(kind, name, seen[kind, name], env)
        for kind, name in sorted(seen)
        if kind != "procedure_change" or is_from_outside(candidate, env)
    ]
    return tuple(findings)


def is_from_outside(candidate: Candidate, env: Env) -> bool:
    """Whether nobody inside answers for this memory: by its class of source, its stamp or its own claim."""
    trust = env.policy.trust_source_classes.get(candidate.source_class, _KNOWN)
    claimed = candidate.claims.trust
    return (
        candidate.source_class in OUTSIDE
        or trust <= _UNKNOWN
        or candidate.attestation in _FALSE
        or (claimed is not None and claimed <= _UNKNOWN)
    )


def rest_is_clean(candidate: Candidate) -> bool:
    """Whether title and attached strings hold nothing."""
    if candidate.title:
        return _is_clean("\n".join((candidate.title, *candidate.attached)))
    return not candidate.attached or _is_clean("\n".join(candidate.attached))


def _rest(candidate: Candidate) -> Sequence[tuple[str, str]]:
    titled = [("in:title", candidate.title)] if candidate.title else []
    return titled + [("in:attached", text) for text in dict.fromkeys(candidate.attached)]


def _finding(kind: str, name: str, sightings: list[tuple[str, Detection]], env: Env) -> Finding:
    place, detection = sightings[0]
    action = env.policy.detect[kind]
    if len(sightings) == 1 and not detection.via:  # as nearly all are
        return _made(kind, name, action, detection.confidence, (place,))
    places = [place for place, _ in sightings]
    decoded = [f"decoded:{detection.via}" for _, detection in sightings if detection.via]
    confidence = max(detection.confidence for _, detection in sightings)
    return _made(kind, name, action, confidence, tuple(dict.fromkeys(places + decoded)))


@functools.lru_cache(maxsize=4_096)
def _made(
    kind: str, name: str, action: Action | None, confidence: float, evidence: tuple[str, ...]
) -> Finding:
    """There are not many that differ: what is found again is the same value."""
    family = _PROCEDURE_CHANGE if kind == "procedure_change" else _CONTENT
    return Finding(family, _USE_NOW if action is None else action, f"{kind}:{name}", confidence, evidence)
