"""One decision for each memory of a govern request: exact repeats are one memory, differing texts of one id are two.

A memory is (backend, id, text). Sent twice with differing claims it keeps its most severe verdict. Memories that share
an id are reported as `id#dup1`, `id#dup2`, numbered by their text, so that the order of the request names nobody.
"""

from collections.abc import Iterable, Sequence

import msgspec

from firewall.core.events import text_digest
from firewall.core.model import Action, Mode, Verdict
from firewall.service.govern.candidates import Described
from firewall.service.govern.reasons import codes_of


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """`surfaced` is the action that the caller gets; `places` are the indexes in the request that it stands for."""

    memory_id: str
    described: Described
    verdict: Verdict
    surfaced: Action
    duplicate: bool
    places: tuple[int, ...]
    codes: tuple[str, ...]


_Memory = tuple[str, str, str]
_encode = msgspec.msgpack.Encoder().encode


def decide(
    described: Sequence[Described], verdicts: Sequence[Verdict], *, mode: Mode, shadow: bool
) -> list[Decided]:
    """In the order of the request. In shadow nothing is blocked or held back, and nothing is praised either."""
    groups: dict[_Memory, list[int]] = {}
    for index, one in enumerate(described):
        candidate = one.candidate
        groups.setdefault((candidate.backend, candidate.id, candidate.text), []).append(index)
    names = _names(groups)
    decided: list[Decided] = []
    for memory, places in groups.items():
        first = (
            places[0] if len(places) == 1 else max(places, key=lambda at: _rank(described[at], verdicts[at]))
        )
        verdict = verdicts[first]
        surfaced = verdict.action
        if shadow and surfaced is not Action.use_now:
            surfaced = Action.inspect_before_use
        duplicate = memory in names
        decided.append(
            Decided(
                memory_id=names.get(memory, memory[1]),
                described=described[first],
                verdict=verdict,
                surfaced=surfaced,
                duplicate=duplicate,
                places=tuple(places),
                codes=codes_of(described[first], verdict, mode=mode, surfaced=surfaced, duplicate=duplicate),
            )
        )
    return decided


def _rank(described: Described, verdict: Verdict) -> tuple[int, bytes]:
    """The most severe first; between equals the content decides, never the place."""
    return verdict.action, _encode(described.candidate)


def _names(groups: Iterable[_Memory]) -> dict[_Memory, str]:
    """The reported names of the memories whose id is not theirs alone."""
    by_id: dict[str, list[_Memory]] = {}
    for memory in groups:
        by_id.setdefault(memory[1], []).append(memory)
    names: dict[_Memory, str] = {}
    for memory_id, memories in by_id.items():
        if len(memories) == 1:
            continue
        number = 0
        for memory in sorted(memories, key=lambda one: (one[0], text_digest(one[2]))):
            number += 1
            while f"{memory_id}#dup{number}" in by_id:
                number += 1
            names[memory] = f"{memory_id}#dup{number}"
    return names


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions by the surface that each memory goes to: every one stands in exactly one of the four."""

    every: tuple[Decided, ...]
    use_now: tuple[Decided, ...]
    inspect: tuple[Decided, ...]
    rehydrate: tuple[Decided, ...]
    blocked: tuple[Decided, ...]


def split(decided: Sequence[Decided]) -> Split:
    by_action: dict[Action, list[Decided]] = {action: [] for action in Action}
    for one in decided:
        by_action[one.surfaced].append(one)
    return Split(
        every=tuple(decided),
        use_now=tuple(by_action[Action.use_now]),
        inspect=tuple(by_action[Action.inspect_before_use]),
        rehydrate=tuple(by_action[Action.rehydrate]),
        blocked=tuple(by_action[Action.do_not_use]),
    )


def ids(decided: Sequence[Decided]) -> tuple[str, ...]:
    return tuple(one.memory_id for one in decided)
