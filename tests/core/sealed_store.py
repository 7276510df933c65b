"""An audit trail in memory: what a store would hold, made with the chain's own lanes and a fixed key."""

from collections.abc import AsyncIterator, Sequence

from firewall.core.chain import Head, Item, Kind, Lane, Sealed, Stored, digest_of
from firewall.core.fault import Report
from firewall.core.verify import Entry, Verifier
from firewall.keyring import signed_by
from tests.log.keys import RING, SIGNER


class SealedStore:
    """`commit` stores and seals; then a test does to `all_seals` and `things` what it likes."""

    def __init__(self, *, offsets_sealed: bool = True) -> None:
        self._offsets_sealed = offsets_sealed
        self.lanes: dict[str, Lane] = {}
        self.all_seals: list[Sealed] = []
        self.things: list[Stored] = []

    def commit(
        self,
        lane: str = "w/log",
        count: int = 1,
        *,
        kind: Kind = "evidence",
        tenant: str = "acme",
        dropped: int = 0,
        trimmed: Sequence[Head] = (),
        heads: Sequence[Head] = (),
        lost: Head | None = None,
    ) -> Sealed:
        """So many things in one seal."""
        made = [self.thing(len(self.things) + index + 1, kind, tenant) for index in range(count)]
        self.things += made
        items = [_item(thing, thing.offset if self._offsets_sealed else 0) for thing in made]
        chain = self.lanes.setdefault(lane, Lane(lane, SIGNER))
        sealed = chain.seal(items, at=1.0, dropped=dropped, heads=heads, trimmed=trimmed, lost=lost)
        chain.stored(sealed)
        self.all_seals.append(sealed)
        return sealed

    def thing(self, number: int, kind: Kind = "evidence", tenant: str = "acme") -> Stored:
        """The thing with that number."""
        offset = number if kind == "evidence" else 0
        return Stored(
            kind=kind, tenant=tenant, scope="s", id=f"id{number}", offset=offset, body=b"body %d" % number
        )

    def heads(self) -> list[Head]:
        """Of all lanes."""
        return [lane.head for lane in self.lanes.values()]

    async def checkpoint(self) -> tuple[Head, ...]:
        """A seal with the heads of all lanes."""
        self.commit(count=0, heads=self.heads())
        return tuple(self.heads())

    async def seals(self) -> AsyncIterator[list[Sealed]]:
        """In the order in which they stand."""
        yield list(self.all_seals)

    async def stored(self) -> AsyncIterator[list[Stored]]:
        """In the order in which they stand."""
        yield list(self.things)

    def report(
        self, anchor: Sequence[Head] = (), *, every_signature: bool = False, bound: int = 100
    ) -> Report:
        """What the verifier says of it."""
        entries: list[Entry] = [*self.all_seals, *self.things]
        return report_of(entries, anchor, every_signature=every_signature, bound=bound)


def report_of(
    entries: Sequence[Entry], anchor: Sequence[Head] = (), *, every_signature: bool = False, bound: int = 100
) -> Report:
    """What the verifier says of these entries."""
    verifier = Verifier(
        RING.public_keys(), anchor, signed_by=signed_by, every_signature=every_signature, bound=bound
    )
    verifier.feed(entries)
    return verifier.finish()


def found(report: Report) -> list[tuple[str, str, int]]:
    """Each fault as its code, the id or else the lane, and the seal's number."""
    return [(fault.code, fault.id or fault.lane, fault.seq) for fault in report.faults]


def _item(thing: Stored, offset: int) -> Item:
    assert thing.body is not None
    digest = digest_of(thing.kind, thing.tenant, thing.scope, thing.id, thing.body)
    return Item(thing.kind, thing.tenant, thing.scope, thing.id, offset, digest)
