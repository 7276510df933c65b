"""The accepted continuation: one text names it, what works on other files beside it is inspected. Never blocked.

Being in the minority harms nobody; only a text that says outright which file is the accepted one speaks against the
others, and only against those that it is not known to be older than.
"""

import re
from collections.abc import Iterator, Sequence

from firewall.core.model import Action, Candidate, Family, Finding
from firewall.core.route_words import normal_path
from firewall.core.signals.conflict import statements
from firewall.core.signals.conflict.rivalry import Owner, Rank, Ranks, owner_of
from firewall.core.signals.outcome.lexicon import PATH, PATHS

_MOST_PATHS = 32
_ACCEPTED = re.compile(
    r"\b(?:accepted|current|active|chosen|approved) (?:continuation|route|path|approach|fix|solution|branch|implementation)"
    rf"(?:\s+(?:is|now|continues|lives|stays|in|at|on|the)|\s*[:=>-])*\s*`?(?P<path>{PATH})",
    re.IGNORECASE,
)


def beside(
    candidates: Sequence[Candidate], ranks: Ranks, naming: Sequence[int]
) -> Iterator[tuple[int, Finding]]:
    """Who works beside what the texts of `naming` call accepted."""
    accepted: dict[tuple[Owner, str], dict[str, Rank]] = {}
    for index in naming:
        named = _ACCEPTED.search(candidates[index].text[: statements.MOST_CHARS])
        if named is not None:
            path = normal_path(named["path"])
            by_path = accepted.setdefault((owner_of(candidates[index]), path.rpartition("/")[0]), {})
            if path not in by_path or ranks[index].order < by_path[path].order:
                by_path[path] = ranks[index]
    best = {
        place: min(by_path.items(), key=lambda item: item[1].order) for place, by_path in accepted.items()
    }
    for index, candidate in enumerate(candidates if best else ()):
        own = _files(candidate)
        owner = owner_of(candidate)
        for folder in sorted({path.rpartition("/")[0] for path in own}):
            path, rank = best.get((owner, folder), ("", None))
            if rank is not None and path not in own and _outranks(rank, ranks[index]):
                yield index, _superseded(rank.id)


def _superseded(by: str) -> Finding:
    return Finding(
        Family.contested,
        Action.inspect_before_use,
        f"contradiction:supersedes:{by}",
        show_text=True,
        superseded_by=by,
    )


def _outranks(accepted: Rank, other: Rank) -> bool:
    """Of at least its standing, and not known to be older."""
    if accepted.trust < other.trust or accepted.attested < other.attested:
        return False
    return accepted.time is None or other.time is None or accepted.time >= other.time


def _files(candidate: Candidate) -> frozenset[str]:
    named = list(candidate.target_files)
    if not named:
        text = candidate.text[: statements.MOST_CHARS]
        named = [found.group() for _, found in zip(range(_MOST_PATHS), PATHS.finditer(text), strict=False)]
    return frozenset(map(normal_path, named))
