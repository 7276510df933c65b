"""The servers of the store and which of them has which shard: one server for all, or the masters of a cluster.

A cluster's answer that a shard has moved is followed, because it says that nothing was done; a lost connection is not,
because it says nothing. After either the map is read again. What a server refuses is kept as its fault until it takes a
write again: `probe` finds that out without traffic.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence

from redis import exceptions as raised
from redis.asyncio.connection import Connection
from redis.crc import key_slot

from firewall.errors import StateError
from firewall.log.redis_faults import state_error
from firewall.log.redis_layout import FORMAT, SHARDS, Keys
from firewall.log.redis_node import Access, Command, Node, NotSentError, Reply
from firewall.log.redis_scripts import PROBE, Script
from firewall.log.redis_together import Together
from firewall.log.redis_url import Place
from firewall.ports import Health

HOPS = 4
MAP_PAUSE = 0.2
_SLOTS = [key_slot(b"s%d" % shard) for shard in range(SHARDS)]


class Nodes:
    """Carries commands to the server that has a shard."""

    def __init__(self, access: Access, keys: Keys) -> None:
        self._access = access
        self._keys = keys
        self._cluster = access.target.cluster
        self._min_replicas = access.settings.min_replicas
        self._wait_ms = max(1, int(access.settings.wait_timeout * 1000))
        self._nodes = {place: Node(place, access) for place in access.target.places}
        self._together: dict[Node, Together] = {}
        first = next(iter(self._nodes.values()))
        self._owners: dict[int, Node] = {} if self._cluster else dict.fromkeys(range(SHARDS), first)
        self._map_stale = self._cluster
        self._map_read = -MAP_PAUSE
        self._reading_map = asyncio.Lock()

    async def open(self) -> None:
        """Find every shard, and refuse a server that would lose or cannot take what it is given. A full one is taken:
        it will have room again."""
        if self._cluster:
            await self._read_map()
            if len(self._owners) < SHARDS:
                raise StateError("log_unavailable", "the store's cluster does not serve all hash slots")
        for node, shard in self._representatives().items():
            memory, replication = await node.exchange([(b"INFO", b"memory"), (b"INFO", b"replication")])
            _check_server({**_info(memory), **_info(replication)})
            found, published = await self.run(
                shard, [self._probe(shard), (b"PUBLISH", self._keys.channel, b"%d" % shard)], writes=True
            )
            for reply in (found, published):
                if isinstance(reply, raised.OutOfMemoryError):
                    continue
                checked(reply)
        formats = await self.spread(
            {shard: [(b"HGET", self._keys.of(shard, "h"), b"format")] for shard in range(SHARDS)}
        )
        for found in formats.values():
            if isinstance(found, StateError):
                raise found
            if checked(found[0]) not in {None, FORMAT}:
                raise newer_format()

    # ---- carrying ------------------------------------------------------------------------------------------------

    async def run(
        self,
        shard: int,
        commands: Sequence[Command],
        *,
        writes: bool = False,
        together: bool = False,
    ) -> list[Reply]:
        """The replies of the shard's server, error replies as values. `together` with what other shards write there; the
        last reply is then that of WAIT, where replicas are asked for. Nothing is sent twice that may have happened."""
        asked: Node | None = None
        for hop in range(HOPS):
            node = asked or await self._owner(shard)
            try:
                if asked is not None:
                    replies = await self._ask(node, [*commands, *(self._wait() if together else [])])
                elif together:
                    replies = await self._shared(node).exchange(commands)
                else:
                    replies = await node.exchange(commands)
            except NotSentError:
                if not self._cluster or hop or self._owners.get(shard) is not node:
                    self._map_stale = self._cluster
                    raise
                self._map_stale = True
                if await self._owner(shard) is node:
                    raise
                continue
            except StateError:
                self._map_stale = self._cluster
                raise
            asked = None
            match replies[0]:
                case raised.MovedError() as moved if self._cluster:
                    self._owners[shard] = self._node(_place(moved, node))
                    self._map_stale = True
                case raised.AskError() as ask if self._cluster:
                    asked = self._node(_place(ask, node))
                case _:
                    self._note(node, replies, writes=writes)
                    return replies
        raise StateError("log_unavailable", "the store's cluster does not agree on who has the shard")

    async def ask(self, shard: int, *command: bytes | int, writes: bool = False) -> Reply:
        """The reply to one command; StateError for an error reply. With `min_replicas` a write is waited for."""
        if not writes:
            return checked((await self.run(shard, [command]))[0])
        replies = await self.run(shard, [command], writes=True, together=True)
        reply = checked(replies[0])
        self.check_replicated(shard, replies)
        return reply

    async def call(
        self,
        shard: int,
        script: Script,
        keys: Sequence[bytes],
        arguments: Sequence[bytes | int],
        *,
        writes: bool = False,
        together: bool = False,
    ) -> list[Reply]:
        """The script's reply; `together` as for `run`."""
        rest: Command = (len(keys), *keys, *arguments)
        known: Command = (b"EVALSHA", script.sha, *rest)
        replies = await self.run(shard, [known], writes=writes, together=together)
        if isinstance(replies[0], raised.NoScriptError):  # it did not run
            whole: Command = (b"EVAL", script.source, *rest)
            replies = await self.run(shard, [whole], writes=writes, together=together)
        return replies

    async def spread(self, commands: Mapping[int, Sequence[Command]]) -> dict[int, list[Reply] | StateError]:
        """For each shard its replies, or why there are none: one exchange with each server."""
        groups: dict[Node | None, list[int]] = {}
        found: dict[int, list[Reply] | StateError] = {}
        for shard in commands:
            try:
                groups.setdefault(await self._owner(shard), []).append(shard)
            except StateError as error:
                found[shard] = error

        async def one(node: Node, shards: list[int]) -> None:
            try:
                replies = await node.exchange([command for shard in shards for command in commands[shard]])
            except StateError as error:
                self._map_stale = self._cluster
                found.update(dict.fromkeys(shards, error))
                return
            self._map_stale = self._map_stale or any(isinstance(reply, raised.AskError) for reply in replies)
            at = 0
            for shard in shards:
                found[shard] = replies[at : at + len(commands[shard])]
                at += len(commands[shard])

        await asyncio.gather(*(one(node, shards) for node, shards in groups.items() if node is not None))
        return found

    # ---- replicas ------------------------------------------------------------------------------------------------

    def _wait(self) -> list[Command]:
        """What follows a write on its own connection; nothing where no replica is asked for."""
        return [(b"WAIT", self._min_replicas, self._wait_ms)] if self._min_replicas else []

    @property
    def _wait_seconds(self) -> float:
        return self._wait_ms / 1000 if self._min_replicas else 0.0

    async def _ask(self, node: Node, commands: Sequence[Command]) -> list[Reply]:
        """Of a server that a shard is just moving to."""
        replies = await node.exchange(
            [command for wanted in commands for command in ((b"ASKING",), wanted)], extra=self._wait_seconds
        )
        return replies[1::2]

    def _shared(self, node: Node) -> Together:
        if node not in self._together:
            self._together[node] = Together(node, wait=self._wait(), wait_seconds=self._wait_seconds)
        return self._together[node]

    def check_replicated(self, shard: int, replies: Sequence[Reply]) -> None:
        """StateError `log_unreplicated` where the last reply is WAIT's and says too few."""
        if not self._min_replicas:
            return
        count = checked(replies[-1])
        if not isinstance(count, int) or count < self._min_replicas:
            error = StateError(
                "log_unreplicated",
                "too few replicas have it in time; it may be stored: retry with the operation id",
            )
            if shard in self._owners:
                self._owners[shard].refuses = error
            raise error

    # ---- faults --------------------------------------------------------------------------------------------------

    def health(self) -> Health:
        for node in dict.fromkeys(self._owners.values()):
            error = node.unreachable or node.refuses
            if error is not None:
                return Health(ok=False, reason=f"{error.code}: {error.message}")
        return Health(ok=True)

    async def probe(self) -> None:
        """Ask every server to take a write; what it says is in `health`."""
        for shard in list(self._representatives().values()):
            try:
                replies = await self.run(shard, [self._probe(shard)], writes=True, together=True)
                self.check_replicated(shard, replies)
            except StateError:
                continue  # kept as the server's fault

    async def subscribed(self, channel: bytes) -> Connection:
        """A connection that hears what is published, of any server that can be reached."""
        last: StateError = StateError("log_unavailable", "the store cannot be reached")
        for node in self._by_hope():
            try:
                return await node.subscribed(channel)
            except StateError as error:
                last = error
        raise last

    async def close(self) -> None:
        for node in self._nodes.values():
            await node.close()
        for together in self._together.values():
            await together.close()

    def _note(self, node: Node, replies: Sequence[Reply], *, writes: bool) -> None:
        """Keep what the server refuses; forget it when it takes a write."""
        for reply in replies:
            if isinstance(reply, raised.NoScriptError):
                return
            if isinstance(reply, raised.ClusterDownError):
                self._map_stale = self._cluster
            if isinstance(reply, raised.RedisError):
                node.refuses = state_error(reply)
                return
        if writes:
            node.refuses = None

    def _probe(self, shard: int) -> Command:
        keys = [self._keys.of(shard, kind) for kind in ("h", "probe", "probed")]
        return (b"EVAL", PROBE.source, len(keys), *keys)

    # ---- the map -------------------------------------------------------------------------------------------------

    async def _owner(self, shard: int) -> Node:
        if self._map_stale:
            await self._read_map()
        node = self._owners.get(shard)
        if node is None:
            raise NotSentError("log_unavailable", "the store's cluster has nobody for this shard")
        return node

    async def _read_map(self) -> None:
        """From the first server that answers; the old map stays where none does."""
        async with self._reading_map:
            if time.monotonic() < self._map_read + MAP_PAUSE:
                return  # somebody else has just tried
            try:
                for node in self._by_hope():
                    try:
                        (reply,) = await node.exchange([(b"CLUSTER", b"SLOTS")])
                        owners = _slots(checked(reply), node)
                    except StateError:
                        continue
                    self._owners = {
                        shard: self._node(place)
                        for shard, slot in enumerate(_SLOTS)
                        for first, last, place in owners
                        if first <= slot <= last
                    }
                    self._map_stale = False
                    return
            finally:
                self._map_read = time.monotonic()
            if not self._owners:
                raise StateError("log_unavailable", "no server of the store's cluster can be reached")

    def _by_hope(self) -> list[Node]:
        return sorted(self._nodes.values(), key=lambda node: (node.unreachable is not None, not node.open))

    def _node(self, place: Place) -> Node:
        if place not in self._nodes:
            self._nodes[place] = Node(place, self._access)
        return self._nodes[place]

    def _representatives(self) -> dict[Node, int]:
        """One shard of each server."""
        return {node: shard for shard, node in reversed(self._owners.items())}


