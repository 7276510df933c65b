"""Duplicates in one ranked answer: an exact copy is a pointer to the best one, and one id with two texts is named.

Copies are exact up to case and white space, of one upstream and one owner: a copy must never stand in for a memory
that somebody else may see. Most texts are told apart by their first and last word, so that few are normalised whole.
"""

from collections.abc import Iterator, Sequence

from firewall.core.compiled import Env
from firewall.core.model import Action, Candidate, Family, Finding, Surface
from firewall.core.signals.conflict.rivalry import Rank, Ranks

_EDGE = 64


def pointed(env: Env) -> bool:
    """Does this surface turn copies into pointers?"""
    surfaces = env.policy.source.surfaces
    match env.context.surface:
        case Surface.drop_in:
            return env.context.ranked and surfaces.drop_in.duplicates == "pointer"
        case Surface.govern:
            return env.context.ranked and surfaces.govern.duplicates == "pointer"
        case Surface.write:
            return False


def copies(candidates: Sequence[Candidate], ranks: Ranks) -> Iterator[tuple[int, Finding]]:
    """Every copy but the best: by trust, then time, then id. Rows with the best one's own id are that row again."""
    edges: dict[tuple[str, str, str], list[int]] = {}
    for index, candidate in enumerate(candidates):
        text = candidate.text
        first = text.lstrip()[:_EDGE].split(None, 1)[:1]
        last = text.rstrip()[-_EDGE:].rsplit(None, 1)[-1:]
        edges.setdefault(
            (candidate.upstream, "".join(first).casefold(), "".join(last).casefold()), []
        ).append(index)
    for alike in edges.values():
        if len(alike) < 2:
            continue
        same: dict[tuple[str, frozenset[tuple[str, str]]], list[Rank]] = {}
        for index in alike:
            whole = " ".join(candidates[index].text.casefold().split())
            same.setdefault((whole, frozenset(candidates[index].owner.items())), []).append(ranks[index])
        for group in same.values():
            best = min(group, key=lambda rank: rank.order)
            for rank in group:
                if rank.id != best.id:
                    yield rank.index, Finding(Family.duplicate, Action.rehydrate, f"duplicate_of:{best.id}")


def namesakes(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Finding]]:
    """One id that came with differing texts: each is judged alone, and both say so."""
    texts: dict[tuple[str, str], list[int]] = {}
    for index, candidate in enumerate(candidates):
        texts.setdefault((candidate.upstream, candidate.id), []).append(index)
    if len(texts) == len(candidates):
        return
    for indices in texts.values():
        if len(indices) > 1 and len({candidates[index].text for index in indices}) > 1:
            for index in indices:
                yield index, Finding(Family.duplicate, Action.use_now, "duplicate_id")
