"""Stamps: what they prove, that nothing else makes one, and that reading one never fails."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.model import Attestation, Signed, Trust
from firewall.core.stamp import (
    LONGEST,
    MOST_TEXTS,
    STAMP_KEY,
    UNBINDABLE,
    governed_in,
    is_genuine,
    judged,
    lifted,
    make,
    owner_digests,
    read,
    text_digest,
)

CASES = yaml.safe_load((Path(__file__).parent / "stamp.yaml").read_text())
KEY = b"k" * 32
BY = Signed(
    principal="checkout", role="agent", source_class="agent_authored", trust=Trust.trusted, at=1_790_000_000.0
)


class Wrote(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a stamp is bound to."""

    key: bytes = KEY
    key_id: str = "k1"
    stamp_id: str = "s1"
    signed: Signed = BY
    tenant: str = "acme"
    upstream: str = "mem0"
    owner: Mapping[str, str] = msgspec.field(default_factory=lambda: {"user_id": "u1"})
    record: str = ""
    text: str = "Likes tea."
    metadata: Mapping[str, Any] = {}

    @property
    def digest(self) -> str:
        return text_digest(self.text, governed_in(self.metadata))

    def stamp(self) -> str:
        return make(
            self.key,
            self.key_id,
            self.stamp_id,
            self.signed,
            tenant=self.tenant,
            upstream=self.upstream,
            owner=self.owner,
            texts=[self.digest],
            record=self.record,
        )

    def proves(self, stamp: str) -> Attestation | None:
        """What a reader makes of the stamp on this row; None where it finds none."""
        found = read(stamp)
        if found is None:
            return None
        if not is_genuine(found, self.key, tenant=self.tenant, upstream=self.upstream):
            return Attestation.forged
        return judged(found, self.digest, owner_digests(self.owner), self.record)


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["description"])
def test_what_a_genuine_stamp_proves(case: dict[str, Any]) -> None:
    """The cases of stamp.yaml."""
    made = {**CASES["made"], **case.get("made", {})}
    row = {**made, **case["row"]}
    assert Wrote(**row).proves(Wrote(**made).stamp()) == case["want"]


words = st.text(max_size=20)
owners = st.dictionaries(
    st.sampled_from(["user_id", "agent_id", "index", "namespace", "thread_id"]), words, min_size=1
)
people = st.builds(
    Signed,
    principal=st.text(min_size=1, max_size=15),
    role=st.sampled_from(["agent", "host", "reviewer", "admin"]),
    source_class=st.sampled_from(["agent_authored", "host_authored"]),
    trust=st.sampled_from(Trust),
    at=st.integers(0, 2**39).map(float),
)
writes = st.builds(
    Wrote,
    key=st.binary(min_size=32, max_size=32),
    key_id=st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True),
    stamp_id=st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    signed=people,
    tenant=words,
    upstream=words,
    owner=owners,
    record=words,
    text=words,
    metadata=st.dictionaries(st.sampled_from(["kind", "lifecycle_hint", "created_at", "mine"]), words),
)


@given(writes)
def test_what_was_written_is_verified_and_says_who_wrote_it(wrote: Wrote) -> None:
    """Flat, short and ASCII, whatever the names are."""
    stamp = wrote.stamp()
    assert stamp.isascii()
    assert len(stamp) <= LONGEST
    assert wrote.proves(stamp) is Attestation.verified
    found = read(stamp)
    assert found is not None
    assert found.signed == wrote.signed
    assert (found.key_id, found.stamp_id) == (wrote.key_id, wrote.stamp_id)


@given(writes, st.data())
def test_any_change_of_what_is_bound_is_seen(wrote: Wrote, data: st.DataObject) -> None:
    """A row that differs in one bound field is not verified; nor is a stamp with another field under the same MAC."""
    stamp = wrote.stamp()
    field = data.draw(st.sampled_from(["key", "tenant", "upstream", "owner", "text", "record"]))
    other = data.draw(writes.map(lambda drawn: getattr(drawn, field)))
    if field == "owner":  # a row may say more of its owner than the stamp does
        changed = any(other.get(key) != value for key, value in wrote.owner.items())
        verified = bool(wrote.record) and all(
            other.get(key, value) == value for key, value in wrote.owner.items()
        )
        if not changed or verified:
            return
    if other == getattr(wrote, field) or (field == "record" and not wrote.record):
        return
    assert msgspec.structs.replace(wrote, **{field: other}).proves(stamp) is not Attestation.verified


