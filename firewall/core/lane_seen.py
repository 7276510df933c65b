"""What a verifier keeps of one lane while its seals pass: where it is, how far it is proven, and every link by its number."""

from bisect import bisect_right
from dataclasses import dataclass, field

from firewall.core.chain import NO_LINK, Item, SealBody, Sealed
from firewall.core.fault import Code, Place

_LINK = len(NO_LINK)


class Links:
    """The links of a lane by number, 32 bytes each. Numbers only grow, with gaps."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._runs: list[bytearray] = []

    def add(self, seq: int, link: bytes) -> None:
        if not self._runs or seq != self._starts[-1] + len(self._runs[-1]) // _LINK:
            self._starts.append(seq)
            self._runs.append(bytearray())
        self._runs[-1] += link

    def at(self, seq: int) -> bytes | None:
        run = bisect_right(self._starts, seq) - 1
        if run < 0:
            return None
        begin = (seq - self._starts[run]) * _LINK
        return bytes(self._runs[run][begin : begin + _LINK]) or None


@dataclass(slots=True)
class LaneSeen:
    """One lane up to its newest seal so far. `whole` while nothing was wrong with it; `proven` is how far it is."""

    name: str
    first: int
    prev: bytes
    seq: int
    link: bytes
    sealed: Sealed
    body: SealBody
    at: int
    first_at: int
    proven: Place
    verdict: Code | None = None
    checked: bool = False
    whole: bool = True
    newest: Item | None = None
    links: Links = field(default_factory=Links)
    lost: list[tuple[int, int]] = field(default_factory=list)

    def lost_in_failover(self, seq: int) -> bool:
        return any(first <= seq <= last for first, last in self.lost)
