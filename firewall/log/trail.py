"""Where an auditor gets a trail from: a store by its URL, or an export. The same entries from each."""

from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from firewall.core.chain import SealBody, Sealed, Stored, seal_body
from firewall.core.verify import Entry, Unreadable
from firewall.errors import StateError
from firewall.log.export import read_entries, read_header
from firewall.log.redis_url import is_redis
from firewall.ports import AuditTrail

PAGE = 2000
ROUNDS = 10

Trail = Callable[[], AsyncIterator[list[Entry]]]
"""The whole trail from its beginning, each time it is called."""


def stored_trail(url: str) -> Trail:
    """What a store holds now. Reading raises StateError and ConfigError."""

    async def pages() -> AsyncIterator[list[Entry]]:
        if not is_redis(url):
            from firewall.log.sqlite_audit import read_trail

            for page in read_trail(url):
                yield page
            return
        from firewall.log.redis import RedisLog  # redis-py is loaded only where it is used

        log = await RedisLog.open(url, signer=_Nobody())
        try:
            async for page in settled(log):
                yield page
            yield [
                Unreadable(f"the indexes of shard {shard} do not lead to the records that stand there")
                for shard in await log.astray()
            ]
        finally:
            await log.close()

    return pages


def exported_trail(path: Path) -> Trail:
    """What a file holds. Reading raises OSError, and ValueError for a file that is no export."""

    async def pages() -> AsyncIterator[list[Entry]]:
        with path.open("rb") as file:
            read_header(file)
            page: list[Entry] = []
            for entry in read_entries(file):
                page.append(entry)
                if len(page) == PAGE:
                    yield page
                    page = []
            yield page

    return pages


async def settled(trail: AuditTrail) -> AsyncIterator[list[Entry]]:
    """A store that others write to meanwhile, as if it had been read at one moment.

    What is stored is read after the seals, so some of it is sealed later: those seals follow, then what else they name,
    then the seals that their checkpoints know, until nothing is open. What nobody sealed is for the verifier to find.
    """
    seen = _Seen()
    async for seals in trail.seals():
        seen.note(seals)
        yield list(seals)
    async for things in trail.stored():
        seen.give(things)
        yield list(things)
    seen.open.clear()  # what is missing by now does not come any more
    for number in range(ROUNDS):
        later: list[Sealed] = []
        async for seals in trail.seals():
            later += seen.later(seals, everything=number == 0)
        if not later:
            return
        seen.note(later)
        yield list(later)
        if seen.open:
            async for things in trail.stored():
                yield seen.give_open(things)


class _Nobody:
    """Who only reads: the log opens, and stores nothing for him."""

    key_id = ""

    def sign(self, body: bytes) -> bytes:  # noqa: ARG002  the protocol's
        raise StateError("log_unavailable", "the log was opened for reading only")


class _Seen:
    """How far each lane was given on, and which things that seals name were not."""

    def __init__(self) -> None:
        self._heads: dict[str, int] = {}
        self._known: dict[str, int] = {}
        self._early: set[tuple[str, str]] = set()
        self.open: set[tuple[str, str]] = set()

    def note(self, seals: Iterable[Sealed]) -> None:
        """These are given on."""
        for sealed in seals:
            body = _body(sealed)
            if body is None:
                continue
            self._heads[body.lane] = max(body.seq, self._heads.get(body.lane, 0))
            self.open.update({(item.kind, item.id) for item in body.items} - self._early)
            for head in body.heads:
                self._known[head.lane] = max(head.seq, self._known.get(head.lane, 0))

    def later(self, seals: Iterable[Sealed], *, everything: bool) -> list[Sealed]:
        """Those behind the heads of their lanes: all, or up to where checkpoints know the lane."""
        return [
            sealed
            for sealed in seals
            if (body := _body(sealed)) is not None
            and body.seq > self._heads.get(body.lane, 0)
            and (everything or body.seq <= self._known.get(body.lane, 0))
        ]

    def give(self, things: Iterable[Stored]) -> None:
        """These are given on; some before their seal."""
        for thing in things:
            key = (thing.kind, thing.id)
            if key in self.open:
                self.open.discard(key)
            else:
                self._early.add(key)

    def give_open(self, things: Iterable[Stored]) -> list[Entry]:
        """Those that a seal named which was given on."""
        found = [thing for thing in things if (thing.kind, thing.id) in self.open]
        self.open.difference_update((thing.kind, thing.id) for thing in found)
        return list(found)


def _body(sealed: Sealed) -> SealBody | None:
    try:
        return seal_body(sealed)
    except ValueError:
        return None
