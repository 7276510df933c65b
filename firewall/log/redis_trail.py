"""The audit trail as the store holds it: every seal, and everything that they speak of."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from firewall.core.chain import Sealed, Stored
from firewall.errors import StateError
from firewall.log.redis_layout import SHARDS, Entry, Part
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

    async def _pages(self) -> AsyncGenerator[tuple[Part, list[Entry]], None]:
        for part in _PARTS:
            heads = await self._reader.heads(part)
            for shard in range(SHARDS):
                head = heads[shard]
                if isinstance(head, StateError):
                    raise head
                if not head[0]:
                    continue
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
