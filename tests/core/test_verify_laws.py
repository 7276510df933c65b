"""Laws of the verifier: no edit that means something is missed, and no input makes it raise."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.chain import Head, Item, SealBody, Sealed, Stored
from firewall.core.verify import Entry
from tests.core.sealed_store import SealedStore, report_of
from tests.log.keys import SIGNER


def _store() -> SealedStore:
    store = SealedStore()
    for count in (1, 2, 1):
        store.commit("w/log", count)
        store.commit("v/log", count, tenant="rival")
    store.commit("w/receipts", 2, kind="receipt")
    store.commit("w/log", 0, heads=store.heads())
    return store


_whole = _store()
_entries: list[Entry] = [*_whole.all_seals, *_whole.things]
_anchor = _whole.heads()
_places = st.integers(0, len(_entries) - 1)


@given(_places)
def test_a_removal_is_found(place: int) -> None:
    """Any one seal or thing."""
    assert not report_of([*_entries[:place], *_entries[place + 1 :]], _anchor).sound


@given(_places, _places)
def test_a_duplicate_is_found(place: int, where: int) -> None:
    """Any one seal or thing once more, anywhere."""
    assert not report_of([*_entries[:where], _entries[place], *_entries[where:]], _anchor).sound


@given(_places, _places)
def test_content_in_the_place_of_another_is_found(one: int, other: int) -> None:
    """Any thing's bytes or any seal under any other's name."""
    here, there = _entries[one], _entries[other]
    match here, there:
        case Stored(), Stored():
            copied: Entry = msgspec.structs.replace(here, body=there.body)
        case Sealed(), Sealed():
            copied = Sealed(there.body, here.signature)
        case _:
            return
    entries = [*_entries]
    entries[one] = copied
    assert report_of(entries, _anchor).sound == (copied == here)


@given(_places, st.data())
def test_a_flipped_bit_is_found(place: int, data: st.DataObject) -> None:
    """Of a body, a seal or, where it is checked, a signature."""
    entry = _entries[place]
    body = entry.body if isinstance(entry, Stored | Sealed) else None
    assert body is not None
    bit = data.draw(st.integers(0, 8 * len(body) - 1))
    flipped = bytearray(body)
    flipped[bit // 8] ^= 1 << bit % 8
    entries = [*_entries]
    entries[place] = msgspec.structs.replace(entry, body=bytes(flipped))
    assert not report_of(entries, _anchor).sound


@given(st.permutations(_whole.things))
def test_the_order_in_which_things_are_read_is_nothing(things: list[Stored]) -> None:
    """Their places are sealed, not when they come."""
    assert report_of([*_whole.all_seals, *things], _anchor).sound


_numbers = st.integers(-(2**63), 2**64 - 1)
_texts = st.text(max_size=3) | st.sampled_from(["w/log", "v/log", "order/5", "w/e5", "id1"])
_heads = st.builds(Head, _texts, _numbers, st.binary(max_size=33))
_bodies = st.builds(
    SealBody,
    format=st.just(1) | _numbers,
    lane=_texts,
    seq=_numbers | st.integers(0, 5),
    at=st.floats(),
    prev=st.binary(max_size=33),
    key_id=st.just(SIGNER.key_id) | _texts,
    items=st.lists(
        st.builds(
            Item,
            st.sampled_from(["evidence", "receipt"]),
            _texts,
            _texts,
            _texts,
            _numbers,
            st.binary(max_size=33),
        ),
        max_size=2,
    ).map(tuple),
    dropped=_numbers,
    heads=st.lists(_heads, max_size=2).map(tuple),
    trimmed=st.lists(_heads, max_size=2).map(tuple),
    lost=st.none() | _heads,
)
_signed = _bodies.map(msgspec.msgpack.encode).map(lambda body: Sealed(body, SIGNER.sign(body)))
_any_entry = st.one_of(
    _signed,
    st.builds(Sealed, st.binary(max_size=60), st.binary(max_size=65)),
    st.builds(
        Stored,
        kind=st.sampled_from(["evidence", "receipt"]),
        tenant=_texts,
        scope=_texts,
        id=_texts,
        offset=_numbers,
        body=st.none() | st.binary(max_size=3),
    ),
    st.sampled_from(_entries),
)


@given(st.lists(_any_entry, max_size=12), st.lists(_heads, max_size=2), st.booleans())
def test_nothing_makes_it_raise(entries: list[Entry], anchor: list[Head], every: bool) -> None:
    """Signed nonsense with the largest numbers included; what it says of it can be printed."""
    report = report_of(entries, anchor, every_signature=every, bound=5)
    assert len(report.faults) == min(5, report.found)
    assert all(len(str(fault)) < 2000 for fault in report.faults)


@given(st.lists(st.integers(0, 3), max_size=30))
def test_whatever_is_committed_is_sound(counts: list[int]) -> None:
    """In any lanes and sizes, with an anchor of it."""
    store = SealedStore()
    for number, count in enumerate(counts):
        store.commit(f"w{number % 3}/log", count, heads=store.heads() if number % 4 == 3 else ())
    assert store.report(store.heads()).sound
