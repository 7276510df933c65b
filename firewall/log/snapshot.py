"""A projection as bytes, so that a scope starts quickly. Only a shortcut: the log can always make it again.

A snapshot carries a tag of the `fold` and of the types that made it. One of another tag, or one that cannot be read,
is no snapshot. What is built from the state (tables, words) is not kept, but for the words by which routes are recognised:
to choose them takes longest.

The large parts stand apart, in slices: encoding and decoding may then go on in a thread, which stops all others while
one slice is worked on and no longer. Their values never change, so a `Draft` that was taken between two folds stays
what the state was.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from firewall.core.attribution import Exposure
from firewall.core.evidence import Node
from firewall.core.route_tables import Chosen, ExecutionRoute
from firewall.core.routes import RouteIndex
from firewall.core.state import FOLD, State

Value = TypeVar("Value")
SLICE = 1_000


class _Snapshot(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """`state` is without its nodes, routes and exposures."""

    tag: str
    state: msgspec.Raw
    nodes: tuple[msgspec.Raw, ...] = ()
    routes: tuple[msgspec.Raw, ...] = ()
    exposures: tuple[msgspec.Raw, ...] = ()
    chosen: tuple[msgspec.Raw, ...] = ()


#: The shape of the state, down to the last field, stands in it beside the number that the fold gives itself: a new
#: field makes old snapshots invalid without anybody's care, where they would else be read with its default.
TAG = f"{FOLD}:{hashlib.sha256(repr(msgspec.inspect.type_info(State)).encode()).hexdigest()[:16]}"

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_encoder = msgspec.msgpack.Encoder()
_snapshots = msgspec.msgpack.Decoder(_Snapshot)
_states = msgspec.msgpack.Decoder(State)
_nodes = msgspec.msgpack.Decoder(tuple[Node, ...])
_routes = msgspec.msgpack.Decoder(tuple[ExecutionRoute, ...])
_exposures = msgspec.msgpack.Decoder(tuple[Exposure, ...])
_chosen = msgspec.msgpack.Decoder(tuple[tuple[str, Chosen], ...])


class Draft(msgspec.Struct, frozen=True):
    """A projection as it was at one moment, to be encoded at any later one and in any thread."""

    state: msgspec.Raw
    nodes: list[Node]
    routes: list[ExecutionRoute]
    exposures: list[Exposure]
    chosen: list[tuple[str, Chosen]]

    def encode(self) -> bytes:
        return _encoder.encode(
            _Snapshot(
                TAG,
                self.state,
                _sliced(self.nodes),
                _sliced(self.routes),
                _sliced(self.exposures),
                _sliced(self.chosen),
            )
        )


def draft_of(state: State) -> Draft:
    """What is to be saved of the projection as it is now."""
    replace = msgspec.structs.replace
    rest = replace(
        state,
        evidence=replace(state.evidence, nodes={}),
        routes=RouteIndex(),
        learning=replace(state.learning, exposures={}),
    )
    return Draft(
        msgspec.Raw(_encoder.encode(rest)),
        [*state.evidence.nodes.values()],
        [*state.routes.routes.values()],
        [*state.learning.exposures.values()],
        [*state.routes.chosen.items()],
    )


def encode_state(state: State) -> bytes:
    """The bytes of a projection as it is now."""
    return draft_of(state).encode()


def decode_state(blob: bytes, *, any_tag: bool = False) -> State | None:
    """The projection, or None where these bytes are not a snapshot of this `fold`.

    With `any_tag` one of another `fold` too, as far as its fields can be read: for where the log does not have any more
    what it was made from, and the choice is between this and nothing.
    """
    try:
        snapshot = _snapshots.decode(blob)
        if snapshot.tag != TAG and not any_tag:
            return None
        state = _states.decode(snapshot.state)
        state.evidence.nodes.update((node.node_id, node) for node in _joined(_nodes, snapshot.nodes))
        state.routes.routes.update((route.key, route) for route in _joined(_routes, snapshot.routes))
        state.learning.exposures.update(
            (exposure.served.guide_trace_id, exposure) for exposure in _joined(_exposures, snapshot.exposures)
        )
        state.routes.remember(dict(_joined(_chosen, snapshot.chosen)))
    except _UNREADABLE:
        return None
    return state


def _sliced(values: list[Value]) -> tuple[msgspec.Raw, ...]:
    return tuple(
        msgspec.Raw(_encoder.encode(values[start : start + SLICE])) for start in range(0, len(values), SLICE)
    )


def _joined(
    decoder: msgspec.msgpack.Decoder[tuple[Value, ...]], slices: Iterable[msgspec.Raw]
) -> Iterator[Value]:
    for one in slices:
        yield from decoder.decode(one)
