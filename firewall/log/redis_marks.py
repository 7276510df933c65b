"""How far this process has seen each shard, and by which link: what tells a store that goes on from one that went back.

After a failover a store may lack what was read before, and fill the same offsets with other records. Every read that
states are folded from is checked against the mark of its shard and moves it on, so that all that was seen up to a mark
is one past. Once they disagree, `generation` says so until the marks are set anew.
"""

from firewall.core.chain import link_of
from firewall.errors import StateError
from firewall.log.redis_faults import rewound
from firewall.log.redis_layout import SHARDS, Entry


class Mark:
    """Up to where a shard was seen; the link is None before anything was."""

    __slots__ = ("link", "offset")

    def __init__(self, offset: int, link: bytes | None) -> None:
        self.offset = offset
        self.link = link

    def passes(self, offset: int) -> bool:
        """Whether that place is among what was seen."""
        return self.link is not None and offset <= self.offset

    def arguments(self) -> tuple[int, bytes]:
        """For the scripts that check it: 0 where there is nothing to check."""
        return (self.offset, self.link.hex().encode()) if self.link is not None else (0, b"")


class Marks:
    def __init__(self) -> None:
        self._marks = [Mark(0, None) for _ in range(SHARDS)]
        self.generation = 0
        self.lost = False

    def of(self, shard: int) -> Mark:
        return self._marks[shard]

    def passed(self, shard: int, entry: Entry, *, after: int) -> None:
        """The next entry of the shard was met by one who had seen all up to `after`. StateError `log_rewound` where it
        does not continue what was seen."""
        mark = self._marks[shard]
        if entry.offset < mark.offset:
            return
        link = link_of(entry.sealed)
        if mark.link is not None:
            expected = link if entry.offset == mark.offset else entry.before
            if after <= mark.offset and expected != mark.link:
                raise self.disagree()
        self._marks[shard] = Mark(entry.offset, link)

    def read(self, shard: int, entry: Entry) -> None:
        """An entry from a read that had the store check the mark in the same step."""
        if entry.offset > self._marks[shard].offset:
            self._marks[shard] = Mark(entry.offset, link_of(entry.sealed))

    def check_head(self, mark: Mark, offset: int, link: bytes) -> None:
        """The shard's head against the mark as it was before the head was asked for."""
        if mark.link is not None and (offset < mark.offset or (offset == mark.offset and link != mark.link)):
            raise self.disagree()

    def disagree(self) -> StateError:
        """Note it for everybody who follows, and give the error."""
        if not self.lost:
            self.lost = True
            self.generation += 1
        return rewound()

    def begin(self, heads: dict[int, tuple[int, bytes]]) -> None:
        """Somebody starts from these heads: after a loss everything begins there, else the marks only move on."""
        for shard, (offset, link) in heads.items():
            if self.lost or offset > self._marks[shard].offset:
                self._marks[shard] = Mark(offset, link)
        self.lost = False
