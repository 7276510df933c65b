"""Duplicates in one ranked answer: an exact copy is a pointer to the best one, and one id with two texts is named.

Copies are exact up to case and white space, of one upstream (unless several were asked at once) and one owner: a copy must
never stand in for a memory that somebody else may see. Most texts are told apart by a trait that is remembered with them, so that few are normalised
whole.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from firewall.core.compiled import Env
from firewall.core.model import Action, Candidate, Family, Finding, Surface
from firewall.core.signals.conflict.rivalry import Ranks

#: Words at each end of a text that tell it from others.
_WORDS = 4

# Looked up once: an enum finds its members by a Python call.
_DROP_IN, _WRITE = Surface.drop_in, Surface.write


def pointed(env: Env) -> bool:
    """Does this surface turn copies into pointers?"""
    context = env.context
    if not context.ranked or context.surface is _WRITE:
        return False
    surfaces = env.policy.source.surfaces
    asked = surfaces.drop_in if context.surface is _DROP_IN or context.federated else surfaces.govern
    return asked.duplicates == "pointer"


def copies(
    candidates: Sequence[Candidate], traits: Sequence[int], ranks: Ranks, *, federated: bool = False
) -> Iterator[tuple[int, Finding]]:
    """`traits` are those of the texts. Every copy but the best: by trust, then time, then id. Rows with the best one's own id are that row again."""
    if len(set(traits)) == len(traits):  # in most answers no two are alike
        return
    alike = _parted(range(len(candidates)), traits.__getitem__)
    whole = _text_and_owner if federated else _whole
    alike = [part for group in alike for part in _parted(group, lambda index: whole(candidates[index]))]
    for group in alike:
        same = [ranks[index] for index in group]
        best = min(same, key=lambda rank: rank.order)
        for rank in same:
            if rank.id != best.id or candidates[rank.index].upstream != candidates[best.index].upstream:
                yield rank.index, Finding(Family.duplicate, Action.rehydrate, f"duplicate_of:{best.id}")


def trait_of(text: str) -> int:
    """The same for copies, and hardly ever for anything else: how the text begins and ends, without case and white space."""
    folded = text.casefold()
    return hash(" ".join(folded.split(None, _WORDS)[:_WORDS] + folded.rsplit(None, _WORDS)[-_WORDS:]))


def _parted(group: Iterable[int], trait: Callable[[int], Hashable]) -> list[list[int]]:
    """Those of the group that share the trait with another one."""
    parts: dict[Hashable, list[int]] = {}
    for index in group:
        parts.setdefault(trait(index), []).append(index)
    return [part for part in parts.values() if len(part) > 1]


def _whole(candidate: Candidate) -> Hashable:
    return candidate.upstream, _text_and_owner(candidate)


def _text_and_owner(candidate: Candidate) -> Hashable:
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
