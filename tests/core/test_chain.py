"""The chain's own rules: what a digest binds, how lanes go on, what order is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.chain import (
    NO_LINK,
    Kind,
    Lane,
    Sealed,
    digest_of,
    link_of,
    order_after,
    seal_body,
)
from firewall.keyring import signed_by
from tests.log.keys import SIGNER

_kinds: st.SearchStrategy[Kind] = st.sampled_from(["evidence", "receipt"])
_texts = st.text(alphabet=st.characters(codec=None), max_size=4)
_parts = st.tuples(_kinds, _texts, _texts, _texts, st.binary(max_size=4))


@given(_parts, _parts)
def test_a_digest_is_of_one_thing_only(
    one: tuple[Kind, str, str, str, bytes], other: tuple[Kind, str, str, str, bytes]
) -> None:
    """Kind, tenant, scope, id and bytes are all bound, and no part can lend a letter to the next."""
    assert (digest_of(*one) == digest_of(*other)) == (one == other)


def test_a_lane_numbers_and_links_its_seals() -> None:
    """From 1 and NO_LINK on; each seal is signed as it stands and names the one before."""
    lane = Lane("w/log", SIGNER)
    seals = []
    for at in range(3):
        seals.append(lane.seal([], at=float(at)))
        lane.stored(seals[-1])
    assert [seal_body(seal).seq for seal in seals] == [1, 2, 3]
    assert seal_body(seals[0]).prev == NO_LINK
    assert all(seal_body(after).prev == link_of(before) for before, after in pairwise(seals))
    assert all(signed_by(SIGNER.public, seal.body, seal.signature) for seal in seals)
    assert lane.head == (lane.head.__class__)("w/log", 3, link_of(seals[-1]))


def test_a_seal_that_was_not_stored_is_made_again() -> None:
    """Until the store has it, its place is free."""
    lane = Lane("w/log", SIGNER)
    lane.seal([], at=1.0)
    again = lane.seal([], at=2.0)
    assert (seal_body(again).seq, seal_body(again).prev) == (1, NO_LINK)


def test_order_tells_sequences_apart() -> None:
    """The same links in another order are another order."""
    one, other = b"1" * 32, b"2" * 32
    assert order_after(order_after(NO_LINK, one), other) != order_after(order_after(NO_LINK, other), one)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_seal(body: bytes) -> None:
    """A ValueError, nothing else."""
    with pytest.raises(ValueError, match="no seal"):
        seal_body(Sealed(body, b""))


def test_a_seal_with_a_deep_field_more() -> None:
    """Fields that nobody knows are skipped one in the other: that must not end in another error."""
    body = Lane("w/log", SIGNER).seal([], at=1.0).body
    deep = bytes([body[0] + 1]) + body[1:] + b"\x91" * 200_000 + b"\xc0"
    with pytest.raises(ValueError, match="no seal"):
        seal_body(Sealed(deep, b""))
