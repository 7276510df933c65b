"""Rivalry: several memories give differing values for one thing. Who yields to whom?

Rules
-----
1. A winner has at least the loser's trust and attestation, and is newer by a date that the upstream vouches for.
2. Who is beaten yields to the best of its winners: by trust, then attestation, then time, then id. One that says of
   itself that it corrects comes before those that are merely newer.
3. Who is not beaten is contested by every rival of its own standing that it does not beat, and of higher standing.
4. A rival of lower standing harms nobody: a fresh unsigned correction does not evict an established truth.

Linear in the members but for a sort; the order in which they come changes nothing.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from firewall.core.model import Attestation, Candidate, Trust

_ATTESTED: dict[Attestation, int] = {
    Attestation.verified: 2,
    Attestation.derived: 1,
    Attestation.unsigned: 1,
    Attestation.replayed: 0,
    Attestation.forged: 0,
}
#: An upstream's clock may be a little ahead of ours; what lies further ahead is no date.
_SKEW = 86_400.0


#: A run or an agent is no owner of a fact: what one agent noted, another one's note can contradict.
_PASSING = frozenset({"run_id", "agent_id"})

Owner = frozenset[tuple[str, str]]


class Rank(msgspec.Struct, frozen=True, gc=False):
    """What decides between two candidates. `time` is the upstream's own, None where it states none that can be."""

    index: int
    id: str
    trust: Trust
    attested: int
    time: float | None
    text: str

    @property
    def standing(self) -> tuple[int, int]:
        return (self.trust, self.attested)

    @property
    def order(self) -> tuple[int, int, float, str, str]:
        """Ascending: the best comes first."""
        newest = float("-inf") if self.time is None else self.time
        return (-self.trust, -self.attested, -newest, self.id, self.text)


class Member(msgspec.Struct, frozen=True, gc=False):
    """`corrects`: the text says of itself that it is a correction."""

    rank: Rank
    value: str
    corrects: bool = False


class How(enum.Enum):
    corrected = enum.auto()
    older = enum.auto()
    contested = enum.auto()


class Yields(msgspec.Struct, frozen=True, gc=False):
    """Member `index` stands against `other`: corrected by it, merely older than it, or contested without an end."""

    index: int
    other: str
    how: How


class Ranks:
    """The ranks of one answer's candidates, each made when it is first asked for: most are never asked for."""

    def __init__(self, candidates: Sequence[Candidate], trusts: Sequence[Trust], now: float) -> None:
        self._candidates = candidates
        self._trusts = trusts
        self._now = now
        self._made: dict[int, Rank] = {}

    def __getitem__(self, index: int) -> Rank:
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = rank_of(index, self._candidates[index], self._trusts[index], self._now)
        return made


def rank_of(index: int, candidate: Candidate, trust: Trust, now: float) -> Rank:
    """Claimed dates never count, and neither does one that lies ahead of now."""
    times = [
        time
        for time in (candidate.updated_at, candidate.created_at)
        if time is not None and time <= now + _SKEW
    ]
    time = max(times, default=None)
    return Rank(index, candidate.id, trust, _ATTESTED[candidate.attestation], time, candidate.text)


def owner_of(candidate: Candidate) -> Owner:
    """Whose fact it is: only memories of one owner can contradict each other."""
    return frozenset(item for item in candidate.owner.items() if item[0] not in _PASSING)


def settle(members: Sequence[Member]) -> Iterator[Yields]:
    """Who yields among those that state the same thing; nobody where they agree."""
    if len({member.value for member in members}) < 2:
        return
    cells: dict[tuple[int, int], list[Member]] = {}
    for member in sorted(members, key=lambda each: each.rank.order):
        cells.setdefault(member.rank.standing, []).append(member)
    fields = {standing: _Field.of(cell) for standing, cell in cells.items()}
    for member in members:
        found = _against(member, fields)
        if found is not None:
            yield found


class _Field(msgspec.Struct, frozen=True):
    """The members of one standing: the best of each of two values, overall, of those that correct, without a time, and
    at each time."""

    best: Sequence[Member]
    correcting: Sequence[Member]
    timeless: Sequence[Member]
    at: dict[float, Sequence[Member]]

    @classmethod
    def of(cls, cell: Sequence[Member]) -> "_Field":
        """`cell` comes best first."""
        at: dict[float, list[Member]] = {}
        timeless: list[Member] = []
        for member in cell:
            time = member.rank.time
            (timeless if time is None else at.setdefault(time, [])).append(member)
        correcting = [member for member in cell if member.corrects]
        return cls(
            _two(cell), _two(correcting), _two(timeless), {time: _two(those) for time, those in at.items()}
        )


def _two(members: Iterable[Member]) -> Sequence[Member]:
    """The first, and the first with another value: enough to find a rival for any value."""
    found: list[Member] = []
    for member in members:
        if not found or (len(found) == 1 and member.value != found[0].value):
            found.append(member)
    return found


def _against(member: Member, fields: dict[tuple[int, int], _Field]) -> Yields | None:
    own = member.rank
    above = [
        field
        for (trust, attested), field in fields.items()
        if trust >= own.trust and attested >= own.attested
    ]
    for how in (How.corrected, How.older):
        winners = [
            rival
            for field in above
            for rival in _rivals(field.correcting if how is How.corrected else field.best, member)
            if own.time is not None and rival.rank.time is not None and rival.rank.time > own.time
        ]
        if winners:
            return Yields(own.index, _best(winners), how)
    contesting = [
        rival
        for standing, field in fields.items()
        if standing > own.standing
        for rival in _rivals(field.best, member)
    ]
    equals = fields[own.standing]
    if own.time is None:
        contesting += _rivals(equals.best, member)
    else:
        contesting += _rivals(equals.timeless, member) + _rivals(equals.at[own.time], member)
    if not contesting:
        return None
    return Yields(own.index, _best(contesting), How.contested)


def _best(members: Sequence[Member]) -> str:
    return min(members, key=lambda each: each.rank.order).rank.id


def _rivals(members: Sequence[Member], member: Member) -> list[Member]:
    return [rival for rival in members if rival.value != member.value]
