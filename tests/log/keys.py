"""The fixed key of the tests: what is sealed with it can be verified by them."""

from firewall.keyring import KeyRing, RingKey

RING = KeyRing([RingKey(id="k1", made_at=0.0, secret="5a" * 32)])
SIGNER = RING.signer()
