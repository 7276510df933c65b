"""Everything that is asked of the store without changing it. Answers are whole or a StateError."""

from collections.abc import AsyncIterator, Callable

from firewall.core.chain import NO_LINK
from firewall.core.events import Record, ScopeKey
from firewall.errors import CallerError, StateError
from firewall.log.redis_faults import damaged
from firewall.log.redis_layout import (
    LARGEST_OFFSET,
    SHARDS,
    Entry,
    Keys,
    Part,
    digest,
    entry_of,
    records_of,
    scope_name,
    shard_of_name,
)
from firewall.log.redis_marks import Marks
from firewall.log.redis_node import Command, Reply
from firewall.log.redis_nodes import Nodes, checked
from firewall.log.redis_operations import operation_name, stored_operation
from firewall.log.redis_scripts import READ
from firewall.ports import Appended, Decision, Position

PAGE = 64
"""Entries that are read at once; each holds up to a group of records."""
READ_RECORDS = 1000
_PLACES = 10_000
READ_BYTES = 8 * 2**20


class Reader:
    """`followed` says whether anybody follows, who would have to begin again after a loss."""

    def __init__(self, nodes: Nodes, keys: Keys, marks: Marks, *, followed: Callable[[], bool]) -> None:
        self._nodes = nodes
        self._keys = keys
        self._marks = marks
        self._followed = followed

    async def records(self, key: ScopeKey, *, after: int, limit: int) -> list[Record]:
        """Of one scope above `after`, in order. `log_format` when one cannot be understood."""
        found: list[Record] = []
        name = scope_name(key)
        complete = after >= LARGEST_OFFSET
        while not complete and len(found) < limit:
            entries, complete = await self._groups(name, after, min(limit - len(found), READ_RECORDS))
            for entry in entries:
                found += [
                    record for record in records_of(entry) if record.offset > after and record.key == key
                ]
            after = max([after, *(entry.offset for entry in entries)])
            complete = complete or not entries
        return found[:limit]

    async def head(self, key: ScopeKey) -> int:
        name = scope_name(key)
        shard = shard_of_name(name)
        newest = await self._nodes.ask(shard, b"HGET", self._keys.of(shard, "c"), name)
        return int(newest) if isinstance(newest, bytes) else 0

    async def heads(self) -> dict[int, tuple[int, bytes] | StateError]:
        """Of every shard the newest offset and its link, or why they are not known."""
        found = await self._nodes.spread({shard: [self.head_command(shard)] for shard in range(SHARDS)})
        return {
            shard: replies if isinstance(replies, StateError) else head_of(replies[0])
            for shard, replies in found.items()
        }

    def head_command(self, shard: int) -> Command:
        return (b"HMGET", self._keys.of(shard, "h"), b"e:offset", b"e:link")

    async def position(self) -> Position:
        """The newest offset of every shard; the marks begin there."""
        heads: dict[int, tuple[int, bytes]] = {}
        for shard, head in (await self.heads()).items():
            if isinstance(head, StateError):
                raise head
            heads[shard] = head
        self._marks.begin(heads)
        return tuple(heads[shard][0] for shard in range(SHARDS))

    async def page(
        self, shard: int, part: Part, *, after: int, count: int = PAGE
    ) -> tuple[list[Entry], bool]:
        """The next entries of a stream, and whether those were all. One that cannot be read ends the page before it, and is
        an error as the first."""
        command: Command = (
            b"XRANGE",
            self._keys.of(shard, part),
            b"%d-0" % (after + 1),
            b"+",
            b"COUNT",
            count,
        )
        reply = await self._nodes.ask(shard, *command)
        if not isinstance(reply, list):
            raise damaged()
        entries: list[Entry] = []
        for raw in reply:
            try:
                entries.append(entry_of(raw))
            except StateError:
                if not entries:
                    raise
                return entries, False
        return entries, len(reply) < count

    async def entries(self, shard: int, part: Part, *, after: int = 0) -> AsyncIterator[list[Entry]]:
        """All entries of a stream above `after`, page by page."""
        complete = False
        while not complete:
            page, complete = await self.page(shard, part, after=after)
            if page:
                yield page
                after = page[-1].offset

    async def places(self, shard: int, name: bytes, *, until: int) -> dict[int, int]:
        """Of a scope, by its index: the entries that hold records of it, and how many."""
        found: dict[int, int] = {}
        index, start = self._keys.named(shard, "i", name), b"-"
        while True:
            reply = await self._nodes.ask(shard, b"XRANGE", index, start, b"%d-0" % until, b"COUNT", _PLACES)
            if not isinstance(reply, list):
                raise damaged()
            for one in reply:
                match one:
                    case [bytes() as place, [b"n", bytes() as count]] if count.isdigit():
                        found[int(place.partition(b"-")[0])] = int(count)
                        start = b"(" + place
                    case _:
                        raise damaged()
            if len(reply) < _PLACES:
                return found

    async def base(self, shard: int) -> int:
        """Up to which offset retention took the shard's evidence."""
        offset = await self._nodes.ask(shard, b"HGET", self._keys.of(shard, "h"), b"e:base")
        return int(offset) if isinstance(offset, bytes) else 0

    async def operation(self, key: ScopeKey, operation: str, body_digest: str) -> Appended | None:
        """What was answered to an operation; CallerError 409 with another body."""
        shard = shard_of_name(scope_name(key))
        name = self._keys.named(shard, "o", operation_name(key, operation))
        value = await self._nodes.ask(shard, b"GET", name)
        if not isinstance(value, bytes):
            return None
        said = stored_operation(value).repeated(body_digest)
        if isinstance(said, CallerError):
            raise said
        return said

    async def snapshot(self, key: ScopeKey) -> tuple[int, bytes] | None:
        name = scope_name(key)
        shard = shard_of_name(name)
        reply = await self._nodes.ask(shard, b"HMGET", self._keys.named(shard, "s", name), b"offset", b"blob")
        match reply:
            case [bytes() as offset, bytes() as blob]:
                return int(offset), blob
            case _:
                return None

    async def decision(self, decision_id: str) -> Decision | None:
        """By its index, then from its group; None also when retention has taken it."""
        name = digest(decision_id)
        shard = shard_of_name(name)
        place = await self._nodes.ask(shard, b"GET", self._keys.named(shard, "d", name))
        if not isinstance(place, bytes):
            return None
        where, _, offset = place.partition(b":")
        found, _ = await self.page(int(where), "r", after=int(offset) - 1, count=1)
        for entry in found:
            for item in reversed(entry.contents()):
                if item.id == decision_id and entry.offset == int(offset):
                    return Decision(
                        decision_id=decision_id,
                        key=ScopeKey(item.tenant, item.scope),
                        at=item.at,
                        body=item.body,
                    )
        return None

    async def _groups(self, name: bytes, after: int, limit: int) -> tuple[list[Entry], bool]:
        shard = shard_of_name(name)
        keys = [
            self._keys.of(shard, "e"),
            self._keys.named(shard, "i", name),
            self._keys.of(shard, "h"),
        ]
        while True:
            mark = self._marks.of(shard)
            replies = await self._nodes.call(shard, READ, keys, [after, limit, READ_BYTES, *mark.arguments()])
            match checked(replies[0]):
                case b"rewound" if mark is not self._marks.of(shard):
                    continue  # it was set anew meanwhile
                case b"rewound":
                    error = self._marks.disagree()
                    if self._followed():
                        raise error
                    await self.position()  # nothing is folded from what this process has seen
                case [int() as complete, *raw]:
                    entries = [entry_of(one) for one in raw]
                    for entry in entries:
                        self._marks.read(shard, entry)
                    return entries, bool(complete)
                case _:
                    raise damaged()


def head_of(reply: Reply) -> tuple[int, bytes]:
    """Offset and link from a head's reply; 0 for a shard without any."""
    match checked(reply):
        case [bytes() as offset, bytes() as link]:
            return int(offset), bytes.fromhex(link.decode("ascii"))
        case [None, _]:
            return 0, NO_LINK
        case _:
            raise damaged()
