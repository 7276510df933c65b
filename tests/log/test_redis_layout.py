"""The keyspace of the shared log: stable places, names that nobody can forge, entries that are ours or refused."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.chain import NO_LINK
from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.log.codec import encode_event
from firewall.log.redis_layout import (
    SHARDS,
    Keys,
    Packed,
    digest,
    entry_of,
    lane_head,
    lane_value,
    pack,
    pack_names,
    records_of,
    scope_name,
    shard_of_name,
)
from tests.log.samples import held

RAW: list[object] = [b"s", b"seal", b"g", b"signature", b"p", pack([]), b"b", b"", b"o", pack_names([])]


def test_places_never_change() -> None:
    """Every process and every version finds a scope in the same shard, under the same name."""
    assert [shard_of_name(scope_name(ScopeKey("acme", name))) for name in ("checkout", "billing", "")] == [
        30,
        29,
        49,
    ]
    assert scope_name(ScopeKey("acme", "checkout")) == b"bbcca31e99861857108946cd9f011653"


def test_all_shards_are_used() -> None:
    """Evenly enough."""
    counts = Counter(shard_of_name(scope_name(ScopeKey("t", str(number)))) for number in range(6400))
    assert len(counts) == SHARDS
    assert max(counts.values()) < 200


@given(st.lists(st.text(max_size=4), max_size=3), st.lists(st.text(max_size=4), max_size=3))
def test_names_of_different_things_differ(one: list[str], other: list[str]) -> None:
    """There is no separator to forge."""
    assert (digest(*one) == digest(*other)) == (one == other)


def test_keys_of_a_shard_share_its_tag() -> None:
    """So that a cluster keeps them together; names in keys are digests only."""
    keys = Keys("memfw")
    assert keys.of(5, "e") == b"memfw:{s5}:e"
    assert keys.named(63, "i", b"abc") == b"memfw:{s63}:i:abc"
    assert keys.channel == b"memfw:appended"


@given(st.integers(1, 2**50), st.binary(min_size=32, max_size=32))
def test_a_lanes_head_comes_back(seq: int, link: bytes) -> None:
    """As it was; nothing is the beginning."""
    assert lane_head(lane_value(seq, link)) == (seq, link)
    assert lane_head(None) == lane_head(lane_value(0, NO_LINK)) == (0, NO_LINK)


@pytest.mark.parametrize("value", [b"x", b"1:zz", b":", b"1:\xff"])
def test_a_head_that_is_none(value: bytes) -> None:
    """Somebody else wrote it."""
    with pytest.raises(StateError) as caught:
        lane_head(value)
    assert caught.value.code == "log_format"


def test_records_count_back_from_the_entry() -> None:
    """An entry's id is the offset of its last record."""
    packed = pack([Packed("t", "s", f"e{number}", encode_event(held(number))) for number in range(3)])
    entry = entry_of([b"12-0", [*RAW[:5], packed, *RAW[6:]]])
    assert [(record.offset, record.event_id) for record in records_of(entry)] == [
        (10, "e0"),
        (11, "e1"),
        (12, "e2"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"entry",
        [b"1-0", []],
        [b"1-1", RAW],
        [b"1-0", [*RAW[:6], b"b", b"zz", *RAW[8:]]],
        [b"1-0", RAW[2:]],
        [b"x-0", RAW],
        [b"1-0", [b"odd", *RAW]],
    ],
)
def test_an_entry_that_is_not_ours(raw: object) -> None:
    """Is refused, not guessed at."""
    with pytest.raises(StateError) as caught:
        entry_of(raw)
    assert caught.value.code == "log_format"


@pytest.mark.parametrize("packed", [b"", b"\xc1", b"\x91\x01", hashlib.sha256(b"x").digest()])
def test_contents_that_are_not_ours(packed: bytes) -> None:
    """The same for what is inside."""
    entry = entry_of([b"1-0", [*RAW[:5], packed, b"b", b"", b"o", packed]])
    for reading in (entry.contents, entry.operation_keys, lambda: records_of(entry)):
        with pytest.raises(StateError) as caught:
            reading()
        assert caught.value.code == "log_format"
