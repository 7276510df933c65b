"""Where memory stands in an answer, as data; and reading an answer by it into candidates and pieces.

One     an object that is one memory
Many    an array of the same
Known   an object with memories in some of its members
Special what a dialect reads itself: a blob of text, an answer that was drawn from others

What nobody knows of a `Known` object is judged too, as one candidate, where it says anything to a reader.
"""

from collections.abc import Callable, Mapping

import msgspec

from firewall.core.model import NO_CLAIMS, Candidate, Claims
from firewall.core.wire.edge_rows import edge_of, edges_of
from firewall.core.wire.graph_items import ItemSource, Sort, item_of, prose_of, stated
from firewall.core.wire.pieces import Fields, Item, Listed, Piece, Rows
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.splice import FIREWALL, Raw, items, members, tree
from firewall.core.wire.temporal import Edge, Times, linked, span_of

_NULL = b"null"
#: An object with pieces in it takes as much as so many values.
_OBJECT = 4


class One(msgspec.Struct, frozen=True):
    """`summary` is the member that may keep what is over, `notes` the one that takes annotations."""

    sort: Sort
    summary: str = ""
    notes: str = ""


class Many(msgspec.Struct, frozen=True):
    each: "Layout"


class Known(msgspec.Struct, frozen=True):
    """The members are read in their order. Without the member that is the `gate`, nothing of the object is left."""

    members: Mapping[str, "Layout"]
    gate: str = ""


class Special(msgspec.Struct, frozen=True):
    read: Callable[["Reading", Raw, str, "Mapping[str, Raw]"], Piece]


Layout = One | Many | Known | Special


class Reading:
    """One answer while it is read. `husk`: it tells of a write. `unparsed` are the claims of what nobody can parse; `beside`
    the times of facts that are no edges; `held` counts the values that pieces keep beside the candidates."""

    __slots__ = ("beside", "candidates", "edges", "held", "husk", "source", "unparsed")

    def __init__(
        self,
        source: ItemSource,
        *,
        husk: bool = False,
        unparsed: Claims = NO_CLAIMS,
        candidates: list[Candidate] | None = None,
        edges: list[Edge] | None = None,
    ) -> None:
        self.source = source
        self.husk = husk
        self.unparsed = unparsed
        self.candidates: list[Candidate] = [] if candidates is None else candidates
        self.edges: list[Edge] = [] if edges is None else edges
        self.beside: list[Times] = []
        self.held = 0

    def read(self, layout: Layout, raw: Raw, place: str) -> Piece:
        """The piece of that part of the answer; UpstreamError 502 where it is of another form."""
        match layout:
            case One():
                return self._one(layout, raw, place)
            case Many():
                return self._many(layout.each, raw, place)
            case Known():
                return self._known(layout, raw, place)
            case Special():
                return layout.read(self, raw, place, {})

    def add(self, candidate: Candidate) -> int:
        """The candidate's place."""
        self.candidates.append(candidate)
        return len(self.candidates) - 1

    def link(self) -> None:
        """Once everything is read: which facts follow which."""
        if len(self.edges) > 1:
            linked(self.candidates, self.edges, self.source.now)

    def span(self) -> tuple[float, float]:
        """From when until before when it would be read like this."""
        return span_of([*[edge.times for edge in self.edges], *self.beside], self.source.now)

    def _many(self, each: Layout, raw: Raw, place: str) -> Piece:
        rows = items(raw)
        if not isinstance(each, One):
            parts = [(row, self.read(each, row, _inside(place, str(at)))) for at, row in enumerate(rows)]
            return Listed(raw=raw, parts=parts)
        first = len(self.candidates)
        if each.sort is Sort.edge:
            candidates, edges = edges_of(rows, raw, place, self.source, first)
            self.candidates += candidates
            self.edges += edges
        else:
            for at, row in enumerate(rows):
                self.add(item_of(tree(row), each.sort, _inside(place, str(at)), self.source).candidate)
        return Rows(raw=raw, rows=rows, first=first, summary=each.summary, notes=each.notes, husk=self.husk)

    def _one(self, layout: One, raw: Raw, place: str) -> Item:
        read = edge_of(raw, self.source) if layout.sort is Sort.edge else None
        if read is None:
            read = item_of(tree(raw), layout.sort, place, self.source)
        index = self.add(read.candidate)
        if layout.sort is Sort.edge:
            self.edges.append(read.edge(index))
        return Item(raw=raw, index=index, summary=layout.summary, notes=layout.notes, husk=self.husk)

    def _known(self, layout: Known, raw: Raw, place: str) -> Fields:
        fields = members(raw)
        self.held += _OBJECT + len(fields)
        rest = {key: tree(value) for key, value in fields.items() if key not in layout.members}
        outside = self.source
        if rest:
            self.source = msgspec.structs.replace(outside, owner=stated(rest, outside))
        parts: dict[str, Piece] = {}
        for key, inner in layout.members.items():
            value = fields.get(key)
            if value is None or bytes(value) == _NULL:
                continue
            name = _inside(place, key)
            if isinstance(inner, Special):
                parts[key] = inner.read(self, value, name, fields)
            else:
                parts[key] = self.read(inner, value, name)
        rest.pop(FIREWALL, None)
        said = tuple(part for part in strings(rest) if is_prose(part))
        index = -1
        if said:
            index = self.add(
                prose_of("\n".join(said), _inside(place, "rest"), self.source, claims=self.unparsed)
            )
        self.source = outside
        return Fields(
            raw=raw,
            fields=fields,
            parts=parts,
            gate=layout.gate,
            rest=index,
            rest_keys=tuple(key for key, value in rest.items() if any(map(is_prose, strings({key: value})))),
            dropped=frozenset({FIREWALL}) & fields.keys(),
        )


def _inside(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name
