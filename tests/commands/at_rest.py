"""A log at rest for tamper tests: how it is verified through the command line, and what that said."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firewall.cli import main
from firewall.core.chain import Sealed, Stored, seal_body
from firewall.core.events import ScopeKey
from tests.commands.tampering import Tamperable

FOREIGN = ScopeKey("rival", "checkout")
MIDDLE = 11


@dataclass
class Case:
    """A log at rest, an anchor that was made of it when it was last known to be whole, and its keys."""

    at_rest: Tamperable
    earlier: Tamperable
    anchor: Path
    ring: Path
    capsys: pytest.CaptureFixture[str]

    def verify(self, *, anchored: bool = False) -> "Said":
        arguments = [*self.at_rest.arguments, "--keys", str(self.ring), "--json"]
        code = main(["audit", "verify", *arguments, *(["--anchor", str(self.anchor)] if anchored else [])])
        said = self.capsys.readouterr()
        assert said.err == ""
        report = json.loads(said.out)
        assert code == (report["verdict"] == "tampered") == bool(report["faults"])
        return Said(report)

    def evidence(self) -> list[Stored]:
        return [thing for thing in self.at_rest.things() if thing.kind == "evidence"]

    def seal_of(self, thing: Stored) -> Sealed:
        (found,) = [
            seal for seal in self.at_rest.seals() if thing.id in {i.id for i in seal_body(seal).items}
        ]
        return found

    def pair(self) -> tuple[Stored, Stored]:
        """Two of one scope, in different seals of one lane."""
        one, *others = self.evidence()
        lane, seal = seal_body(self.seal_of(one)).lane, self.seal_of(one)
        return one, next(
            other
            for other in others
            if (other.tenant, other.scope) == (one.tenant, one.scope)
            and seal_body(self.seal_of(other)).lane == lane
            and self.seal_of(other) != seal
        )

    def middle(self) -> Stored:
        """One whose seal is neither the first nor the last of its lane."""
        for thing in self.evidence()[MIDDLE:]:
            body = seal_body(self.seal_of(thing))
            if 1 < body.seq < seal_body(self.newest_seal(thing)).seq:
                return thing
        raise LookupError("every lane is too short")

    def cut(self, lane: str, count: int) -> int:
        """Cut off so many seals of a lane with all that they name, and of every lane what knows of them. The newest
        number that is left."""
        bodies = {seal.body: seal_body(seal) for seal in self.at_rest.seals()}
        ends = {
            body.lane: max(b.seq for b in bodies.values() if b.lane == body.lane) for body in bodies.values()
        }
        ends[lane] -= count
        while True:
            knowing = [
                body
                for body in bodies.values()
                if body.seq <= ends[body.lane] and any(h.seq > ends.get(h.lane, h.seq) for h in body.heads)
            ]
            if not knowing:
                break
            for body in knowing:
                ends[body.lane] = min(ends[body.lane], body.seq - 1)
        gone = {item.id for body in bodies.values() if body.seq > ends[body.lane] for item in body.items}
        for thing in self.at_rest.things():
            if thing.id in gone:
                self.at_rest.remove(thing)
        for seal in self.at_rest.seals():
            if bodies[seal.body].seq > ends[bodies[seal.body].lane]:
                self.at_rest.remove_seal(seal)
        assert not gone & {thing.id for thing in self.at_rest.things()}
        return ends[lane]

    def newest_seal(self, thing: Stored) -> Sealed:
        """The last one of the lane that has it."""
        lane = seal_body(self.seal_of(thing)).lane
        return [seal for seal in self.at_rest.seals() if seal_body(seal).lane == lane][-1]


class Said:
    """What `memfw audit verify --json` said."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.report = report
        self.sound: bool = report["verdict"] == "sound"
        self.faults: list[dict[str, Any]] = report["faults"]

    @property
    def first(self) -> tuple[str, object]:
        return self.found()[0]

    def found(self) -> list[tuple[str, object]]:
        """What is wrong, and the id of the record or the lane and number of the seal."""
        return [(fault["code"], fault["id"] or (fault["lane"], fault["seq"])) for fault in self.faults]

    def proven(self) -> dict[str, tuple[int, int]]:
        """By lane the last proven seal and offset."""
        return {place["lane"]: (place["seq"], place["offset"]) for place in self.report["last_proven"]}


def replaced(thing: Stored, **fields: object) -> Stored:
    """The thing with other values in these fields."""
    return msgspec.structs.replace(thing, **fields)
