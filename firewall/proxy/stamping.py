"""Stamps on the way: what passes the write gate gets one, what comes back is held against its own.

Nothing here waits. A write that the upstream would have taken is never lost to its stamp: where there is no room for one
it goes unsigned, and is counted. An answer without a stamp costs one look at each row.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from firewall.core import stamp as stamps
from firewall.core.events import Stamped
from firewall.core.memo import Memo
from firewall.core.model import NO_OWNER, Attestation, Candidate, Signed
from firewall.core.stamp import STAMP_KEY, Stamp, owner_digests, text_digest
from firewall.core.state import State
from firewall.keyring import KeyRing
from firewall.metrics import Metrics
from firewall.ports import Answer, Dialect, Plan, Slot
from firewall.service.principals import Principal

_MOST_CHECKERS = 256
#: What a stamp takes beside itself: its key, quotes, colon and comma.
_AROUND = len(STAMP_KEY) + 6
_FORGED, _REPLAYED, _VERIFIED = Attestation.forged, Attestation.replayed, Attestation.verified


class Made(msgspec.Struct, frozen=True):
    """The stamps of one write, with the digests of the texts that each of them names."""

    ids: tuple[str, ...] = ()
    texts: tuple[tuple[str, ...], ...] = ()


NONE_MADE = Made()


class _Checked(msgspec.Struct, frozen=True):
    """A stamp whose MAC was looked at. `genuine` None: its key is unknown or retired, so that it says nothing."""

    stamp: Stamp
    genuine: bool | None


class Stamps:
    """Makes and checks the stamps of one installation. `new_id` makes their ids."""

    def __init__(self, ring: KeyRing, new_id: Callable[[], str], metrics: Metrics) -> None:
        self._ring = ring
        self._new_id = new_id
        self._counted = metrics.stamps
        self._revision = ring.revision
        self._checkers: dict[tuple[str, str], Callable[[str], _Checked | None]] = {}

    # ---- writes

    def put(
        self, dialect: Dialect, plan: Plan, upstream: str, principal: Principal, *, tenant: str, now: float
    ) -> Made:
        """Stamp the request of the plan."""
        signed = Signed(
            principal=principal.name,
            role=principal.role.value,
            source_class=f"{principal.role.value}_authored",
            trust=principal.max_trust,
            at=now,
        )
        key_id = self._ring.current
        key = self._ring.stamping(tenant, key_id)
        if key is None:  # the current key is never retired
            return NONE_MADE
        ids: list[str] = []
        texts: list[tuple[str, ...]] = []
        made: list[str] = []
        for slot in plan.slots:
            stamp_id = self._new_id()
            digests = tuple(text_digest(text, slot.governed) for text in slot.texts[: stamps.MOST_TEXTS])
            stamp = ""
            if digests and slot.governed != stamps.UNBINDABLE:
                stamp = stamps.make(
                    key,
                    key_id,
                    stamp_id,
                    signed,
                    tenant=tenant,
                    upstream=upstream,
                    owner=slot.owner,
                    texts=digests,
                    record=slot.record,
                )
            made.append(self._fitting(stamp, slot, upstream, asked=bool(digests)))
            ids.append(stamp_id if made[-1] else "")
            texts.append(digests)
        if not any(made):
            return NONE_MADE
        request = dialect.stamped(plan, made)
        if plan.longest is not None and len(request.body) > plan.longest:
            self._counted.labels(upstream, "no_room").inc(sum(map(bool, made)))
            return NONE_MADE
        plan.request = request
        self._counted.labels(upstream, "stamped").inc(sum(map(bool, made)))
        return Made(tuple(ids), tuple(texts))

    def _fitting(self, stamp: str, slot: Slot, upstream: str, *, asked: bool) -> str:
        if not stamp:
            if asked:
                self._counted.labels(upstream, "not_stampable").inc()
            return ""
        if slot.room is not None and len(stamp) + _AROUND > slot.room:
            self._counted.labels(upstream, "no_room").inc()
            return ""
        return stamp

    def named(self, made: Made, plan: Plan, answer: Answer, upstream: str, now: float) -> list[Stamped]:
        """Which records the upstream's answer says that stamps went to. A slot that names its record itself needs none,
        and of two that could be meant none is: a wrong one would make a good row a replay."""
        free = [
            (slot.governed, stamp_id, digests)
            for slot, stamp_id, digests in zip(plan.slots, made.ids, made.texts, strict=False)
            if stamp_id and not slot.record
        ]
        if not free:
            return []
        stamp_of = [(digest, stamp_id) for _, stamp_id, digests in free for digest in digests]
        spellings = {governed for governed, _, _ in free}
        records = [
            (text_digest(candidate.text, governed), candidate.id)
            for candidate in answer.candidates
            if candidate.id
            for governed in spellings
        ]
        stamps_once, records_once = _once(stamp_of), _once(records)
        return [
            Stamped(
                upstream=upstream, memory_id=records_once[digest], stamp_id=stamp_id, digest=digest, at=now
            )
            for digest, stamp_id in stamps_once.items()
            if digest in records_once
        ]

    # ---- reads

    def attested(
        self, candidates: list[Candidate], *, tenant: str, upstream: str, state: State
    ) -> list[Candidate]:
        """The candidates of one answer with what their stamps prove. The same list where none has a stamp."""
        places = [place for place, candidate in enumerate(candidates) if candidate.stamp]
        if not places:
            return candidates
        check = self._checker(tenant, upstream)
        attested = list(candidates)
        bearers: dict[tuple[str, str], list[int]] = {}
        owner: Mapping[str, str] = NO_OWNER
        digests = owner_digests(owner)
        for place in places:
            candidate = candidates[place]
            checked = check(candidate.stamp)
            if checked is None or checked.genuine is None:
                continue
            if candidate.owner is not owner:
                owner = candidate.owner
                digests = owner_digests(owner)
            text = text_digest(candidate.text, candidate.governed)
            record = state.stamped.get((upstream, checked.stamp.stamp_id, text))
            says = _says(checked, text, digests, candidate.id, record)
            if says is not _VERIFIED:
                attested[place] = _with(candidate, says)
                continue
            attested[place] = _signed(candidate, checked.stamp.signed)
            if record is None:
                bearers.setdefault((checked.stamp.stamp_id, text), []).append(place)
        for alike in bearers.values():
            if len({candidates[place].id for place in alike}) > 1:  # nobody knows which of them was stamped
                for place in alike:
                    attested[place] = _with(candidates[place], _REPLAYED)
        return attested

    def _checker(self, tenant: str, upstream: str) -> Callable[[str], _Checked | None]:
        """What was concluded from the keys is kept for as long as the keys are the same."""
        if self._revision != self._ring.revision or len(self._checkers) >= _MOST_CHECKERS:
            self._checkers.clear()
            self._revision = self._ring.revision
        known = self._checkers.get((tenant, upstream))
        if known is None:

            def check(text: str) -> _Checked | None:
                stamp = stamps.read(text)
                if stamp is None:
                    return None
                key = self._ring.stamping(tenant, stamp.key_id)
                if key is None:
                    return _Checked(stamp, None)
                return _Checked(stamp, stamps.is_genuine(stamp, key, tenant=tenant, upstream=upstream))

            known = self._checkers[tenant, upstream] = Memo(check, entries=4_096, size=4 << 20).of
        return known


def _once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What each digest stands for, where that is one thing."""
    found: dict[str, set[str]] = {}
    for digest, name in pairs:
        found.setdefault(digest, set()).add(name)
    return {digest: next(iter(names)) for digest, names in found.items() if len(names) == 1}


def _says(
    checked: _Checked, text: str, owner: Mapping[str, str], name: str, record: str | None
) -> Attestation:
    """`record` is the one that the log knows for this stamp."""
    if not checked.genuine:
        return _FORGED
    says = stamps.judged(checked.stamp, text, owner, name)
    return _REPLAYED if says is _VERIFIED and record not in (None, name) else says


def _with(candidate: Candidate, attestation: Attestation) -> Candidate:
    return msgspec.structs.replace(candidate, attestation=attestation, signed=None)


def _signed(candidate: Candidate, signed: Signed) -> Candidate:
    """A row that names no writer and no class of source of its own has those of its stamp."""
    return msgspec.structs.replace(
        candidate,
        attestation=_VERIFIED,
        signed=signed,
        writer=candidate.writer or signed.principal,
        source_class=candidate.source_class or signed.source_class,
    )
