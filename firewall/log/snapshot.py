"""A projection as bytes, so that a scope starts quickly. Only a shortcut: the log can always make it again.

A snapshot carries a tag of the `fold` and of the types that made it. One of another tag, or one that cannot be read,
is no snapshot. Of the route index only what it is built from is kept; its tables are built again.
"""

import hashlib

import msgspec

from firewall.core.state import FOLD, State


class _Snapshot(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    tag: str
    state: msgspec.Raw


#: The shape of the state, down to the last field, stands in it beside the number that the fold gives itself: a new
#: field makes old snapshots invalid without anybody's care, where they would else be read with its default.
TAG = f"{FOLD}:{hashlib.sha256(repr(msgspec.inspect.type_info(State)).encode()).hexdigest()[:16]}"

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_encoder = msgspec.msgpack.Encoder()
_snapshots = msgspec.msgpack.Decoder(_Snapshot)
_states = msgspec.msgpack.Decoder(State)


def encode_state(state: State) -> bytes:
    """The bytes of a projection as it is now."""
    return _encoder.encode(_Snapshot(TAG, msgspec.Raw(_encoder.encode(state))))


def decode_state(blob: bytes) -> State | None:
    """The projection, or None where these bytes are not a snapshot of this `fold`."""
    try:
        snapshot = _snapshots.decode(blob)
        if snapshot.tag != TAG:
            return None
        state = _states.decode(snapshot.state)
    except _UNREADABLE:
        return None
    _ = state.routes.tables
    return state
