"""Laws of the key ring: what is concealed stays bound, what is retired is not believed, and no secret gets out."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.keyring import KeyRing, RingKey, new_key, signed_by

OLD = RingKey(id="k1", made_at=1.0, secret="11" * 32)
NEW = RingKey(id="k2", made_at=2.0, secret="22" * 32)
RING = KeyRing([OLD, NEW])


def _retired(key: RingKey) -> RingKey:
    return RingKey(id=key.id, made_at=key.made_at, secret=key.secret, retired_at=9.0)


# ---- held texts --------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_what_was_concealed_is_revealed(text: bytes, about: bytes) -> None:
    """To who has the key and says what it belongs to; nothing of the text can be read before."""
    concealed = RING.conceal(text, about)
    assert RING.reveal(concealed, about) == text
    assert len(text) < 4 or text not in concealed


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_text_belongs_to_what_it_was_concealed_for(about: bytes, other: bytes) -> None:
    """In the place of another it is refused."""
    concealed = RING.conceal(b"text", about)
    if about == other:
        assert RING.reveal(concealed, other) == b"text"
    else:
        with pytest.raises(ValueError, match="belongs to something else"):
            RING.reveal(concealed, other)


@given(st.data())
def test_changed_bytes_are_refused(data: st.DataObject) -> None:
    """Any bit, any end cut off, anything put behind: the key's id included."""
    concealed = RING.conceal(b"a text of some length", b"about")
    bit = data.draw(st.integers(0, 8 * len(concealed) - 1))
    flipped = bytearray(concealed)
    flipped[bit // 8] ^= 1 << bit % 8
    cut = data.draw(st.integers(0, len(concealed) - 1))
    for changed in (bytes(flipped), concealed[:cut], concealed + b"\x00"):
        with pytest.raises(ValueError):
            RING.reveal(changed, b"about")


@given(st.binary(max_size=100))
def test_nonsense_is_refused(concealed: bytes) -> None:
    """With a ValueError and nothing else."""
    with pytest.raises(ValueError):
        RING.reveal(concealed, b"about")


def test_the_same_text_is_concealed_differently() -> None:
    """Who sees the store cannot tell that two texts are equal."""
    assert RING.conceal(b"text", b"about") != RING.conceal(b"text", b"about")


def test_a_retired_key_still_reveals() -> None:
    """Retiring is not losing; only a key that is gone cannot be read with."""
    concealed = KeyRing([OLD]).conceal(b"text", b"about")
    assert KeyRing([_retired(OLD), NEW]).reveal(concealed, b"about") == b"text"
    with pytest.raises(ValueError, match="not in the ring"):
        KeyRing([NEW]).reveal(concealed, b"about")


# ---- seals -------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_signature_is_of_these_bytes(body: bytes, other: bytes) -> None:
    """And of that key."""
    signer = RING.signer()
    signature = signer.sign(body)
    public = RING.public_keys()
    assert signer.key_id == RING.current == "k2"
    assert signed_by(public["k2"], body, signature)
    assert signed_by(public["k2"], other, signature) == (body == other)
    assert not signed_by(public["k1"], body, signature)


@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=70))
def test_nonsense_signs_nothing(public: bytes, body: bytes, signature: bytes) -> None:
    """Whatever its length."""
    assert not signed_by(public, body, signature)


def test_a_retired_key_still_verifies() -> None:
    """What it sealed stays proven; it seals nothing new."""
    signature = KeyRing([OLD]).signer().sign(b"seal")
    ring = KeyRing([_retired(OLD), NEW])
    assert signed_by(ring.public_keys()["k1"], b"seal", signature)
    assert ring.signer().key_id == "k2"


def test_the_newest_living_key_makes() -> None:
    """A retired newest one does not; without a living one there is no ring."""
    assert KeyRing([OLD, _retired(NEW)]).current == "k1"
    with pytest.raises(ValueError, match="no key that is not retired"):
        KeyRing([_retired(OLD)])


# ---- stamps ------------------------------------------------------------------------------------------------------


def test_stamping_keys_differ() -> None:
    """By tenant and by key; none is what seals or conceals."""
    keys = {RING.stamping(tenant, key) for tenant in ("acme", "rival", "") for key in ("k1", "k2")}
    assert len(keys) == 6
    assert RING.stamping("acme") == RING.stamping("acme", "k2")
    assert not keys & {bytes.fromhex(OLD.secret), bytes.fromhex(NEW.secret), *RING.public_keys().values()}


def test_a_retired_key_stamps_nothing() -> None:
    """Neither does one that is unknown: what they stamped is not believed."""
    ring = KeyRing([_retired(OLD), NEW])
    assert ring.stamping("acme", "k1") is None
    assert ring.stamping("acme", "k9") is None
    assert ring.stamping("acme", "k2") == RING.stamping("acme", "k2")


def test_a_renewed_ring_forgets_what_it_derived() -> None:
    """A key that is retired while memfw runs is not believed from the next stamp on."""
    ring = KeyRing([OLD, NEW])
    assert ring.stamping("acme", "k1") is not None
    before = ring.revision
    ring.renew([_retired(OLD), NEW])
    assert ring.stamping("acme", "k1") is None
    assert ring.revision != before


def test_a_renewal_that_cannot_be_changes_nothing() -> None:
    """The old keys stay."""
    ring = KeyRing([OLD, NEW])
    with pytest.raises(ValueError):
        ring.renew([_retired(NEW)])
    assert (ring.current, ring.revision, len(ring.keys)) == ("k2", 0, 2)


# ---- secrets -----------------------------------------------------------------------------------------------------


def test_no_secret_in_words() -> None:
    """Of a key, a ring, a signer or an error."""
    key = new_key(1.0)
    ring = KeyRing([key])
    concealed = ring.conceal(b"the held text", b"about")
    try:
        ring.reveal(concealed[:-1], b"about")
    except ValueError as error:
        said = "".join(traceback.format_exception(error))
    else:
        raise AssertionError("revealed")
    derived = ring.stamping("acme")
    assert derived is not None
    shown = f"{key!r} {key} {ring!r} {ring} {ring.signer()!r} {ring.keys!r} {said}"
    assert key.id in shown
    for secret in (key.secret, repr(bytes.fromhex(key.secret)), derived.hex(), "the held text"):
        assert secret not in shown


def test_keys_are_new() -> None:
    """32 random bytes and an id of their own."""
    one, other = new_key(1.0), new_key(1.0)
    assert one.id != other.id
    assert one.secret != other.secret
    assert len(bytes.fromhex(one.secret)) == 32


# ---- what people write down --------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [(OLD, NEW), (_retired(OLD), NEW)])
def test_a_lasting_key_outlives_rotation(keys: tuple[RingKey, ...]) -> None:
    """Neither a new key nor the retirement of the old one changes it; every kind has its own."""
    first = KeyRing([OLD]).lasting("index-key")
    assert KeyRing(keys).lasting("index-key") == first
    assert KeyRing(keys).lasting("other") != first
    assert KeyRing([NEW]).lasting("index-key") != first
