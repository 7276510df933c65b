"""The lanes of the audit chain, held against their numbers, links, signatures and what checkpoints say of them.

    number   grows by one            link        names the seal before, byte for byte
    start    1, or right behind what a `trimmed` head lets go     head   what a checkpoint or the anchor says of a lane

A signature proves every seal that its own one rests on, so that only a few are checked: the newest of each lane, both
sides of a fault, and each seal whose statements are believed (heads, trimmed, lost). With `every_signature` all are, which
finds the first seal of a tail that was chained anew without the key. Pure; no seal makes it raise.
"""

from collections.abc import Callable, Mapping, Sequence

from firewall.core.chain import NO_LINK, Head, SealBody, Sealed, link_of
from firewall.core.fault import LAST, Code, Counts, Fault, Faults, Place, shown
from firewall.core.lane_seen import LaneSeen

SignedBy = Callable[[bytes, bytes, bytes], bool]
"""Whether the holder of a public key signed these bytes: public key, bytes, signature."""

ORDER = "order/"


class Lanes:
    """All lanes. `add` each seal as it comes, then `finish`."""

    def __init__(
        self,
        public_keys: Mapping[str, bytes],
        signed_by: SignedBy,
        faults: Faults,
        counts: Counts,
        *,
        every_signature: bool,
    ) -> None:
        self._keys = public_keys
        self._signed_by = signed_by
        self._faults = faults
        self._counts = counts
        self._every = every_signature
        self._lanes: dict[str, LaneSeen] = {}
        self._heads: dict[Head, tuple[str, int]] = {}
        self._trimmed: dict[str, Head] = {}
        self._beginnings: list[Head] = []
        self.notes: list[str] = []

    def add(self, sealed: Sealed, body: SealBody, at: int) -> bool:
        """Whether its items count: not those of a seal that stands already."""
        lane = self._lanes.get(body.lane)
        states = bool(body.heads or body.trimmed or body.lost)
        verdict = self._verdict(sealed, body) if states or self._every else None
        checked = states or self._every
        if body.seq < 1:
            self._fault("seal_misplaced", body, at, "has a number that no seal has")
            return False
        if lane is not None and body.seq <= lane.seq:
            return self._again(lane, sealed, body, at)
        link = link_of(sealed)
        if lane is None:
            place = Place(lane=body.lane, seq=0, link=NO_LINK)
            lane = LaneSeen(body.lane, body.seq, body.prev, 0, NO_LINK, sealed, body, at, at, place)
            self._lanes[body.lane] = lane
            if body.seq == 1 and body.prev != NO_LINK:
                lane.whole = False
                self._fault("broken_link", body, at, "is the first of its lane and names one before it")
        elif body.seq != lane.seq + 1 or body.prev != lane.link:
            verdict, checked = self._break(lane, sealed, body, at), True
        lane.seq, lane.link, lane.sealed, lane.body, lane.at = body.seq, link, sealed, body, at
        lane.verdict, lane.checked = verdict, checked
        lane.links.add(body.seq, link)
        lane.newest = next((item for item in reversed(body.items) if item.kind == "evidence"), lane.newest)
        if checked:
            self._judge(lane)
        if states and verdict is None:
            self._believe(lane, body)
        return True

    def covered(self, lane: str, seq: int) -> bool:
        """Whether retention let go what this seal names, as a later seal says."""
        head = self._trimmed.get(lane)
        return head is not None and seq <= head.seq

    def finish(self, anchor: Sequence[Head]) -> None:
        """What can only be said when all seals were seen."""
        self._counts.lanes = len(self._lanes)
        for lane in self._lanes.values():
            self._settle(lane)
            self._check_start(lane)
        known = {head: _said_by(*by) for head, by in self._heads.items()}
        for heads in (known, dict.fromkeys(anchor, "the anchor")):
            reported: set[str] = set()
            for head in sorted(heads, key=lambda head: -head.seq):
                if not head.lane.startswith(ORDER):
                    self._check_head(head, heads[head], reported)

    def proven(self) -> tuple[Place, ...]:
        return tuple(lane.proven for lane in self._lanes.values())

    def order_heads(self) -> dict[Head, str]:
        """What believed checkpoints say of the order of shards, and which of them does."""
        return {head: _said_by(*by) for head, by in self._heads.items() if head.lane.startswith(ORDER)}

    def beginnings(self) -> list[Head]:
        """With which order what retention left of a shard begins."""
        return self._beginnings

    def parts_that_lost(self) -> set[str]:
        """Parts that came back from a failover without their newest seals."""
        return {lane.name.rpartition("/")[2] for lane in self._lanes.values() if lane.lost}

    # ---- one seal ------------------------------------------------------------------------------------------------

    def _verdict(self, sealed: Sealed, body: SealBody) -> Code | None:
        public = self._keys.get(body.key_id)
        if public is None:
            return "key_unknown"
        self._counts.signatures += 1
        return None if self._signed_by(public, sealed.body, sealed.signature) else "forged"

    def _judge(self, lane: LaneSeen) -> None:
        """Say what the checked signature of the lane's newest seal means."""
        if lane.verdict is None:
            if lane.whole:
                newest = lane.newest
                lane.proven = Place(
                    lane=lane.name,
                    seq=lane.seq,
                    link=lane.link,
                    at=lane.body.at,
                    offset=newest.offset if newest else 0,
                    id=newest.id if newest else "",
                )
            return
        lane.whole = False
        self._fault(lane.verdict, lane.body, lane.at, _BAD_SIGNATURE[lane.verdict](lane.body))

    def _settle(self, lane: LaneSeen) -> None:
        """Check the newest seal, if it was not."""
        if not lane.checked:
            lane.verdict, lane.checked = self._verdict(lane.sealed, lane.body), True
            self._judge(lane)

    def _break(self, lane: LaneSeen, sealed: Sealed, body: SealBody, at: int) -> Code | None:
        """The seal does not follow the one before: which of them is to blame. Its own verdict."""
        self._settle(lane)
        lane.whole = False
        verdict = self._verdict(sealed, body)
        if body.seq != lane.seq + 1:
            first, last = lane.seq + 1, body.seq - 1
            what = (
                f"is missing, seal {body.seq} follows"
                if first == last
                else f"and those up to {last} are missing"
            )
            self._faults.add(
                Fault(code="seal_missing", kind="seal", what=what, at=at, lane=lane.name, seq=first)
            )
        elif verdict is None and lane.verdict is None:
            self._fault(
                "broken_link", body, at, "names another seal before it than the one that stands there"
            )
        return verdict

    def _again(self, lane: LaneSeen, sealed: Sealed, body: SealBody, at: int) -> bool:
        """A number that is not above the newest one."""
        lane.whole = False
        known = lane.links.at(body.seq)
        if known == link_of(sealed):
            self._fault("seal_twice", body, at, f"stands again, after seal {lane.seq}")
            return False
        verdict = self._verdict(sealed, body)
        if verdict is not None:
            self._fault(verdict, body, at, _BAD_SIGNATURE[verdict](body))
        else:
            other = " where another has its number" if known else ""
            self._fault("seal_misplaced", body, at, f"stands after seal {lane.seq}{other}")
        return known is None

    def _believe(self, lane: LaneSeen, body: SealBody) -> None:
        """Take what a seal with a good signature says of other seals."""
        by = (body.lane, body.seq)
        if body.heads:
            self._counts.checkpoints += 1
        for head in body.heads:
            self._heads.setdefault(head, by)
        for head in body.trimmed:
            if head.lane.startswith(ORDER):
                self._beginnings.append(head)
                continue
            self._heads.setdefault(head, by)
            before = self._trimmed.get(head.lane)
            if before is None or before.seq < head.seq:
                self._trimmed[head.lane] = head
        if body.lost is None:
            return
        lane.lost.append((body.seq, body.lost.seq))
        self.notes.append(
            f"the store came back without seals {body.seq} to {body.lost.seq} of lane {shown(lane.name)} and what they "
            "named: a failover"
        )

    # ---- the whole -----------------------------------------------------------------------------------------------

    def _check_start(self, lane: LaneSeen) -> None:
        if lane.first == 1:
            return
        head = self._trimmed.get(lane.name)
        begins = f"begins with seal {lane.first}"
        if head is None or head.seq < lane.first - 1:
            self._no_start(lane, "no_start", f"{begins}; no seal says that those before were let go")
        elif head.seq == lane.first - 1 and head.link != lane.prev:
            self._no_start(lane, "broken_link", f"{begins}, which names another before it than was let go")

    def _no_start(self, lane: LaneSeen, code: Code, what: str) -> None:
        lane.proven = Place(lane=lane.name, seq=0, link=NO_LINK)
        self._lane_fault(code, lane.name, lane.first, what, at=lane.first_at)

    def _check_head(self, head: Head, by: str, reported: set[str]) -> None:
        lane = self._lanes.get(head.lane)
        if lane is None:
            if not self.covered(head.lane, head.seq) and head.lane not in reported:
                reported.add(head.lane)
                self._lane_fault(
                    "lane_missing", head.lane, head.seq, f"is gone; {by} knows it up to seal {head.seq}"
                )
            return
        if lane.lost_in_failover(head.seq) or head.seq < lane.first:
            return
        if head.seq > lane.seq:
            if head.lane not in reported:
                reported.add(head.lane)
                what = f"ends with seal {lane.seq}; {by} knows it up to seal {head.seq}. {lane.proven}"
                self._lane_fault("lane_cut", head.lane, lane.seq, what)
            return
        link = lane.links.at(head.seq)
        if link is not None and link != head.link:
            what = f"is another than the one that {by} knows by its number"
            self._faults.add(Fault(code="head_differs", kind="seal", what=what, lane=head.lane, seq=head.seq))

    def _fault(self, code: Code, body: SealBody, at: int, what: str) -> None:
        self._faults.add(Fault(code=code, kind="seal", what=what, at=at, lane=body.lane, seq=body.seq))

    def _lane_fault(self, code: Code, lane: str, seq: int, what: str, *, at: int = LAST) -> None:
        self._faults.add(Fault(code=code, kind="lane", what=what, at=at, lane=lane, seq=seq))


def _said_by(lane: str, seq: int) -> str:
    return f"the checkpoint in seal {seq} of lane {shown(lane)}"


_BAD_SIGNATURE: Mapping[Code, Callable[[SealBody], str]] = {
    "forged": lambda body: f"was changed or forged: key {shown(body.key_id)} did not sign these bytes",
    "key_unknown": lambda body: (
        f"is signed with key {shown(body.key_id)}, which is not among the trusted ones"
    ),
}
