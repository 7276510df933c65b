"""Lanes: numbers, links, signatures, beginnings, and what checkpoints and anchors say of them."""

import msgspec
import pytest

from firewall.core.chain import NO_LINK, Head, Lane, Sealed, link_of, seal_body
from firewall.core.lane_seen import Links
from firewall.core.verify import Entry
from firewall.keyring import KeyRing, RingKey
from tests.core.sealed_store import SealedStore, found, report_of
from tests.log.keys import SIGNER

LANE = "w/log"


def _store(seals: int = 5) -> SealedStore:
    store = SealedStore()
    for _ in range(seals):
        store.commit(LANE)
    return store


def _edited(sealed: Sealed, **fields: object) -> Sealed:
    return Sealed(
        msgspec.msgpack.encode(msgspec.structs.replace(seal_body(sealed), **fields)), sealed.signature
    )


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_changed_seal_is_blamed_and_not_its_neighbours(place: int, every: bool) -> None:
    """Its signature tells, wherever it stands; with all of them the lane is proven up to the one before."""
    store = _store()
    store.all_seals[place] = _edited(store.all_seals[place], at=2.0)
    report = store.report(every_signature=every)
    assert found(report) == [("forged", LANE, place + 1)]
    assert report.proven[0].seq == (place if every else 0)


def test_a_tail_that_was_chained_anew() -> None:
    """A few signatures say that it is wrong; all of them say where that begins, and how far it is proven."""
    store = _store()
    link = link_of(store.all_seals[1])
    for place in (2, 3, 4):
        store.all_seals[place] = _edited(store.all_seals[place], prev=link, at=2.0)
        link = link_of(store.all_seals[place])
    assert found(store.report()) == [("forged", LANE, 5)]
    report = store.report(every_signature=True)
    assert found(report) == [("forged", LANE, number) for number in (3, 4, 5)]
    assert report.proven[0].seq == 2


def test_seals_that_are_missing() -> None:
    """The first missing number is named, how many, and how far the lane is proven."""
    store = _store()
    del store.all_seals[1:3], store.things[1:3]
    report = store.report()
    assert found(report) == [("seal_missing", LANE, 2)]
    assert "those up to 3" in report.faults[0].what
    assert report.proven[0].seq == 1


def test_a_beginning_that_is_missing() -> None:
    """Without a word of retention it was taken."""
    store = _store()
    del store.all_seals[:2], store.things[:2]
    report = store.report()
    assert found(report) == [("no_start", LANE, 3)]
    assert report.proven[0].seq == 0


def test_exchanged_seals() -> None:
    """Both are genuine; the order is not."""
    store = _store()
    store.all_seals[1], store.all_seals[2] = store.all_seals[2], store.all_seals[1]
    assert found(store.report()) == [("seal_missing", LANE, 2), ("seal_misplaced", LANE, 2)]


def test_a_seal_that_stands_twice() -> None:
    """Its items are not counted again."""
    store = _store()
    store.all_seals.insert(3, store.all_seals[1])
    assert found(store.report()) == [("seal_twice", LANE, 2)]


def test_another_genuine_seal_of_the_same_number() -> None:
    """Such as a restored writer makes: the key was right, the history is not one."""
    store = _store()
    lane = Lane(LANE, SIGNER, seq=1, link=link_of(store.all_seals[0]))
    other = lane.seal([], at=9.0)
    appended: list[Entry] = [*store.all_seals, other, *store.things]
    assert found(report_of(appended)) == [("seal_misplaced", LANE, 2)]
    store.all_seals[1] = other
    store.things.pop(1)
    assert found(store.report()) == [("broken_link", LANE, 3)]


@pytest.mark.parametrize("seq", [0, -1])
def test_numbers_that_no_seal_has(seq: int) -> None:
    """Not even when they are signed."""
    store = _store()
    lane = Lane("x/log", SIGNER, seq=seq - 1)
    store.all_seals.append(lane.seal([], at=1.0))
    assert found(store.report()) == [("seal_misplaced", "x/log", seq)]


def test_the_largest_numbers() -> None:
    """Cost nothing."""
    store = _store()
    for seq in (2**40, 2**64 - 1):
        lane = Lane("x/log", SIGNER, seq=seq - 1)
        store.all_seals.append(lane.seal([], at=float("inf"), heads=[Head(LANE, seq, NO_LINK)]))
    codes = [code for code, _, _ in found(store.report())]
    assert codes.count("no_start") == codes.count("lane_cut") == codes.count("seal_missing") == 1


def test_a_first_seal_that_names_one_before_it() -> None:
    """Number 1 follows nothing."""
    store = SealedStore()
    store.lanes[LANE] = Lane(LANE, SIGNER, seq=0, link=b"x" * 32)
    store.commit(LANE)
    assert found(store.report()) == [("broken_link", LANE, 1)]


def test_an_unknown_key() -> None:
    """Its seals prove nothing here."""
    store = _store()
    stranger = KeyRing([RingKey(id="k9", made_at=0.0, secret="11" * 32)]).signer()
    lane = Lane("x/log", stranger)
    store.all_seals.append(lane.seal([], at=1.0))
    report = store.report()
    assert found(report) == [("key_unknown", "x/log", 1)]
    assert {place.lane: place.seq for place in report.proven} == {LANE: 5, "x/log": 0}


