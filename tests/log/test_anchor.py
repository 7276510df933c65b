"""Anchors: made of heads, read again, refused when they were touched."""

import json

import pytest

from firewall.core.chain import Head
from firewall.log.anchor import anchor_bytes, make_anchor, read_anchor
from tests.log.keys import RING

HEADS = (Head("w/log", 3, bytes(32)), Head("order/5", 7, b"x" * 32))
CONTENT = anchor_bytes(make_anchor(HEADS, RING, 5.0))


def test_what_was_made_is_read() -> None:
    """Heads, time, public keys, and no secret."""
    anchor = read_anchor(CONTENT)
    assert anchor.trusted_heads() == HEADS
    assert anchor.public_keys() == RING.public_keys()
    assert anchor.made_at == 5.0
    assert b"5a5a" not in CONTENT


def test_writing_it_otherwise_changes_nothing() -> None:
    """The signature is over what it says."""
    assert read_anchor(json.dumps(json.loads(CONTENT), sort_keys=True).encode()) == read_anchor(CONTENT)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("made_at", 6.0),
        ("heads", []),
        ("heads", [{"lane": "w/log", "seq": 2, "link": "00" * 32}]),
        ("keys", {"k1": "ab" * 32}),
        ("keys", {}),
        ("key_id", "k2"),
        ("signature", ""),
        ("signature", "zz"),
        ("signature", "ab" * 64),
    ],
)
def test_a_changed_anchor(field: str, value: object) -> None:
    """Is refused, whatever was changed."""
    with pytest.raises(ValueError, match="is an anchor that was changed"):
        read_anchor(json.dumps({**json.loads(CONTENT), field: value}).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"\xff",
        json.dumps({**json.loads(CONTENT), "format": 2}).encode(),
        json.dumps({**json.loads(CONTENT), "more": 1}).encode(),
        json.dumps({**json.loads(CONTENT), "keys": {"k1": "short"}}).encode(),
        json.dumps({**json.loads(CONTENT), "heads": [{"lane": "w", "seq": 1, "link": "short"}]}).encode(),
    ],
)
def test_what_is_no_anchor(content: bytes) -> None:
    """A ValueError with a reason, nothing else."""
    with pytest.raises(ValueError, match="anchor"):
        read_anchor(content)
