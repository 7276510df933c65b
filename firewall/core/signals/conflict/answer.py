"""The memories of one answer against each other: groups of like statements, and who yields in each.

A conflict counts only between memories of one owner, and never for an event: two events are two things.
"""

from collections.abc import Iterator, Sequence

from firewall.core.compiled import Env
from firewall.core.memo import Memo
from firewall.core.model import Action, Candidate, Family, Finding, Kind, Mode, Trust
from firewall.core.signals import scan
from firewall.core.signals.conflict import continuation, duplicates, statements
from firewall.core.signals.conflict.rivalry import How, Member, Owner, Ranks, owner_of, settle
from firewall.core.signals.conflict.statements import Cues, Statement
from firewall.core.signals.conflict.vocabulary import ATTRIBUTES

#: A correction that fits more subjects than this names none.
_MOST_SUBJECTS = 64
#: Where more than this is denied, every text is read: to look for the words would cost more.
_MOST_TELLING = 16
_EVENT = Kind.event
_RELATIONS = {How.corrected: "invalidates", How.older: "supersedes", How.contested: "unresolved"}
Subject = tuple[Owner, tuple[str, ...]]

# Statements take some ten times the room of their text.
VALUES = Memo[str, tuple[Statement, ...]](
    lambda text: tuple(statements.values_in(text)), entries=4_096, size=1 << 20
)
OPINIONS = Memo[str, tuple[Statement, ...]](
    lambda text: tuple(statements.opinions_in(text)), entries=4_096, size=1 << 20
)
_values_in = VALUES.of
_opinions_in = OPINIONS.of


def check_set(
    candidates: Sequence[Candidate], trusts: Sequence[Trust], env: Env
) -> dict[int, tuple[Finding, ...]]:
    """Findings by index, only for those that have any."""
    ranks = Ranks(candidates, trusts, env.now)
    found: dict[int, set[Finding]] = {}
    for index, finding in _all(candidates, ranks, env):
        found.setdefault(index, set()).add(finding)
    return {index: tuple(sorted(those, key=_weight)) for index, those in sorted(found.items())}


def _weight(finding: Finding) -> tuple[int, str]:
    return (-finding.action, finding.reason)


def _all(candidates: Sequence[Candidate], ranks: Ranks, env: Env) -> Iterator[tuple[int, Finding]]:
    yield from duplicates.namesakes(candidates)
    seen = list(map(scan.seen_in, [candidate.text for candidate in candidates]))
    if duplicates.pointed(env):
        yield from duplicates.copies(
            candidates, [each.trait for each in seen], ranks, federated=env.context.federated
        )
    cues = {index: each.cues for index, each in enumerate(seen) if each.cues is not None}
    if not cues:
        return
    for members in _groups(candidates, ranks, cues).values():
        for yields in settle(members):
            yield yields.index, _finding(yields.other, yields.how, env.context.mode)
    yield from continuation.beside(
        candidates, ranks, [index for index, found in cues.items() if found.continuation]
    )


def _finding(other: str, how: How, mode: Mode) -> Finding:
    """Only an outright correction invalidates; what is merely older may still hold, and is inspected."""
    relation = _RELATIONS[how]
    blocks = how is How.corrected and mode is Mode.firewall
    return Finding(
        Family.contested,
        Action.do_not_use if blocks else Action.inspect_before_use,
        f"contradiction:{relation}:{other}",
        show_text=True,
        superseded_by="" if how is How.contested else other,
    )


# ---- groups ------------------------------------------------------------------------------------------------------


def _groups(
    candidates: Sequence[Candidate], ranks: Ranks, cues: dict[int, Cues]
) -> dict[Subject, list[Member]]:
    """For each subject the candidates that state a value for it; one that gives two values states none."""
    stated: dict[Subject, dict[int, set[str]]] = {}

    def enter(index: int, owner: Owner, statement: Statement) -> None:
        stated.setdefault((owner, statement.key), {}).setdefault(index, set()).add(statement.value)

    facts = {index: found for index, found in cues.items() if candidates[index].kind is not _EVENT}
    for index, found in facts.items():
        if found.value or found.switch:
            for statement in _values_in(candidates[index].text):
                enter(index, owner_of(candidates[index]), statement)
    for index, opinion in _opinions(candidates, [index for index, found in facts.items() if found.denial]):
        enter(index, owner_of(candidates[index]), opinion)
    for index, owner, statement in list(_corrected(candidates, facts, stated)):
        enter(index, owner, statement)
    return {
        subject: [
            Member(ranks[index], min(values), index in facts and facts[index].correction)
            for index, values in by_index.items()
            if len(values) == 1
        ]
        for subject, by_index in stated.items()
        if len(by_index) > 1
    }


def _opinions(candidates: Sequence[Candidate], denying: Sequence[int]) -> Iterator[tuple[int, Statement]]:
    """The denials, and what may be their opposites: a text without the longest word of any denial is none."""
    telling: set[str] = set()
    for index in denying:
        for opinion in _opinions_in(candidates[index].text):
            telling.add(max(opinion.key[1:], key=len))  # the first only says that it is an opinion
            yield index, opinion
    if not telling:
        return
    denied = frozenset(denying)
    for index, candidate in enumerate(candidates):
        if index in denied or candidate.kind is _EVENT or len(candidate.text) > statements.SHORT:
            continue
        folded = statements.folded(candidate.text)
        if len(telling) > _MOST_TELLING or any(word in folded for word in telling):
            for opinion in _opinions_in(candidate.text):
                yield index, opinion


def _corrected(
    candidates: Sequence[Candidate], facts: dict[int, Cues], stated: dict[Subject, dict[int, set[str]]]
) -> Iterator[tuple[int, Owner, Statement]]:
    """Each correction as a statement on the one subject that it can mean; on none where it could mean several."""
    correcting = [index for index, found in facts.items() if found.correction]
    if not correcting:
        return
    by_attribute: dict[tuple[Owner, str], list[Subject]] = {}
    for subject in stated:
        for word in set(subject[1]) & ATTRIBUTES:
            by_attribute.setdefault((subject[0], word), []).append(subject)
    for index in correcting:
        correction = statements.correction_in(candidates[index].text)
        if correction is None:
            continue
        owner = owner_of(candidates[index])
        near = [
            subject
            for word in correction.about & ATTRIBUTES
            for subject in by_attribute.get((owner, word), [])[: _MOST_SUBJECTS + 1]
        ]
        meant = {
            subject
            for subject in near
            if correction.mask in subject[1]
            and set(stated[subject]) != {index}
            and _fits(correction.about, subject)
        }
        named = {subject for subject in meant if not correction.old.isdisjoint(_values(stated[subject]))}
        chosen = named or meant
        if len(chosen) == 1 and len(near) <= _MOST_SUBJECTS:
            yield index, owner, Statement(chosen.pop()[1], correction.value)


def _fits(about: frozenset[str], subject: Subject) -> bool:
    words = {word for word in subject[1] if not word.startswith("<")}
    return about <= words or words <= about or len(about & words) > 2


def _values(by_index: dict[int, set[str]]) -> set[str]:
    return set().union(*by_index.values())
