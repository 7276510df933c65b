"""Verifies what a store holds against the audit chain: what was changed, removed, added, exchanged, moved or forged, by name.

    seals, of each lane in its order -> numbers, links, signatures   (`verify_lanes`)
    what is stored                   -> a seal names it, once, with these bytes, this tenant, scope, id and offset
    the end                          -> nothing named is missing, checkpoints hold, the anchor holds, offsets grow

Seals first; one that was made while the rest was read may follow later. Pure: bytes in, a `Report` out. No input makes it
raise, and what is kept grows with what was sealed, never with how large it is.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from firewall.core.chain import (
    SEAL_FORMAT,
    Head,
    Item,
    Kind,
    SealBody,
    Sealed,
    Stored,
    digest_of,
    link_of,
    seal_body,
)
from firewall.core.fault import LAST, Code, Counts, Fault, Faults, Place, Report, Subject, shown
from firewall.core.verify_lanes import ORDER, Lanes, SignedBy
from firewall.core.verify_order import Orders, part_of, shard_part

KINDS: tuple[Kind, ...] = ("evidence", "receipt")


class Unreadable(msgspec.Struct, frozen=True):
    """A part of a trail that is neither a seal nor a stored thing; `what` says so without its content."""

    what: str


Entry = Sealed | Stored | Unreadable
"""What a trail consists of."""


class Named(msgspec.Struct, gc=False):
    """One item of a seal, and where what it names was found."""

    item: Item
    lane: str
    seq: int
    at: int
    found: int | None = None


class Verifier:
    """Feed it once, `finish` it once. `public_keys` by key id are the ones to trust."""

    def __init__(
        self,
        public_keys: Mapping[str, bytes],
        anchor: Sequence[Head] = (),
        *,
        signed_by: SignedBy,
        every_signature: bool = False,
        bound: int = 100,
    ) -> None:
        self._anchor = tuple(anchor)
        self._counts = Counts()
        self._faults = Faults(bound)
        self._lanes = Lanes(
            public_keys, signed_by, self._faults, self._counts, every_signature=every_signature
        )
        self._orders = Orders()
        self._named: dict[Kind, dict[str, Named]] = {kind: {} for kind in KINDS}
        self._waiting: dict[tuple[Kind, str], tuple[Stored, bytes | None]] = {}
        self._names: dict[str, str] = {}
        self._notes: list[str] = []

    def feed(self, entries: Iterable[Entry]) -> None:
        """The next part of a trail."""
        for entry in entries:
            match entry:
                case Sealed():
                    self.seal(entry)
                case Stored():
                    self.stored(entry)
                case _:
                    self._unreadable(self._counts.seals, shown(entry.what), kind="file")

    def seal(self, sealed: Sealed) -> None:
        """The next seal of its lane."""
        self._counts.seals += 1
        at = self._counts.seals
        try:
            body = seal_body(sealed)
        except ValueError:
            self._unreadable(at, f"number {at} in reading order is no seal")
            return
        if body.format != SEAL_FORMAT:
            self._unreadable(
                at, f"number {at} in reading order has format {body.format}, this memfw knows {SEAL_FORMAT}"
            )
            return
        self._orders.add(body.lane, link_of(sealed))
        if self._lanes.add(sealed, body, at):
            self._counts.dropped += max(0, body.dropped)
            for item in body.items:
                self._name(item, body, at)

    def stored(self, thing: Stored) -> None:
        """One thing that the store holds."""
        if thing.kind == "evidence":
            self._counts.evidence += 1
        else:
            self._counts.receipts += 1
        digest = (
            None
            if thing.body is None
            else digest_of(thing.kind, thing.tenant, thing.scope, thing.id, thing.body)
        )
        named = self._named[thing.kind].get(thing.id)
        if named is not None:
            self._hold(named, thing, digest)
        elif (thing.kind, thing.id) in self._waiting:
            self._stored_fault("stored_twice", thing, "is stored more than once")
        else:
            self._waiting[thing.kind, thing.id] = (msgspec.structs.replace(thing, body=None), digest)

    def finish(self) -> Report:
        """What was found. Without an anchor a cut end and an older copy of the whole store are sound."""
        self._lanes.finish(self._anchor)
        self._check_orders()
        missing = self._check_named()
        self._check_waiting(missing)
        proven = tuple(sorted(map(self._resolved, self._lanes.proven()), key=lambda place: place.lane))
        by_lane = {place.lane: place for place in proven}
        anchored = {head.lane for head in self._anchor if not head.lane.startswith(ORDER)}
        return Report(
            faults=tuple(self._faults.first()),
            found=self._faults.found,
            notes=(*self._lanes.notes, *self._notes, *self._loss_notes()),
            counts=self._counts,
            proven=proven,
            anchored=tuple(by_lane.get(lane, Place(lane=lane, seq=0, link=b"")) for lane in sorted(anchored)),
        )

    # ---- things --------------------------------------------------------------------------------------------------

    def _name(self, item: Item, body: SealBody, at: int) -> None:
        named = Named(self._shared(item), body.lane, body.seq, at)
        before = self._named[item.kind].setdefault(item.id, named)
        if before is not named:
            what = f"is sealed twice, first in seal {before.seq} of lane {shown(before.lane)}"
            self._item_fault("sealed_twice", named, what)
        elif (waiting := self._waiting.pop((item.kind, item.id), None)) is not None:
            self._hold(named, *waiting)

    def _shared(self, item: Item) -> Item:
        """Tenants and scopes repeat: kept once."""
        tenant = self._names.setdefault(item.tenant, item.tenant)
        scope = self._names.setdefault(item.scope, item.scope)
        return Item(item.kind, tenant, scope, item.id, item.offset, item.digest)

    def _hold(self, named: Named, thing: Stored, digest: bytes | None) -> None:
        """What is stored against what its seal says."""
        item = named.item
        if named.found is not None:
            self._item_fault("stored_twice", named, "is stored more than once", offset=thing.offset)
            return
        named.found = thing.offset
        if digest is None:
            if not self._lanes.covered(named.lane, named.seq):
                self._item_fault("missing", named, "has lost its content; only its place is left")
            return
        moved = [
            f"{what} {shown(str(is_now))} (sealed as {shown(str(was))})"
            for what, is_now, was in (
                ("tenant", thing.tenant, item.tenant),
                ("scope", thing.scope, item.scope),
                ("offset", thing.offset, item.offset or thing.offset),
            )
            if is_now != was
        ]
        if moved:
            self._item_fault("moved", named, f"stands under {', '.join(moved)}")
        elif digest != item.digest:
            self._item_fault("changed", named, "its bytes are not those that were sealed")

    # ---- the end -------------------------------------------------------------------------------------------------

    def _check_named(self) -> dict[int, Named]:
        """Missing evidence by offset; what is missing otherwise is reported, and offsets that do not grow."""
        missing: dict[int, Named] = {}
        newest: dict[str, tuple[int, int]] = {}
        for kind in KINDS:
            for named in self._named[kind].values():
                if named.found is None:
                    if self._lanes.covered(named.lane, named.seq):
                        self._counts.trimmed += 1
                        continue
                    missing[named.item.offset] = named
                    self._item_fault("missing", named, "was sealed and is not stored")
                elif kind == "evidence":
                    # In a shard offsets grow over all writers, as its seals stand; elsewhere each lane for itself.
                    part = shard_part(named.lane)
                    order = part or named.lane
                    seq, offset = newest.get(order, (0, 0))
                    if part or named.seq >= seq:
                        if named.found <= offset:
                            what = "stands before what was sealed earlier"
                            self._item_fault("moved", named, what, offset=named.found)
                        newest[order] = (named.seq, max(named.found, offset))
        missing.pop(0, None)
        return missing

    def _check_orders(self) -> None:
        said = self._lanes.order_heads()
        said |= {head: "the anchor" for head in self._anchor if head.lane.startswith(ORDER)}
        lost = self._lanes.parts_that_lost()
        for head in self._orders.wrong(said, self._lanes.beginnings()):
            if part_of(head) in lost:
                self._notes.append(
                    f"the order of {shown(head.lane)} up to offset {head.seq} was lost in a failover"
                )
                continue
            what = f"its entries up to offset {head.seq} do not stand in the order that {said[head]} knows"
            self._faults.add(
                Fault(code="order_differs", kind="lane", what=what, lane=head.lane, seq=head.seq)
            )

    def _check_waiting(self, missing: Mapping[int, Named]) -> None:
        for thing, _ in self._waiting.values():
            named = missing.get(thing.offset) if thing.kind == "evidence" else None
            if named is None:
                self._stored_fault("not_sealed", thing, "is stored and no seal names it")
            else:
                what = f"stands in the place of the evidence {shown(named.item.id)}, and no seal names it"
                fault = self._stored(thing, "moved", what)
                self._faults.add(msgspec.structs.replace(fault, at=named.at, lane=named.lane, seq=named.seq))

    def _resolved(self, place: Place) -> Place:
        """With the offset of its newest evidence where only the store knew it."""
        named = self._named["evidence"].get(place.id)
        if place.offset or named is None or named.found is None:
            return place
        return msgspec.structs.replace(place, offset=named.found)

    def _loss_notes(self) -> list[str]:
        notes = []
        if self._counts.trimmed:
            notes.append(f"{self._counts.trimmed} sealed things were let go by retention, as a seal says")
        if self._counts.dropped:
            notes.append(f"{self._counts.dropped} receipts were never stored: the buffer was full")
        return notes

    # ---- faults --------------------------------------------------------------------------------------------------

    def _unreadable(self, at: int, what: str, *, kind: Subject = "seal") -> None:
        self._faults.add(Fault(code="unreadable", kind=kind, what=what, at=at))

    def _item_fault(self, code: Code, named: Named, what: str, *, offset: int | None = None) -> None:
        item = named.item
        self._faults.add(
            Fault(
                code=code,
                kind=item.kind,
                what=what,
                at=named.at,
                lane=named.lane,
                seq=named.seq,
                tenant=item.tenant,
                scope=item.scope,
                id=item.id,
                offset=item.offset or named.found or 0 if offset is None else offset,
            )
        )

    def _stored_fault(self, code: Code, thing: Stored, what: str) -> None:
        self._faults.add(self._stored(thing, code, what))

    @staticmethod
    def _stored(thing: Stored, code: Code, what: str) -> Fault:
        return Fault(
            code=code,
            kind=thing.kind,
            what=what,
            at=LAST,
            tenant=thing.tenant,
            scope=thing.scope,
            id=thing.id,
            offset=thing.offset,
        )
