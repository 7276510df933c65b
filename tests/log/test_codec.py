"""Records as bytes: what goes in comes out, what is no record is refused whole."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.events import FORMAT, Event
from firewall.errors import StateError
from firewall.log.codec import decode_event, encode_event, storable
from tests.log.samples import events, held


@given(events)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    """Of every kind."""
    assert decode_event(encode_event(event)) == event


@given(st.binary(max_size=200))
def test_bytes_are_an_event_or_our_error(blob: bytes) -> None:
    """Accept, or log_format; nothing else."""
    try:
        decode_event(blob)
    except StateError as error:
        assert error.code == "log_format"  # noqa: PT017 - either outcome is right


@given(events, st.data())
def test_a_damaged_record_is_an_event_or_our_error(event: Event, data: st.DataObject) -> None:
    """A few bytes changed, or the end cut off."""
    blob = bytearray(encode_event(event))
    for _ in range(data.draw(st.integers(1, 3))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_event(bytes(blob[: data.draw(st.integers(0, len(blob)))]))
    except StateError as error:
        assert error.code == "log_format"  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    "record",
    [
        [FORMAT + 1, {"type": "of a later day"}],
        [FORMAT + 1, msgspec.Raw(msgspec.msgpack.encode(held(1)))],
        [0, msgspec.Raw(msgspec.msgpack.encode(held(1)))],
        [FORMAT, {"type": "of a later day"}],
        [FORMAT, {"type": "held"}],
        [FORMAT, msgspec.Raw(msgspec.msgpack.encode(held(1))), "more"],
        [FORMAT],
        {"format": FORMAT},
    ],
    ids=["newer", "newer, same shape", "none", "unknown kind", "fields missing", "more", "less", "map"],
)
def test_what_this_version_does_not_know_is_refused(record: object) -> None:
    """A higher format, an unknown kind of event, another shape: log_format."""
    with pytest.raises(StateError) as caught:
        decode_event(msgspec.msgpack.encode(record))
    assert caught.value.code == "log_format"


@pytest.mark.parametrize("nested", [b"\x91" * 100_000, b"\x92\x01" + b"\x91" * 100_000])
def test_deep_nesting_is_refused(nested: bytes) -> None:
    """It does not take the stack with it."""
    with pytest.raises(StateError):
        decode_event(nested)


def test_texts_are_storable_when_they_are_unicode() -> None:
    """Anything but lone surrogates."""
    assert storable("", "é", "\0", "\U0010ffff")
    assert not storable("fine", "\ud800")
