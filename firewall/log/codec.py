"""Events as bytes: what stands in a record, for every implementation of the log.

A record is the msgpack array `[format, event]`. The format is read before the event, so that a record of a newer memfw
is refused as such; whoever changes a field of an event raises `core.events.FORMAT`. Nothing here touches a store.
"""

import msgspec

from firewall.core.events import FORMAT, Event
from firewall.errors import CallerError, StateError

LARGEST_INTEGER = 2**63 - 1


class _Envelope(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    format: int
    event: msgspec.Raw


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_UNWRITABLE = (TypeError, ValueError, OverflowError, RecursionError)

_encoder = msgspec.msgpack.Encoder()
_written: msgspec.msgpack.Decoder[tuple[int, Event]] = msgspec.msgpack.Decoder(tuple[int, Event])
_envelopes = msgspec.msgpack.Decoder(_Envelope)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """The bytes of one event. CallerError 400 `invalid_event` for what could not be read back."""
    try:
        record = _encoder.encode((FORMAT, event))
        # A struct does not check its fields when it is made: what is not readable must not get into the log,
        # where it would stop every projection of its scope for good.
        _written.decode(record)
    except (*_UNREADABLE, *_UNWRITABLE) as error:
        raise CallerError(
            400, "invalid_event", f"a {type(event).__name__} event holds what a record cannot hold"
        ) from error
    return record


def decode_event(blob: bytes) -> Event:
    """The event of a record. StateError `log_format` for a newer format and for anything that is not a record."""
    try:
        envelope = _envelopes.decode(blob)
        if envelope.format > FORMAT:
            raise StateError(
                "log_format", f"a record has format {envelope.format}, this memfw reads up to {FORMAT}"
            )
        if envelope.format < 1:
            raise StateError("log_format", "a record has no valid format")
        return _events.decode(envelope.event)
    except _UNREADABLE as error:
        raise StateError("log_format", "a record cannot be read") from error


def storable(*texts: str) -> bool:
    """Whether the texts are valid Unicode: a lone surrogate can be neither stored nor looked up."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True
