"""This writer's lanes and its checkpoints: the heads of all lanes of the store, sealed.

A writer has a shard of its own, where its receipts and its checkpoints are. Its first seal in a store that has seals is a
checkpoint; then one follows every `checkpoint_every` seals and at a clean close, of the heads that moved. A checkpoint that
cannot be made holds up no append: it stays due.
"""

import asyncio
from collections.abc import Callable, Mapping

from firewall.core.chain import NO_LINK, Head, SealSigner, link_of, order_after
from firewall.errors import StateError
from firewall.log.redis_faults import damaged
from firewall.log.redis_lane import Group, RedisLane
from firewall.log.redis_layout import SHARDS, Keys, Part, digest, lane_head, pack, shard_of_name
from firewall.log.redis_nodes import Nodes, checked
from firewall.log.redis_reader import Reader
from firewall.log.redis_scripts import ORDER

DAY = 86_400.0
LANE_DAYS = 3.0
"""After so long without a seal a writer begins another lane: retention may forget the head of one that old and trimmed."""


class Chain:
    def __init__(
        self,
        *,
        writer: str,
        nodes: Nodes,
        keys: Keys,
        reader: Reader,
        signer: SealSigner,
        clock: Callable[[], float],
        checkpoint_every: int,
        lost: Callable[[int], None],
    ) -> None:
        self.writer = writer
        self.own_shard = shard_of_name(digest(writer))
        self._nodes = nodes
        self._keys = keys
        self._reader = reader
        self._signer = signer
        self._clock = clock
        self._every = checkpoint_every
        self._lost = lost
        self._lanes: dict[tuple[int, Part], RedisLane] = {}
        self._turns: dict[tuple[int, Part], int] = {}
        self._beginning = asyncio.Lock()
        self._begun = False
        self._said: dict[str, Head] = {}
        self._since = 0
        self._due: asyncio.Task[None] | None = None

    def lane(self, shard: int, part: Part) -> RedisLane:
        """This writer's lane there; one at a time."""
        found = self._lanes.get((shard, part))
        if found is None or found.used_at < self._clock() - LANE_DAYS * DAY:
            self._turns[shard, part] = turn = self._turns.get((shard, part), 0) + 1
            writer = self.writer if turn == 1 else f"{self.writer}-{turn}"
            found = self._lanes[shard, part] = RedisLane(
                f"{writer}/{part}{shard}",
                shard=shard,
                part=part,
                nodes=self._nodes,
                keys=self._keys,
                signer=self._signer,
                clock=self._clock,
                sealed=self._sealed,
                lost=self._lost,
            )
        return found

    async def begin(self) -> None:
        """Before the first seal: what this writer found. Where that cannot be said now, it is said later."""
        if not self._begun:  # before the lock: of those who wait for one, one gets on in a turn of the loop
            await self._begin()

    async def _begin(self) -> None:
        async with self._beginning:
            if self._begun:
                return
            try:
                heads = await self.heads()
                if heads:
                    await self._seal(heads)
            except StateError:
                self._since = self._every
            self._begun = True

    async def checkpoint(self) -> tuple[Head, ...]:
        """Seal the heads of all lanes; that seal's own is among what is returned."""
        heads = await self.heads()
        own = await self._seal(heads)
        return (*(head for head in heads if head.lane != own.lane), own)

    async def close(self) -> None:
        """The last checkpoint, where there is anything to say; a store that is away does not get one."""
        if self._due is not None:
            await asyncio.wait([self._due])
        if self._lanes:
            await self._checkpoint_if_possible()

    async def heads(self) -> tuple[Head, ...]:
        """Of all lanes of the store, and of each shard's order."""
        found = await self._nodes.spread(
            {
                shard: [
                    # The order first: what it covers is then covered by the lanes' heads too, whoever appends between.
                    (b"HMGET", self._keys.of(shard, "h"), b"e:offset", b"o:offset", b"o:order"),
                    (b"HGETALL", self._keys.of(shard, "l")),
                ]
                for shard in range(SHARDS)
            }
        )
        heads: list[Head] = []
        for shard in range(SHARDS):
            replies = found[shard]
            if isinstance(replies, StateError):
                raise replies
            heads += _lane_heads(checked(replies[1]))
            heads += await self._order(shard, checked(replies[0]))
        return tuple(heads)

    async def orders(self, shard: int, after: int, order: bytes, upto: int) -> tuple[int, bytes]:
        """The order of a shard carried on over its entries up to an offset."""
        async for page in self._reader.entries(shard, "e", after=after):
            for entry in page:
                if entry.offset > upto:
                    return after, order
                after, order = entry.offset, order_after(order, link_of(entry.sealed))
        return after, order

    async def keep_order(self, shard: int, offset: int, order: bytes) -> None:
        """So that nobody has to begin at the beginning; a smaller offset than the kept one changes nothing."""
        replies = await self._nodes.call(
            shard, ORDER, [self._keys.of(shard, "h")], [offset, order.hex().encode()], writes=True
        )
        checked(replies[0])

    async def seal(self, *, heads: tuple[Head, ...] = (), trimmed: tuple[Head, ...] = ()) -> Head:
        """A seal without items in this writer's own shard."""
        lane = self.lane(self.own_shard, "r")
        await lane.store(Group(packed=pack([]), count=1, heads=heads, trimmed=trimmed))
        return lane.head

    async def _seal(self, heads: tuple[Head, ...]) -> Head:
        self._since = 0
        own = await self.seal(heads=heads)
        self._said.update((head.lane, head) for head in heads)
        return own

    async def _order(self, shard: int, reply: object) -> list[Head]:
        match reply:
            case [None, _, _]:
                return []
            case [bytes() as newest, known, order]:
                offset = int(known) if isinstance(known, bytes) else 0
                digest_ = bytes.fromhex(order.decode("ascii")) if isinstance(order, bytes) else NO_LINK
                if offset < int(newest):
                    offset, digest_ = await self.orders(shard, offset, digest_, int(newest))
                    await self.keep_order(shard, offset, digest_)
                return [Head(f"order/{shard}", offset, digest_)]
            case _:
                raise damaged()

    def _sealed(self) -> None:
        self._since += 1
        if self._since >= self._every and self._due is None:
            self._due = asyncio.create_task(self._checkpoint_if_possible())  # noqa: TID251 - owned, awaited by close

    async def _go_on(self) -> None:
        """A checkpoint of what has moved since this writer's last one: what that one said still holds."""
        await self._seal(tuple(head for head in await self.heads() if self._said.get(head.lane) != head))

    async def _checkpoint_if_possible(self) -> None:
        try:
            await self._go_on()
        except StateError:
            self._since = self._every  # with the next seal
        finally:
            self._due = None


def _lane_heads(reply: object) -> list[Head]:
    if not isinstance(reply, list):
        raise damaged()
    lanes: Mapping[bytes, bytes] = dict(zip(reply[::2], reply[1::2], strict=True))
    return [Head(name.decode(), *lane_head(value)) for name, value in sorted(lanes.items())]
