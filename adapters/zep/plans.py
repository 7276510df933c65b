"""What a planner is given, and what every plan of this dialect carries besides the port's `Plan`."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from adapters.zep.layouts import QUERY
from adapters.zep.routes import Route
from firewall.core.model import NO_CLAIMS, Candidate, Claims, EvidenceRequirement
from firewall.core.wire.graph_items import ItemSource
from firewall.core.wire.layouts import Layout
from firewall.core.wire.requests import JsonObject, Query, denied
from firewall.ports import Caller, Match, Plan, WireRequest

BACKEND = "zep"
OnUnparsed = Literal["pass", "block"]

USER, GRAPH, THREAD = "user_id", "graph_id", "thread_id"
#: Which member of a body, a query or an item names which owner: version 4 has ids of its own.
STATING: Mapping[str, Mapping[str, str]] = {
    "v2": {"user_id": USER, "graph_id": GRAPH, "thread_id": THREAD, "session_id": THREAD},
    "v4": {"user_uuid": USER, "graph_uuid": GRAPH, "thread_uuid": THREAD},
}
PIN_KEYS = frozenset(key for keys in STATING.values() for key in keys if key != "session_id")

#: Without a policy of its own, text that nobody can parse has to be inspected: `standard` shows it, the others do not.
UNPARSED: Mapping[OnUnparsed | None, Claims] = {
    None: Claims(evidence=EvidenceRequirement.inspect_before_use),
    "pass": NO_CLAIMS,
    "block": Claims(evidence=EvidenceRequirement.blocked),
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, with all that a planner may look at."""

    request: WireRequest
    match: Match
    route: Route
    caller: Caller
    query: Query
    body: JsonObject | None
    pin: Mapping[str, str]

    @property
    def pinned(self) -> bool:
        return bool(self.caller.pin)

    @property
    def stating(self) -> Mapping[str, str]:
        return STATING[self.route.version]


class ZepPlan(Plan, kw_only=True):
    """`owner` is that of items which state none, `husk` says that the answer tells of a write.

    `rows` is the list that the caller's limit counts, `top` how many of it were asked for upstream. `paged`: how to go on.
    """

    layout: Layout | None
    source: ItemSource
    unparsed: Claims
    husk: bool = False
    rows: str = ""
    top: int | None = None
    paged: Literal["", "cursor", "uuid"] = ""
    states: bool = False
    name: str = ""
    route: str = ""

    @property
    def reading(self) -> object:
        """Of reads; a stream, which only its header tells from another answer, is read each time."""
        if self.layout is None or self.layout is QUERY or self.husk:
            return None
        source = self.source
        return (
            self.layout,
            source.upstream,
            source.owner,
            source.stating,
            self.unparsed,
            self.name,
            self.limit is None,
            self.rows,
            self.top,
            self.paged,
            self.states,
        )

    @property
    def moment(self) -> float:
        return self.source.now


def pin_of(caller: Caller, version: str) -> Mapping[str, str]:
    """The caller's pin in the words of that version: ids of version 4 where there are any, else the one id of both.

    CallerError 403 for a pin that this upstream cannot keep.
    """
    if not caller.pin:
        return {}
    if not PIN_KEYS.issuperset(caller.pin):
        raise denied("the caller is pinned by a key that this upstream does not know")
    pin = {key: caller.pin[key] for key in (USER, GRAPH, THREAD) if key in caller.pin}
    if version == "v4":
        pin |= {kept: caller.pin[key] for key, kept in STATING["v4"].items() if key in caller.pin}
    return pin


def drafted(index: int, text: str, writer: str, attached: tuple[str, ...]) -> Candidate:
    """What a write would store, for the write gate."""
    return Candidate(
        id=f"draft-{index}", upstream="", backend=BACKEND, text=text, writer=writer, attached=attached
    )
