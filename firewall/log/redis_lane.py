"""One lane of this writer: seals a group, has it stored in one step, and knows what happened to the one before.

A command that was lost may have been done, may be done later, or never. Each group therefore names the lane's head that
it follows, and the store takes it only there: of two that follow the same head one is refused. What is in doubt is found
out from the lane's head in the store before, or by, the next group. Where the store came back without what it had, the
lane goes on from there and its next seal says what was lost.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from firewall.core.chain import Head, Item, Lane, Sealed, SealSigner, link_of
from firewall.errors import StateError
from firewall.log.redis_faults import RETRY, state_error
from firewall.log.redis_layout import FORMAT, Keys, Part, lane_head, lane_value, pack_names
from firewall.log.redis_node import NotSentError, Reply
from firewall.log.redis_nodes import Nodes, newer_format
from firewall.log.redis_scripts import STORE

ATTEMPTS = 4
"""How often one group is sealed anew because the lane's head turned out to be elsewhere."""


class Index(msgspec.Struct, frozen=True):
    """That a group holds so many records of a scope, the newest at `place` (from 1)."""

    scope: bytes
    place: int
    count: int


class Kept(msgspec.Struct, frozen=True):
    """An operation to be remembered: its key's name, the place of its last record in the group, its answer, and for how
    many seconds; 0 is until retention takes its records."""

    name: bytes
    place: int
    answer: bytes
    seconds: int = 0


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes one seal and one entry. `count` is how many offsets it takes, at least one."""

    items: Sequence[Item] = ()
    packed: bytes
    count: int
    indexes: Sequence[Index] = ()
    operations: Sequence[Kept] = ()
    dropped: int = 0
    heads: Sequence[Head] = ()
    trimmed: Sequence[Head] = ()


class Placed(msgspec.Struct, frozen=True):
    """Stored: the offset of the group's last record."""

    last: int


class Known(msgspec.Struct, frozen=True):
    """Not stored, because these operations (by their index in the group) were: the answers that they had."""

    answers: dict[int, bytes]


class RedisLane:
    """One group at a time; who comes meanwhile waits. `sealed` is told of each stored seal, `lost` of each loss."""

    def __init__(
        self,
        name: str,
        *,
        shard: int,
        part: Part,
        nodes: Nodes,
        keys: Keys,
        signer: SealSigner,
        clock: Callable[[], float],
        sealed: Callable[[], None],
        lost: Callable[[int], None],
    ) -> None:
        self._chain = Lane(name, signer)
        self._signer = signer
        self._shard = shard
        self._part: Part = part
        self._nodes = nodes
        self._keys = keys
        self._clock = clock
        self._sealed = sealed
        self._tell_lost = lost
        self._doubtful: list[Sealed] = []
        self._lost: Head | None = None
        self._turn = asyncio.Lock()
        self.used_at = clock()

    @property
    def head(self) -> Head:
        return self._chain.head

    async def store(self, group: Group) -> Placed | Known:
        """Stored, or not because of known operations. NotSentError: certainly not stored. StateError: the outcome is
        unknown, or (`log_full`, `log_format`) it was refused whole; `log_unreplicated`: stored, but not safe."""
        async with self._turn:
            self.used_at = self._clock()
            if self._doubtful:
                value = await self._nodes.ask(
                    self._shard, b"HGET", self._keys.of(self._shard, "l"), self._name
                )
                self._adopt(value if isinstance(value, bytes) else None)
            for _ in range(ATTEMPTS):
                sealed = self._seal(group)
                replies = await self._send(group, sealed)
                match replies[0]:
                    case [b"stored", bytes() as last]:
                        self._stored(sealed)
                        self._nodes.check_replicated(self._shard, replies)
                        return Placed(int(last))
                    case [b"known", *pairs]:
                        return Known(_answers(pairs))
                    case [b"lane", bytes() as value]:
                        self._adopt(value)
                    case [b"format"]:
                        raise newer_format()
                    case other:
                        raise StateError(
                            "log_format", f"the store's script answered a {type(other).__name__}"
                        )
            raise StateError("log_unavailable", "the store does not agree on where this writer's lane ends")

    @property
    def _name(self) -> bytes:
        return self._chain.name.encode()

    def _seal(self, group: Group) -> Sealed:
        return self._chain.seal(
            group.items,
            at=self._clock(),
            dropped=group.dropped,
            heads=group.heads,
            trimmed=group.trimmed,
            lost=self._lost,
        )

    async def _send(self, group: Group, sealed: Sealed) -> list[Reply]:
        keys = self._keys
        link = link_of(sealed)
        names = pack_names([operation.name for operation in group.operations])
        arguments: list[bytes | int] = [
            FORMAT,
            self._part.encode(),
            self._name,
            lane_value(self._chain.seq, self._chain.link),
            lane_value(self._chain.seq + 1, link),
            link.hex().encode(),
            group.count,
            sealed.body,
            sealed.signature,
            group.packed,
            names,
            len(group.indexes),
            len(group.operations),
            keys.channel,
            self._shard,
        ]
        for index in group.indexes:
            arguments += (index.scope, index.place, index.count)
        for operation in group.operations:
            arguments += (operation.place, operation.answer, operation.seconds)
        named = [keys.of(self._shard, kind) for kind in (self._part, "h", "l", "c")]
        named += [keys.named(self._shard, "i", index.scope) for index in group.indexes]
        named += [keys.named(self._shard, "o", operation.name) for operation in group.operations]
        try:
            replies = await self._nodes.call(self._shard, STORE, named, arguments, writes=True, together=True)
        except NotSentError:
            raise
        except StateError as error:
            self._doubtful.append(sealed)
            raise StateError(error.code, f"{error.message}; {RETRY}") from error
        except BaseException:  # cancelled
            self._doubtful.append(sealed)
            raise
        if isinstance(replies[0], Exception):
            # Refused before its first write, as a rule; but an ACL can forbid a later one.
            self._doubtful.append(sealed)
            raise state_error(replies[0])
        return replies

    def _stored(self, sealed: Sealed) -> None:
        self._chain.stored(sealed)
        self._doubtful.clear()
        self._lost = None
        self._sealed()

    def _adopt(self, value: bytes | None) -> None:
        seq, link = lane_head(value)
        here = self._chain.head
        if (seq, link) == (here.seq, here.link):
            return  # what was in doubt is not stored; should it still arrive, it and the next exclude each other
        for sealed in self._doubtful:
            if (seq, link) == (here.seq + 1, link_of(sealed)):
                self._stored(sealed)
                return
        self._lost = self._lost or here
        self._chain = Lane(here.lane, self._signer, seq=seq, link=link)
        self._doubtful.clear()
        self._tell_lost(self._shard)


def _answers(pairs: Sequence[object]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for index, answer in zip(pairs[::2], pairs[1::2], strict=True):
        if isinstance(index, int) and isinstance(answer, bytes):
            found[index - 1] = answer
    return found
