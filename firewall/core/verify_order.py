"""The order in which a shard's entries stand, against what checkpoints say of it.

A store of shards gives the offsets, and each writer's lane knows only its own seals. So a checkpoint seals one digest for
each shard, rolled over the links of all its entries in their order (`chain.order_after`): `order/<k>` for the evidence of
shard k. Where retention removed the beginning, it says with which digest what is left begins.
"""

import re
from collections.abc import Iterable, Sequence

from firewall.core.chain import NO_LINK, Head, order_after
from firewall.core.verify_lanes import ORDER

_SHARD_PART = re.compile(r"[a-z][0-9]{1,4}")
_BEGINNINGS = 64
"""How many of the newest beginnings are tried at most: each replica announces its own trim, and one of them does it."""


class Orders:
    """Fed with every seal in the order in which it stands."""

    def __init__(self) -> None:
        self._links: dict[str, list[bytes]] = {}

    def add(self, lane: str, link: bytes) -> None:
        part = shard_part(lane)
        if part is not None:
            self._links.setdefault(part, []).append(link)

    def wrong(self, heads: Iterable[Head], beginnings: Iterable[Head]) -> list[Head]:
        """For each shard the first of the `heads` that does not fit how its entries stand."""
        begins = _by_part(beginnings)
        found = [self._wrong(part, begins.get(part, []), stated) for part, stated in _by_part(heads).items()]
        return [head for head in found if head is not None]

    def _wrong(self, part: str, begins: Sequence[Head], stated: Sequence[Head]) -> Head | None:
        """None where one of the beginnings fits, else what does not fit the newest."""
        newest = [*dict.fromkeys(reversed(begins))][:_BEGINNINGS]
        first: Head | None = None
        for begin in (*newest, Head(part, 0, NO_LINK)):
            misfit = self._misfit(part, begin, stated)
            if misfit is None:
                return None
            first = first or misfit
        return first

    def _misfit(self, part: str, begin: Head, stated: Sequence[Head]) -> Head | None:
        """The first statement about what follows that beginning which is not met, in order, by what stands there."""
        due = [head for head in stated if head.seq > begin.seq]
        met = 0
        order = begin.link
        for link in self._links.get(part, ()):
            order = order_after(order, link)
            while met < len(due) and due[met].link == order:
                met += 1
        return due[met] if met < len(due) else None


def shard_part(lane: str) -> str | None:
    """What the lanes of all writers of one shard have in common; None where the store has no shards."""
    part = lane.rpartition("/")[2]
    return part if _SHARD_PART.fullmatch(part) else None


def part_of(head: Head) -> str:
    """Of which part of the lanes an order head speaks."""
    name = head.lane.removeprefix(ORDER)
    return f"e{name}" if name.isdigit() else name


def _by_part(heads: Iterable[Head]) -> dict[str, list[Head]]:
    """By the part of the lanes whose order it is, each in the order of offsets."""
    found: dict[str, list[Head]] = {}
    for head in sorted(heads, key=lambda head: head.seq):
        found.setdefault(part_of(head), []).append(head)
    return found
