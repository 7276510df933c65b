"""Duplicates in one ranked answer: an exact copy is a pointer to the best one, and one id with two texts is named.

Copies are exact up to case and white space, of one upstream and one owner: a copy must never stand in for a memory
that somebody else may see. Most texts are told apart by their last word or by how they begin, so that few are normalised whole.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence

from firewall.core.compiled import Env
from firewall.core.model import Action, Candidate, Family, Finding, Surface
from firewall.core.signals.conflict.rivalry import Ranks

_EDGE = 64

# Looked up once: an enum finds its members by a Python call.
_DROP_IN, _WRITE = Surface.drop_in, Surface.write


def pointed(env: Env) -> bool:
    """Does this surface turn copies into pointers?"""
    context = env.context
    if not context.ranked or context.surface is _WRITE:
        return False
    surfaces = env.policy.source.surfaces
    asked = surfaces.drop_in if context.surface is _DROP_IN else surfaces.govern
    return asked.duplicates == "pointer"


def copies(candidates: Sequence[Candidate], ranks: Ranks) -> Iterator[tuple[int, Finding]]:
    """Every copy but the best: by trust, then time, then id. Rows with the best one's own id are that row again."""
    alike: list[list[int]] = [list(range(len(candidates)))]
    for trait in (_last_word, _beginning, _end, _whole):
        alike = [part for group in alike for part in _parted(candidates, group, trait)]
    for group in alike:
        same = [ranks[index] for index in group]
        best = min(same, key=lambda rank: rank.order)
        for rank in same:
            if rank.id != best.id:
                yield rank.index, Finding(Family.duplicate, Action.rehydrate, f"duplicate_of:{best.id}")


def _parted(
    candidates: Sequence[Candidate], group: list[int], trait: Callable[[Candidate], Hashable]
) -> list[list[int]]:
    """Those of the group that share the trait with another one: in most answers nobody, which is quickly seen."""
    traits = [trait(candidates[index]) for index in group]
    if len(set(traits)) == len(traits):
        return []
    parts: dict[Hashable, list[int]] = {}
    for index, its in zip(group, traits, strict=True):
        parts.setdefault(its, []).append(index)
    return [part for part in parts.values() if len(part) > 1]


def _last_word(candidate: Candidate) -> Hashable:
    words = candidate.text.rsplit(None, 1)
    return words[-1].casefold() if words else ""


def _beginning(candidate: Candidate) -> Hashable:
    return candidate.upstream, " ".join(candidate.text.split(None, 2)[:2])[:_EDGE].casefold()[:_EDGE]


def _end(candidate: Candidate) -> Hashable:
    return " ".join(candidate.text.rsplit(None, 2)[-2:])[-_EDGE:].casefold()[-_EDGE:]


def _whole(candidate: Candidate) -> Hashable:
    return " ".join(candidate.text.casefold().split()), frozenset(candidate.owner.items())


def namesakes(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Finding]]:
    """One id that came with differing texts: each is judged alone, and both say so."""
    if len({candidate.id for candidate in candidates}) == len(candidates):
        return
    texts: dict[tuple[str, str], list[int]] = {}
    for index, candidate in enumerate(candidates):
        texts.setdefault((candidate.upstream, candidate.id), []).append(index)
    for indices in texts.values():
        if len(indices) > 1 and len({candidates[index].text for index in indices}) > 1:
            for index in indices:
                yield index, Finding(Family.duplicate, Action.use_now, "duplicate_id")
