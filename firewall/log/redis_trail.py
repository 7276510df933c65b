"""The audit trail as the store holds it: every seal, and everything that they speak of."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing

from firewall.core.chain import Sealed, Stored
from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.log.redis_layout import SHARDS, Entry, Part, scope_name
from firewall.log.redis_reader import Reader

_PARTS: tuple[Part, Part] = ("e", "r")


class Trail:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def seals(self) -> AsyncGenerator[list[Sealed], None]:
        """Of each shard in its order."""
        async with aclosing(self._pages()) as pages:
            async for _, page in pages:
                yield [entry.sealed for entry in page]

    async def stored(self) -> AsyncGenerator[list[Stored], None]:
        """Records with their offsets, receipts with 0."""
        async with aclosing(self._pages()) as pages:
            async for part, page in pages:
                for entry in page:
                    if contents := _contents(part, entry):
                        yield contents

    async def astray(self) -> list[int]:
        """The shards whose indexes do not lead to just the records that stand there: by an index the log finds those of a
        scope, so that what it lacks would be hidden while every byte is as it was sealed."""
        return [shard for shard in range(SHARDS) if await self._is_astray(shard)]

    async def _is_astray(self, shard: int) -> bool:
        wanted: dict[bytes, dict[int, int]] = {}
        newest = 0
        async for page in self._reader.entries(shard, "e"):
            for entry in page:
                newest = entry.offset
                scopes = (ScopeKey(thing.tenant, thing.scope) for thing in _contents("e", entry))
                for name, count in Counter(map(scope_name, scopes)).items():
                    wanted.setdefault(name, {})[newest] = count
        differing: set[int] = set()
        for name, counts in wanted.items():
            found = await self._reader.places(shard, name, until=newest)
            differing |= {place for place, _ in counts.items() ^ found.items()}
        # What retention took meanwhile went from both at once.
        return bool(differing) and max(differing) > await self._reader.base(shard)

    async def _pages(self) -> AsyncGenerator[tuple[Part, list[Entry]], None]:
        """Of every shard, whatever it says of itself: the log gives what stands in a stream to whoever asks."""
        for part in _PARTS:
            for shard in range(SHARDS):
                async for page in self._reader.entries(shard, part):
                    yield part, page


def _contents(part: Part, entry: Entry) -> list[Stored]:
    try:
        contents = entry.contents()
    except StateError:
        return []  # what its seal names is then missing, and said to be
    first = entry.offset - len(contents) + 1
    return [
        Stored(
            kind="evidence" if part == "e" else "receipt",
            tenant=item.tenant,
            scope=item.scope,
            id=item.id,
            offset=first + index if part == "e" else 0,
            body=item.body,
        )
        for index, item in enumerate(contents)
    ]