@given(writes, writes, st.integers(0, 9))
def test_no_field_of_a_stamp_can_be_put_into_another(one: Wrote, other: Wrote, place: int) -> None:
    """Fields of two good stamps do not make a third one."""
    mine, theirs = one.stamp().split("."), other.stamp().split(".")
    if mine[place] == theirs[place]:
        return
    mine[place] = theirs[place]
    assert one.proves(".".join(mine)) in (None, Attestation.forged)


@given(writes, st.integers(0, LONGEST), st.characters())
def test_no_character_of_it_can_be_changed(wrote: Wrote, place: int, char: str) -> None:
    """It is no stamp, or a forged one."""
    stamp = wrote.stamp()
    place %= len(stamp)
    changed = stamp[:place] + char + stamp[place + 1 :]
    if changed != stamp:
        assert wrote.proves(changed) in (None, Attestation.forged)


@given(
    st.one_of(
        st.text(), st.from_regex(r"1(\.[\w-]{0,44}){10}"), st.binary().map(lambda raw: raw.decode("latin-1"))
    )
)
def test_any_text_is_a_stamp_or_none(text: str) -> None:
    """Never an exception; what is none stays in the metadata, to be judged."""
    found = read(text)
    metadata: dict[str, object] = {STAMP_KEY: text, "kind": "fact"}
    assert lifted(metadata) == ("" if found is None else text)
    assert (STAMP_KEY in metadata) is (found is None)
    if found is not None:
        assert is_genuine(found, KEY, tenant="acme", upstream="mem0") is False


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ["1.a"], "", "1" * 5_000])
def test_other_values_are_no_stamps(value: object) -> None:
    """They are left where they are."""
    metadata: dict[str, object] = {STAMP_KEY: value}
    assert lifted(metadata) == ""
    assert metadata == {STAMP_KEY: value}


def test_a_name_that_does_not_fit_makes_no_stamp() -> None:
    """Rather none than one that says half a name; nor is there one for a memory that is nobody's."""
    long = msgspec.structs.replace(BY, principal="ä" * 50)
    assert Wrote(signed=long).stamp() == ""
    assert Wrote(owner={}).stamp() == ""
    assert Wrote(owner={"request_filter": "inside"}).stamp() == ""


def test_several_texts_under_one_stamp() -> None:
    """Each of them is verified; those beyond the limit are not named."""
    texts = [text_digest(str(number), b"") for number in range(MOST_TEXTS + 2)]
    stamp = make(KEY, "k1", "s1", BY, tenant="t", upstream="u", owner={"user_id": "u1"}, texts=texts)
    found = read(stamp)
    assert found is not None
    assert len(stamp) <= LONGEST
    proven = [judged(found, text, owner_digests({"user_id": "u1"}), "") for text in texts]
    assert proven == [Attestation.verified] * MOST_TEXTS + [Attestation.derived] * 2


def test_text_and_metadata_cannot_lend_each_other_a_part() -> None:
    """The encoding is unambiguous."""
    assert text_digest("a", b"b") != text_digest("ab", b"")
    assert owner_digests({"user_id": "ab"}) != owner_digests({"user_id": "a", "agent_id": "b"})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5
)


@given(st.dictionaries(st.sampled_from(["kind", "tags", "created_at", "files", "x"]), values))
def test_governed_metadata_have_one_spelling(metadata: dict[str, object]) -> None:
    """Whatever the order; and never an exception."""
    turned = dict(reversed(metadata.items()))
    assert governed_in(metadata) == governed_in(turned)


def test_what_cannot_be_spelled_is_not_bound() -> None:
    """A half of a character that no upstream could give back."""
    assert governed_in({"kind": "\ud800"}) == UNBINDABLE
