"""Letting the oldest go: what goes is read, sealed as trimmed, and only then removed.

Evidence goes as far as the snapshots of all scopes of its shard cover it, so that every state can still be folded.
Operations outlive their records by 7 days, and so do the heads of lanes that have nothing left. Sizes are the store's own
count of what stands in the streams; with `keep_bytes` every stream gives the same share.
"""

from collections.abc import Callable

import msgspec

from firewall.core.chain import NO_LINK, Head, SealBody, link_of, order_after, seal_body
from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.log.redis_chain import DAY, Chain
from firewall.log.redis_faults import damaged
from firewall.log.redis_layout import (
    SHARDS,
    Entry,
    Keys,
    Part,
    lane_head,
    lane_value,
    records_of,
    scope_name,
    shard_of_name,
)
from firewall.log.redis_node import Command, Reply
from firewall.log.redis_nodes import Nodes, checked
from firewall.log.redis_reader import Reader
from firewall.log.redis_scripts import TRIM
from firewall.ports import Trimmed

OPERATION_DAYS = 7.0
_PARTS: tuple[Part, Part] = ("e", "r")
_EXPIRES_AT_ONCE = 500
_HEAD = ("bytes", "base", "before")


class _Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard says of itself. `bases` are up to where its streams were trimmed, `covered` up to which offset no state
    needs the records any more, None for all of them; `open` are the newest offsets of the scopes that no snapshot covers."""

    shard: int
    sizes: dict[Part, int]
    bases: dict[Part, Head]
    lanes: dict[str, Head]
    trimmed: dict[str, tuple[Head, float]]
    covered: int | None
    open: list[int]


class _Going(msgspec.Struct):
    """What a stream that begins after `base` lets go: everything up to `offset`."""

    shard: int
    part: Part
    base: int
    order: bytes
    offset: int = 0
    items: int = 0
    size: int = 0
    lanes: dict[str, tuple[Head, float]] = {}
    scopes: set[bytes] = set()
    operations: list[bytes] = []


class Retention:
    def __init__(
        self, nodes: Nodes, keys: Keys, reader: Reader, chain: Chain, *, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._nodes = nodes
        self._keys = keys
        self._reader = reader
        self._chain = chain

    async def trim(self, *, before: float | None, keep_bytes: int | None) -> Trimmed:
        """Remove what is older than `before`, and more until `keep_bytes` are left. A failure in between has removed
        less than was sealed; the next trim goes on."""
        ledgers = await self._ledgers()
        total = sum(sum(ledger.sizes.values()) for ledger in ledgers)
        surplus = 0.0 if keep_bytes is None or not total else max(0.0, 1 - keep_bytes / total)
        going: list[_Going] = []
        for ledger in ledgers:
            for part in _PARTS:
                found = await self._going(ledger, part, before=before, size=int(ledger.sizes[part] * surplus))
                if found.offset:
                    going.append(found)
        if not going:
            return Trimmed()
        await self._chain.begin()
        await self._chain.seal(trimmed=_beginnings(ledgers, going))
        gone = [one for one in going if await self._remove(one)]
        for ledger in ledgers:
            await self._forget_lanes(ledger)
        return Trimmed(
            records=sum(one.items for one in gone if one.part == "e"),
            decisions=sum(one.items for one in gone if one.part == "r"),
        )

    async def trimmed_to(self, key: ScopeKey) -> int:
        """Up to which offset records of the scope went, 0 for none."""
        name = scope_name(key)
        shard = shard_of_name(name)
        offset = await self._nodes.ask(shard, b"HGET", self._keys.of(shard, "g"), name)
        return int(offset) if isinstance(offset, bytes) else 0

    async def uncovered(self, limit: int) -> list[ScopeKey]:
        """The first scopes whose newest record is in no snapshot; what they are called stands in that record."""
        found: list[ScopeKey] = []
        for ledger in await self._ledgers():
            for newest in ledger.open[: limit - len(found)]:
                entries, _ = await self._reader.page(ledger.shard, "e", after=newest - 1, count=1)
                found += {
                    record.key for entry in entries for record in records_of(entry) if record.offset == newest
                }
        return found

    async def _going(self, ledger: _Ledger, part: Part, *, before: float | None, size: int) -> _Going:
        going = _Going(ledger.shard, part, ledger.bases[part].seq, ledger.bases[part].link)
        if before is None and not size:
            return going
        most = ledger.covered if part == "e" else None
        async for page in self._reader.entries(ledger.shard, part, after=ledger.bases[part].seq):
            for entry in page:
                body = _body(entry)
                old = before is not None and body.at < before
                if not (old or going.size < size) or (most is not None and entry.offset > most):
                    return going
                link = link_of(entry.sealed)
                going.offset = entry.offset
                going.order = order_after(going.order, link)
                going.items += len(body.items)
                going.scopes |= {scope_name(ScopeKey(item.tenant, item.scope)) for item in body.items}
                going.size += entry.size
                going.lanes[body.lane] = (Head(body.lane, body.seq, link), body.at)
                going.operations += entry.operation_keys()
        return going

    async def _remove(self, going: _Going) -> bool:
        """Whether it was us: another process may have trimmed meanwhile."""
        shard = going.shard
        keys = [self._keys.of(shard, going.part), self._keys.of(shard, "h")]
        if going.part == "e":
            await self._chain.keep_order(shard, going.offset, going.order)
            scopes = _fields(await self._nodes.ask(shard, b"HGETALL", self._keys.of(shard, "c")))
            keys += [self._keys.named(shard, "i", scope) for scope in scopes]
            gone = [text for scope in sorted(going.scopes) for text in (scope, b"%d" % going.offset)]
            await self._nodes.ask(shard, b"HSET", self._keys.of(shard, "g"), *gone, writes=True)
            await self._expire(shard, going.operations)
        trimmed = [
            text
            for head, at in going.lanes.values()
            for text in (head.lane.encode(), b"%s:%d" % (lane_value(head.seq, head.link), at))
        ]
        await self._nodes.ask(shard, b"HSET", self._keys.of(shard, "z"), *trimmed, writes=True)
        arguments: list[bytes | int] = [
            going.part.encode(),
            b"%d-0" % (going.offset + 1),
            going.size,
            going.offset,
            going.order.hex().encode(),
            going.base,
        ]
        replies = await self._nodes.call(shard, TRIM, keys, arguments, writes=True)
        return bool(checked(replies[0]))

    async def _forget_lanes(self, ledger: _Ledger) -> None:
        """Those that have nothing left and that no writer goes on with any more (`LANE_DAYS`)."""
        aged = self._clock() - OPERATION_DAYS * DAY
        names = [
            head.lane.encode()
            for head, at in ledger.trimmed.values()
            if at < aged and ledger.lanes.get(head.lane) == head
        ]
        for kind in ("l", "z") if names else ():
            await self._nodes.ask(
                ledger.shard, b"HDEL", self._keys.of(ledger.shard, kind), *names, writes=True
            )

    async def _expire(self, shard: int, operations: list[bytes]) -> None:
        """From now on they have 7 days: before their records go, so that none is kept for ever."""
        milliseconds = int(OPERATION_DAYS * 86_400_000)
        for start in range(0, len(operations), _EXPIRES_AT_ONCE):
            commands: list[Command] = [
                (b"PEXPIRE", self._keys.named(shard, "o", name), milliseconds)
                for name in operations[start : start + _EXPIRES_AT_ONCE]
            ]
            for reply in await self._nodes.run(shard, commands, writes=True):
                checked(reply)

    async def _ledgers(self) -> list[_Ledger]:
        wanted = [f"{part}:{name}" for part in _PARTS for name in _HEAD]
        found = await self._nodes.spread(
            {
                shard: [
                    (b"HMGET", self._keys.of(shard, "h"), *(name.encode() for name in wanted)),
                    *((b"HGETALL", self._keys.of(shard, kind)) for kind in ("l", "z", "c", "n")),
                ]
                for shard in range(SHARDS)
            }
        )
        ledgers: list[_Ledger] = []
        for shard in range(SHARDS):
            replies = found[shard]
            if isinstance(replies, StateError):
                raise replies
            ledgers.append(_ledger(shard, [checked(reply) for reply in replies]))
        return ledgers


def _beginnings(ledgers: list[_Ledger], going: list[_Going]) -> tuple[Head, ...]:
    """Where every lane and every order begins from now on, also those that an earlier trim cut: its seal may go now."""
    heads = {head.lane: head for ledger in ledgers for head, _ in ledger.trimmed.values()}
    orders = {ledger.shard: ledger.bases["e"] for ledger in ledgers if ledger.bases["e"].seq}
    for one in going:
        heads.update({lane: head for lane, (head, _) in one.lanes.items()})
        if one.part == "e":
            orders[one.shard] = Head(f"order/{one.shard}", one.offset, one.order)
    return (*heads.values(), *orders.values())


def _ledger(shard: int, replies: list[Reply]) -> _Ledger:
    heads, lanes, trimmed, newest, snapshots = replies
    if not isinstance(heads, list) or len(heads) != 2 * len(_HEAD):
        raise damaged()
    sizes: dict[Part, int] = {}
    bases: dict[Part, Head] = {}
    for part, fields in zip(_PARTS, (heads[:3], heads[3:]), strict=True):
        size, offset, order = fields
        sizes[part] = int(size or 0)
        link = bytes.fromhex(order.decode("ascii")) if order else NO_LINK
        bases[part] = Head(f"order/{shard}", int(offset or 0), link)
    saved = {name: int(value) for name, value in _fields(snapshots).items()}
    waiting = [
        (saved.get(scope, 0), int(offset))
        for scope, offset in _fields(newest).items()
        if saved.get(scope, 0) < int(offset)
    ]
    return _Ledger(
        shard=shard,
        sizes=sizes,
        bases=bases,
        lanes={
            name.decode(): Head(name.decode(), *lane_head(value)) for name, value in _fields(lanes).items()
        },
        trimmed={name.decode(): _trimmed(name.decode(), value) for name, value in _fields(trimmed).items()},
        covered=min((offset for offset, _ in waiting), default=None),
        open=[offset for _, offset in waiting],
    )


def _trimmed(lane: str, value: bytes) -> tuple[Head, float]:
    head, _, at = value.rpartition(b":")
    return Head(lane, *lane_head(head)), float(at)


def _body(entry: Entry) -> SealBody:
    try:
        return seal_body(entry.sealed)
    except ValueError as error:
        raise damaged() from error


def _fields(reply: Reply) -> dict[bytes, bytes]:
    if not isinstance(reply, list):
        raise damaged()
    return dict(zip(reply[::2], reply[1::2], strict=True))
