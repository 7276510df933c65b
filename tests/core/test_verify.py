"""The verifier: what is stored against what its seals say. (Lanes: `test_verify_lanes`; shards: `test_verify_order`.)"""

import msgspec

from firewall.core.chain import Head, Sealed, Stored, link_of
from firewall.core.verify import Unreadable
from tests.core.sealed_store import SealedStore, found, report_of


def _store() -> SealedStore:
    store = SealedStore()
    for count in (1, 3, 2):
        store.commit("w/log", count)
        store.commit("v/log", 1, tenant="rival")
    store.commit("w/receipts", 2, kind="receipt")
    return store


def test_what_nobody_touched() -> None:
    """Is sound, in any interleaving of lanes; few signatures prove it."""
    store = _store()
    report = store.report()
    assert report.sound
    assert (report.counts.evidence, report.counts.receipts, report.counts.seals) == (9, 2, 7)
    assert report.counts.signatures == report.counts.lanes == 3
    assert [(place.lane, place.seq, place.offset) for place in report.proven] == [
        ("v/log", 3, 9),
        ("w/log", 3, 8),
        ("w/receipts", 1, 0),
    ]
    by_lane = sorted(store.all_seals, key=lambda seal: seal.body[:10])
    assert report_of([*by_lane, *store.things]).sound


def test_an_empty_store() -> None:
    """Is sound."""
    assert SealedStore().report().sound


def test_seals_may_follow_what_they_name() -> None:
    """Which is how a store in use is read."""
    store = _store()
    assert report_of([*store.things, *store.all_seals]).sound
    store.things[2] = msgspec.structs.replace(store.things[2], body=b"changed")
    assert found(report_of([*store.things, *store.all_seals])) == [("changed", "id3", 2)]


def test_the_words_name_the_record() -> None:
    """Kind, id, offset, tenant, scope, lane and seal, and what is wrong."""
    store = _store()
    store.things[2] = msgspec.structs.replace(store.things[2], body=b"changed")
    (fault,) = store.report().faults
    assert str(fault) == (
        "evidence id3 (offset 3, tenant acme, scope s; seal 2 of lane w/log): its bytes are not those that were sealed"
        " [changed]"
    )


def test_hostile_names_are_escaped_and_cut() -> None:
    """A name from the store cannot write to a terminal, nor fill it."""
    store = _store()
    store.things.append(
        Stored(kind="evidence", tenant="\x1b[2J", scope="s" * 10_000, id="\n", offset=99, body=b"")
    )
    (fault,) = store.report().faults
    assert "\x1b" not in str(fault)
    assert "\n" not in str(fault)
    assert len(str(fault)) < 500


def test_moved_says_from_where_to_where() -> None:
    """The metadata that differs, as it is and as it was sealed."""
    store = _store()
    store.things[0] = msgspec.structs.replace(store.things[0], tenant="mine", offset=77)
    report = store.report()
    assert "tenant mine (sealed as acme), offset 77 (sealed as 1)" in report.faults[0].what


def test_an_id_that_was_changed_is_found_by_its_place() -> None:
    """Where the offset is sealed, the stranger is found to stand in the place of what is missing."""
    store = _store()
    store.things[0] = msgspec.structs.replace(store.things[0], id="renamed")
    assert found(store.report()) == [("missing", "id1", 1), ("moved", "renamed", 1)]


def test_stored_twice() -> None:
    """Whether the second one is sealed or not."""
    store = _store()
    stranger = msgspec.structs.replace(store.things[0], id="stranger", offset=50)
    store.things += [msgspec.structs.replace(store.things[0], offset=40), stranger, stranger]
    assert found(store.report()) == [
        ("stored_twice", "id1", 1),
        ("stored_twice", "stranger", 0),
        ("not_sealed", "stranger", 0),
    ]


def test_sealed_twice() -> None:
    """An item that two genuine seals name."""
    store = _store()
    store.things.pop(0)
    other = SealedStore()
    other.commit("x/log", 1)
    store.all_seals += other.all_seals
    store.things += other.things
    assert found(store.report()) == [("sealed_twice", "id1", 1)]


def test_a_body_that_is_gone() -> None:
    """Only its place is left: missing, unless retention let it go."""
    store = _store()
    store.things[0] = msgspec.structs.replace(store.things[0], body=None)
    assert found(store.report()) == [("missing", "id1", 1)]
    store.commit("w/retention", 0, trimmed=[Head("w/log", 1, link_of(store.all_seals[0]))])
    assert store.report().sound


def test_offsets_that_the_store_gives_have_to_grow() -> None:
    """Where the seal does not know them, two of one lane cannot change places."""
    store = SealedStore(offsets_sealed=False)
    store.commit("w/e5", 2)
    store.commit("w/e5", 2)
    assert store.report().sound
    assert store.report().proven[0].offset == 4
    store.things[1:3] = [
        msgspec.structs.replace(store.things[1], offset=3),
        msgspec.structs.replace(store.things[2], offset=2),
    ]
    assert found(store.report()) == [("moved", "id3", 2)]


def test_what_cannot_be_read_is_a_fault() -> None:
    """Of a file, or a seal that is none: never an exception, and never the whole of it in words."""
    store = _store()
    for broken in (
        Unreadable("line 7 is none"),
        Sealed(b"", b""),
        Sealed(b"\xdd\xff\xff\xff\xff", b""),
        Sealed(store.all_seals[0].body[:-3], store.all_seals[0].signature),
        Sealed(store.all_seals[0].body.replace(b"w/log", b"w/\xff\xfeg"), b""),
        Sealed(None, None),  # type: ignore[arg-type]
    ):
        report = report_of([*store.all_seals, broken, *store.things])
        assert [fault.code for fault in report.faults] == ["unreadable"]
        assert report.faults[0].what in str(report.faults[0])


def test_what_a_file_says_is_shown_escaped() -> None:
    """Whoever wrote an export wrote the words of its unreadable lines too."""
    report = report_of([Unreadable("\x1b[2J\nsound: all is well" + "x" * 1000)])
    assert str(report.faults[0]).isprintable()
    assert len(str(report.faults[0])) < 200


def test_a_seal_of_a_format_to_come() -> None:
    """Is not understood half."""
    store = _store()
    body = store.all_seals[0].body
    assert body[1] == 1
    store.all_seals.append(Sealed(body[:1] + b"\x02" + body[2:], b""))
    assert [fault.code for fault in store.report().faults] == ["unreadable"]


def test_many_faults() -> None:
    """All are counted, the first ones are kept, however late the first is found."""
    store = SealedStore()
    for _ in range(40):
        store.commit()
    store.things = [msgspec.structs.replace(thing, body=b"changed") for thing in store.things[:0:-1]]
    report = store.report(bound=5)
    assert report.found == 40
    assert found(report) == [("missing", "id1", 1), *(("changed", f"id{n}", n) for n in (2, 3, 4, 5))]


def test_receipts_that_were_never_stored() -> None:
    """A note, not a fault: the chain itself says so."""
    store = _store()
    store.commit("w/receipts", 0, dropped=3)
    report = store.report()
    assert report.sound
    assert report.counts.dropped == 3
    assert any("3 receipts were never stored" in note for note in report.notes)
