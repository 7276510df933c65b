"""The names of policy conditions and what sort of value each stands for, read off the types of `core.facts`.

A new field of `Facts` is thereby a new name of the language, with its sort; only what a type cannot say (which
numbers are ordered words, which texts come from a closed list) is written down here.
"""

import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass

from firewall.core.facts import CANDIDATE_ATTRIBUTES, CONSTANTS, Facts
from firewall.core.model import Action, Attestation, Candidate, Family, Lifecycle, Mode, Surface, Trust


@dataclass(frozen=True, slots=True)
class Sort:
    """What a value is: `text`, `texts` (several), `number`, or an ordered word (`action`, `trust`, `mode`).

    `words` are the only texts that can occur, where the list is closed. `absent` says that it may be None.
    """

    name: str
    words: frozenset[str] = frozenset()
    absent: bool = False


TEXT = Sort("text")
NUMBER = Sort("number")
OWNER_VALUE = Sort("text", absent=True)

_ORDERED: Mapping[str, type[enum.IntEnum]] = {"action": Action, "trust": Trust, "mode": Mode}
_CLOSED: Mapping[str, type[enum.StrEnum]] = {
    "surface": Surface,
    "attestation": Attestation,
    "lifecycle": Lifecycle,
    "families": Family,
}


def _words(words: type[enum.StrEnum] | None) -> frozenset[str]:
    return frozenset(word.value for word in words) if words else frozenset()


def _sort(name: str, hint: object) -> Sort:
    if name in _ORDERED:
        return Sort(name)
    closed = _words(_CLOSED.get(name))
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return Sort("text", _words(hint))
    if isinstance(hint, types.UnionType):
        (inner,) = (part for part in typing.get_args(hint) if part is not types.NoneType)
        return Sort("number" if inner is float else "text", closed, absent=True)
    if typing.get_origin(hint) in (frozenset, tuple):
        return Sort("texts", closed)
    return Sort("number" if hint in (int, float) else "text", closed)


def _sorts(struct: type, names: typing.Iterable[str]) -> dict[str, Sort]:
    hints = typing.get_type_hints(struct)
    return {name: _sort(name, hints[name]) for name in names}


#: The bare names, besides `candidate` and the constants.
FACTS: Mapping[str, Sort] = _sorts(Facts, (name for name in Facts.__struct_fields__ if name != "candidate"))

#: What may follow `candidate.`, besides `owner`.
CANDIDATE: Mapping[str, Sort] = _sorts(Candidate, (name for name in CANDIDATE_ATTRIBUTES if name != "owner"))

#: The ordered words: their sort and their number.
ORDERED_WORDS: Mapping[str, tuple[Sort, int]] = {
    word.name: (Sort(sort), CONSTANTS[word.name]) for sort, words in _ORDERED.items() for word in words
}
