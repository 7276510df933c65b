"""Ids of records."""

from firewall.log.ids import EventIds


def test_ids_grow_and_do_not_meet() -> None:
    """In one process they sort as they were made; two processes of one moment differ by their salt."""
    one, two = EventIds(start=1.5, salt=b"\0" * 5), EventIds(start=1.5, salt=b"\1" * 5)
    mine = [one() for _ in range(300)]
    assert mine == sorted(mine)
    assert len({*mine, *(two() for _ in range(300))}) == 600
    assert {len(each) for each in mine} == {32}
