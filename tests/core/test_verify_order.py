"""Shards: the order in which entries of several writers stand, against what checkpoints say of it."""

import msgspec

from firewall.core.chain import NO_LINK, Head, Lane, link_of, order_after, seal_body
from tests.core.sealed_store import SealedStore, found
from tests.log.keys import SIGNER


def _order(store: SealedStore, until: int, start: bytes = NO_LINK, begin: int = 0) -> bytes:
    order = start
    for sealed in store.all_seals[begin:until]:
        order = order_after(order, link_of(sealed))
    return order


def _store() -> SealedStore:
    """Two writers take turns in shard 5; a checkpoint in shard 6 knows the order after four and after six entries."""
    store = SealedStore(offsets_sealed=False)
    for _ in range(3):
        store.commit("w/e5")
        store.commit("v/e5")
    heads = [Head("order/5", 4, _order(store, 4)), Head("order/5", 6, _order(store, 6)), *store.heads()]
    store.commit("w/e6", 0, heads=heads)
    return store


def _exchange(store: SealedStore, one: int, other: int) -> None:
    """Two entries: their seals, and with their records the offsets."""
    seals, things = store.all_seals, store.things
    seals[one], seals[other] = seals[other], seals[one]
    here, there = things[one], things[other]
    things[one] = msgspec.structs.replace(here, offset=there.offset)
    things[other] = msgspec.structs.replace(there, offset=here.offset)


def test_the_order_of_a_shard() -> None:
    """Goes on after a checkpoint; another shard's is its own."""
    store = _store()
    assert store.report().sound
    store.commit("w/e5")
    assert store.report().sound


def test_entries_of_two_writers_exchanged() -> None:
    """Each lane is whole; only the checkpoint tells."""
    store = _store()
    _exchange(store, 2, 3)
    report = store.report()
    assert found(report) == [("order_differs", "order/5", 4)]
    assert "up to offset 4" in report.faults[0].what


def test_records_of_two_writers_exchanged() -> None:
    """Each is whole, each lane and all entries stand in order; but a record stands in the other's entry."""
    store = _store()
    one, other = store.things[0], store.things[1]
    store.things[0] = msgspec.structs.replace(one, offset=other.offset)
    store.things[1] = msgspec.structs.replace(other, offset=one.offset)
    assert found(store.report()) == [("moved", "id2", 1)]


def test_an_anchor_knows_the_order_too() -> None:
    """Where no checkpoint is left."""
    store = _store()
    anchor = [Head("order/5", 6, _order(store, 6))]
    store.all_seals.pop()
    assert store.report(anchor).sound
    _exchange(store, 4, 5)
    assert store.report().sound
    assert found(store.report(anchor)) == [("order_differs", "order/5", 6)]


def test_the_order_goes_on_behind_what_retention_let_go() -> None:
    """From the digest that retention sealed; before the entries went, and after."""
    store = _store()
    trimmed = [
        Head("w/e5", 1, link_of(store.all_seals[0])),
        Head("v/e5", 1, link_of(store.all_seals[1])),
        Head("order/5", 2, _order(store, 2)),
    ]
    store.commit("w/e6", 0, trimmed=trimmed)
    assert store.report().sound
    del store.all_seals[:2], store.things[:2]
    assert store.report().sound
    _exchange(store, 0, 1)
    assert found(store.report()) == [("order_differs", "order/5", 4)]


def test_what_many_announced_and_one_did() -> None:
    """Replicas trim at once and each seals its own beginning, each twice; the first of them removed least, the others came
    too late."""
    store = _store()
    for _ in range(4):
        store.commit("w/e5")
    shard = [seal for seal in store.all_seals if seal_body(seal).lane.endswith("e5")]
    orders = [NO_LINK]
    for seal in shard:
        orders.append(order_after(orders[-1], link_of(seal)))
    lanes = [Head("w/e5", 1, link_of(shard[0])), Head("v/e5", 1, link_of(shard[1]))]
    for until in (2, 3, 4, 5, 6, 7):
        for _ in range(2):
            store.commit("w/e6", 0, trimmed=[*lanes, Head("order/5", until, orders[until])])
    store.commit("w/e6", 0, heads=[Head("order/5", 10, orders[10])])
    gone = shard[:2]
    store.all_seals[:] = [seal for seal in store.all_seals if seal not in gone]
    del store.things[:2]
    assert store.report().sound


def test_an_order_that_a_failover_lost() -> None:
    """A note, as the lanes that lost say it."""
    store = _store()
    del store.all_seals[5:], store.things[5:]
    lost = store.lanes["v/e5"].head
    store.lanes["v/e5"] = Lane("v/e5", SIGNER, seq=2, link=link_of(store.all_seals[3]))
    store.commit("v/e5", lost=lost)
    store.commit("u/e6", 0, heads=[Head("order/5", 6, b"q" * 32)])
    report = store.report()
    assert report.sound
    assert "the order of order/5 up to offset 6 was lost in a failover" in report.notes
