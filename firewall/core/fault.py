"""What verifying the audit chain found: faults, each naming its record, and the report that is made of them.

A fault says that something is not as it was sealed. A note says what the chain itself tells about losses that are no
tampering: receipts that a full buffer dropped, a store that came back from a failover without its newest records. Names
that a store holds are shown escaped and cut; bodies never are.
"""

from typing import Literal

import msgspec

Code = Literal[
    "unreadable",
    "key_unknown",
    "forged",
    "broken_link",
    "seal_missing",
    "seal_misplaced",
    "seal_twice",
    "no_start",
    "lane_cut",
    "lane_missing",
    "head_differs",
    "order_differs",
    "changed",
    "moved",
    "missing",
    "not_sealed",
    "stored_twice",
    "sealed_twice",
]
Subject = Literal["file", "seal", "lane", "evidence", "receipt"]

LAST = 2**63
"""The place of what no seal names: after everything that one does."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was sealed. `seq` is the number of the seal in `lane`, 0 where there is none; `at` is
    its place in the order in which things were read, by which the first one is found."""

    code: Code
    kind: Subject
    what: str
    at: int = LAST
    lane: str = ""
    seq: int = 0
    tenant: str = ""
    scope: str = ""
    id: str = ""
    offset: int = 0

    def __str__(self) -> str:
        return f"{self._name()}: {self.what} [{self.code}]"

    def _name(self) -> str:
        seal = f"seal {self.seq} of lane {shown(self.lane)}" if self.lane else ""
        match self.kind:
            case "file":
                return "the file"
            case "seal":
                return seal or "a seal"
            case "lane":
                return f"lane {shown(self.lane)}"
            case _:
                offset = f"offset {self.offset}, " if self.offset else ""
                place = f"tenant {shown(self.tenant)}, scope {shown(self.scope)}"
                return f"{self.kind} {shown(self.id)} ({offset}{place}{f'; {seal}' if seal else ''})"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far a lane is proven: its seal, when that was made, and the newest evidence up to there."""

    lane: str
    seq: int
    link: bytes
    at: float = 0.0
    offset: int = 0
    id: str = ""

    def __str__(self) -> str:
        if self.seq == 0:
            return f"lane {shown(self.lane)} is proven nowhere"
        newest = f", evidence {shown(self.id)}" if self.id else ""
        at = f" at offset {self.offset}" if self.offset else ""
        return f"lane {shown(self.lane)} is proven up to seal {self.seq}{newest}{at}"


class Counts(msgspec.Struct, kw_only=True):
    """How much was looked at. `trimmed` were let go by retention, as a seal says; `dropped` receipts never stored."""

    lanes: int = 0
    seals: int = 0
    checkpoints: int = 0
    signatures: int = 0
    evidence: int = 0
    receipts: int = 0
    trimmed: int = 0
    dropped: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome. `faults` from the first on, at most as many as were asked for, of `found` altogether. `anchored` says
    of each lane of the anchor how far it is proven."""

    faults: tuple[Fault, ...]
    found: int
    notes: tuple[str, ...]
    counts: Counts
    proven: tuple[Place, ...]
    anchored: tuple[Place, ...]

    @property
    def sound(self) -> bool:
        return self.found == 0


class Faults:
    """Collects faults and keeps the first `bound` of them, whatever the order in which they are found."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._kept: list[Fault] = []
        self.found = 0

    def add(self, fault: Fault) -> None:
        self.found += 1
        self._kept.append(fault)
        if len(self._kept) >= 2 * self._bound:
            self._kept = self.first()

    def first(self) -> list[Fault]:
        """The kept ones, the first first; a seal before what it names."""
        return sorted(self._kept, key=_order)[: self._bound]


def shown(text: str) -> str:
    """A name from the store, safe for a terminal."""
    return repr(text if len(text) <= 128 else text[:128] + "...")[1:-1] or "''"


def _order(fault: Fault) -> tuple[int, bool]:
    return fault.at, fault.kind in {"evidence", "receipt"}