# ---- retention ---------------------------------------------------------------------------------------------------


def _trimmed_store(upto: int = 2) -> SealedStore:
    store = _store()
    head = Head(LANE, upto, link_of(store.all_seals[upto - 1]))
    store.commit("w/retention", 0, trimmed=[head])
    return store


def test_what_retention_let_go() -> None:
    """Before, while and after it goes: the seal that says so comes first."""
    store = _trimmed_store()
    assert store.report().sound
    store.things.pop(0)
    report = store.report()
    assert report.sound
    assert any("1 sealed things were let go" in note for note in report.notes)
    del store.things[0], store.all_seals[:2]
    assert store.report().sound


def test_retention_covers_nothing_more() -> None:
    """One record, or one seal, beyond what it says was taken by somebody."""
    store = _trimmed_store()
    del store.things[:3]
    assert found(store.report()) == [("missing", "id3", 3)]
    del store.all_seals[:3]
    assert found(store.report()) == [("no_start", LANE, 4)]


def test_retention_says_which_seal_was_the_last() -> None:
    """Another history cannot begin behind it."""
    store = _trimmed_store()
    del store.things[:2], store.all_seals[:5]
    lane = Lane(LANE, SIGNER, seq=2, link=b"y" * 32)
    store.all_seals.insert(0, lane.seal([], at=1.0))
    assert ("broken_link", LANE, 3) in found(store.report())


def test_a_lane_that_retention_let_go_as_a_whole() -> None:
    """Checkpoints and anchors from before may still know it."""
    store = _store()
    anchor = store.heads()
    store.commit("w/retention", 0, trimmed=[store.lanes[LANE].head], heads=store.heads())
    del store.things[:], store.all_seals[:5]
    assert store.report(anchor).sound
    assert found(store.report([Head(LANE, 6, NO_LINK)])) == [("lane_missing", LANE, 6)]


def test_a_forged_word_of_retention() -> None:
    """Is not believed."""
    store = _trimmed_store()
    store.all_seals[-1] = Sealed(store.all_seals[-1].body, bytes(64))
    del store.things[:2], store.all_seals[:2]
    assert found(store.report()) == [("no_start", LANE, 3), ("forged", "w/retention", 1)]


# ---- checkpoints and anchors -------------------------------------------------------------------------------------


def test_a_cut_lane_is_known_to_a_checkpoint_of_another() -> None:
    """And how far it is proven."""
    store = _store()
    store.commit("v/log", 0, heads=store.heads())
    del store.all_seals[3:5], store.things[3:5]
    report = store.report()
    assert found(report) == [("lane_cut", LANE, 3)]
    assert "proven up to seal 3, evidence id3 at offset 3" in report.faults[0].what


def test_a_lane_that_is_gone() -> None:
    """Named once, however many checkpoints know it."""
    store = _store()
    for _ in range(3):
        store.commit("v/log", 0, heads=store.heads())
    del store.all_seals[:5], store.things[:5]
    assert found(store.report()) == [("lane_missing", LANE, 5)]


def test_a_checkpoint_that_knows_another_seal() -> None:
    """A genuine one, but not this one."""
    store = _store()
    store.commit("v/log", 0, heads=[Head(LANE, 3, b"z" * 32)])
    assert found(store.report()) == [("head_differs", LANE, 3)]


def test_an_anchor() -> None:
    """Finds the cut end and the older copy, and says how far each of its lanes is proven."""
    store = _store()
    store.commit("v/log")
    anchor = store.heads()
    assert store.report(anchor).sound
    del store.all_seals[4:], store.things[4:]
    assert store.report().sound
    report = store.report(anchor)
    assert set(found(report)) == {("lane_cut", LANE, 4), ("lane_missing", "v/log", 1)}
    assert [(place.lane, place.seq, place.offset) for place in report.anchored] == [
        ("v/log", 0, 0),
        (LANE, 4, 4),
    ]
    assert str(report.anchored[0]) == "lane v/log is proven nowhere"


# ---- failover ----------------------------------------------------------------------------------------------------


def test_what_a_failover_lost() -> None:
    """The lane goes on from what the store still had, and says what it had: a note, also for checkpoints and anchors."""
    store = _store()
    store.commit("v/log", 0, heads=store.heads())
    anchor = [store.lanes[LANE].head]
    lost = store.lanes[LANE].head
    del store.all_seals[3:5], store.things[3:5]
    store.lanes[LANE] = Lane(LANE, SIGNER, seq=3, link=link_of(store.all_seals[2]))
    store.commit(LANE, lost=lost)
    report = store.report(anchor)
    assert report.sound
    assert report.notes[0].startswith(f"the store came back without seals 4 to 5 of lane {LANE}")
    store.all_seals.pop()
    store.things.pop()
    assert found(store.report()) == [("lane_cut", LANE, 3)]


def test_links_are_kept_by_number() -> None:
    """With gaps, and nothing outside."""
    links = Links()
    for seq in (3, 4, 9, 2**63):
        links.add(seq, seq.to_bytes(32))
    assert [links.at(seq) for seq in (2, 3, 4, 5, 8, 9, 10, 2**63)] == [
        None if number is None else number.to_bytes(32) for number in (None, 3, 4, None, None, 9, None, 2**63)
    ]
