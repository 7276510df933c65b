"""How a store that went back is told from one that goes on, without asking it anything."""

import pytest

from firewall.core.chain import NO_LINK, Lane, Sealed, link_of
from firewall.errors import StateError
from firewall.log.redis_layout import Entry, pack, pack_names
from firewall.log.redis_marks import Marks
from tests.log.keys import SIGNER


def past(name: str, offsets: list[int]) -> list[Entry]:
    """Entries of a shard, each naming the one before it."""
    lane, before, entries = Lane(name, SIGNER), NO_LINK, []
    for offset in offsets:
        sealed: Sealed = lane.seal([], at=float(offset))
        lane.stored(sealed)
        entries.append(Entry(offset, sealed, pack([]), before, pack_names([])))
        before = link_of(sealed)
    return entries


OURS, THEIRS = past("ours", [1, 3, 4, 7]), past("theirs", [1, 3, 4, 7])


def met(marks: Marks, entries: list[Entry], *, after: int = 0) -> None:
    for entry in entries:
        marks.passed(5, entry, after=after)
        after = entry.offset


def rewound(marks: Marks, entries: list[Entry], *, after: int = 0) -> bool:
    try:
        met(marks, entries, after=after)
    except StateError as error:
        return error.code == "log_rewound"
    return False


def test_one_past_goes_on() -> None:
    """However often it is met, and from wherever."""
    marks = Marks()
    met(marks, OURS[:2])
    met(marks, OURS)
    met(marks, OURS[2:], after=3)
    assert marks.of(5).offset == 7
    assert (marks.generation, marks.lost) == (0, False)


@pytest.mark.parametrize("seen", [1, 2, 3, 4])
@pytest.mark.parametrize("begins", [0, 1])
def test_another_past_is_noticed(seen: int, begins: int) -> None:
    """At the first entry that does not continue what was seen; a follower may be behind what others have read."""
    marks = Marks()
    met(marks, OURS[:seen])
    assert rewound(marks, THEIRS[begins:], after=THEIRS[begins - 1].offset if begins else 0)
    assert (marks.generation, marks.lost) == (1, True)


def test_a_gap_is_noticed() -> None:
    """Entries that were trimmed before they were seen: what was folded lacks them."""
    marks = Marks()
    met(marks, OURS[:1])
    assert rewound(marks, OURS[2:], after=1)


def test_a_later_start_cannot_tell() -> None:
    """One who begins behind the mark's place takes what is there."""
    marks = Marks()
    met(marks, OURS[:1])
    assert not rewound(marks, OURS[3:], after=4)


def test_heads() -> None:
    """A head may be ahead of the mark, never behind it, and at its place it is the same."""
    marks = Marks()
    met(marks, OURS[:3])
    mark, link = marks.of(5), link_of(OURS[2].sealed)
    marks.check_head(mark, 4, link)
    marks.check_head(mark, 9, NO_LINK)
    for offset, other in ((3, link), (0, NO_LINK), (4, link_of(THEIRS[2].sealed))):
        with pytest.raises(StateError):
            marks.check_head(mark, offset, other)
    assert marks.generation == 1


def test_beginning_again() -> None:
    """After a loss all marks are set to what is there now, also back; else they only move on."""
    marks = Marks()
    met(marks, OURS)
    marks.begin({5: (3, link_of(THEIRS[1].sealed))})
    assert marks.of(5).offset == 7
    assert rewound(marks, THEIRS, after=0)
    marks.begin({5: (3, link_of(THEIRS[1].sealed))})
    assert not marks.lost
    met(marks, THEIRS[2:], after=3)
    assert marks.of(5).passes(7)
    assert not marks.of(5).passes(8)
    assert not marks.of(6).passes(1)