def checked(reply: Reply) -> Reply:
    """The reply; StateError for an error reply."""
    if isinstance(reply, Exception):
        raise state_error(reply)
    return reply


def newer_format() -> StateError:
    return StateError(
        "log_format", "the keys under the prefix were written by a newer memfw, or by another program"
    )


def _place(moved: raised.AskError, asked: Node) -> Place:
    return Place(moved.host or asked.place.host, int(moved.port))


def _slots(reply: Reply, asked: Node) -> list[tuple[int, int, Place]]:
    found: list[tuple[int, int, Place]] = []
    for row in reply if isinstance(reply, list) else []:
        match row:
            case [int() as first, int() as last, [host, int() as port, *_], *_]:
                named = (
                    host.decode() if isinstance(host, bytes) and host not in {b"", b"?"} else asked.place.host
                )
                found.append((first, last, Place(named, port)))
            case _:
                raise StateError("log_unavailable", "the store's cluster describes its slots in another way")
    return found


def _info(reply: Reply) -> Mapping[bytes, bytes]:
    text = checked(reply)
    lines = text.splitlines() if isinstance(text, bytes) else []
    return {name: value for name, _, value in (line.partition(b":") for line in lines)}


def _check_server(info: Mapping[bytes, bytes]) -> None:
    if info.get(b"role") != b"master":
        raise StateError("log_unavailable", "the store's server is a replica: name its master")
    if info.get(b"maxmemory_policy") != b"noeviction":
        raise StateError(
            "log_unavailable", "the store evicts keys when it is full: it needs maxmemory-policy noeviction"
        )
