"""Ids of decisions and stamps: they grow with the clock, and are well-formed whatever it says."""

import re

import pytest

from firewall.bootstrap import decision_ids


def test_ids_grow_with_the_time() -> None:
    """Later ones sort behind earlier ones, also over the turn of a second, and those of one moment differ."""
    clock = [1_795_305_599.999]
    new_id = decision_ids(lambda: clock[0])
    before = {new_id() for _ in range(300)}
    clock[0] += 0.002
    assert len(before) == 300
    assert max(before) < new_id()


def test_a_clock_that_goes_back_makes_no_id_twice() -> None:
    """And neither does another process of the same moment."""
    clock = [2.0]
    one, two = decision_ids(lambda: clock[0]), decision_ids(lambda: clock[0])
    made = [each() for each in (one, two, one)]
    clock[0] = 1.0
    made += [each() for each in (one, two)]
    clock[0] = 2.0
    made += [each() for each in (one, two)]
    assert len({*made}) == len(made)


@pytest.mark.parametrize("now", [0.0, -1.5, -1e9, 1e9, 1e15, 1e300])
def test_any_time_makes_an_id(now: float) -> None:
    """Before 1970 and in ten thousand years."""
    assert re.fullmatch("[0-9a-f]{32}", decision_ids(lambda: now)())
