"""The content signal: what the text, the title and every attached string of a candidate carry, as findings.

What a detection is worth is the policy's to say (`detect`). A stamp proves a writer, never a truth, so nothing here is
softened by trust; only a change of procedure, which is ordinary from a colleague, counts from outside alone.
"""

from firewall.core.compiled import NOTHING, Env
from firewall.core.model import Action, Attestation, Candidate, Family, Finding, Trust
from firewall.core.signals.content.detect import Detection, detect
from firewall.core.signals.content.index import is_clean

#: Classes of source whose words are anybody's. A policy names more by giving a class little trust.
OUTSIDE = frozenset({"external_tool", "web", "email", "retrieval"})


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    """One finding for each thing carried, with all the places where it was seen."""
    if _is_clean(candidate):
        return NOTHING
    seen: dict[tuple[str, str], list[tuple[str, Detection]]] = {}
    for place, text in _strings(candidate):
        for detection in detect(text):
            seen.setdefault((detection.kind, detection.name), []).append((place, detection))
    if not seen:
        return NOTHING
    from_outside = is_from_outside(candidate, env)
    return tuple(
        _finding(kind, name, sightings, env)
        for (kind, name), sightings in sorted(seen.items())
        if kind != "procedure_change" or from_outside
    )


def is_from_outside(candidate: Candidate, env: Env) -> bool:
    """Whether nobody inside answers for this memory: by its class of source, its stamp or its own claim."""
    trust = env.policy.trust_source_classes.get(candidate.source_class, Trust.known)
    claimed = candidate.claims.trust
    return (
        candidate.source_class in OUTSIDE
        or trust <= Trust.unknown
        or candidate.attestation in (Attestation.forged, Attestation.replayed)
        or (claimed is not None and claimed <= Trust.unknown)
    )


def _is_clean(candidate: Candidate) -> bool:
    """One search over all strings at once: what none of them holds together, none holds alone."""
    joined = candidate.text
    if candidate.title or candidate.attached:
        joined = "\n".join((joined, candidate.title, *candidate.attached))
    return joined.isascii() and is_clean(joined)


def _strings(candidate: Candidate) -> list[tuple[str, str]]:
    strings = [("in:text", candidate.text)]
    if candidate.title:
        strings.append(("in:title", candidate.title))
    strings.extend(("in:attached", text) for text in dict.fromkeys(candidate.attached))
    return strings


def _finding(kind: str, name: str, sightings: list[tuple[str, Detection]], env: Env) -> Finding:
    evidence = dict.fromkeys(place for place, _ in sightings)
    evidence.update(dict.fromkeys(f"decoded:{detection.via}" for _, detection in sightings if detection.via))
    action = env.policy.detect[kind]
    return Finding(
        family=Family.procedure_change if kind == "procedure_change" else Family.content,
        action=Action.use_now if action is None else action,
        reason=f"{kind}:{name}",
        confidence=max(detection.confidence for _, detection in sightings),
        evidence=tuple(evidence),
    )
