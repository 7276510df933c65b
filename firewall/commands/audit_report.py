"""A report of the audit chain as text for people and as JSON for machines. The first bad record comes first."""

from collections.abc import Sequence

import msgspec

from firewall.core.fault import Counts, Fault, Place, Report

_LANES = 20
_NO_ANCHOR = (
    "without an anchor this is sound as far as it goes: a cut end or an older copy of the whole store shows only"
    " against one (`memfw audit anchor`)"
)
_OWN_KEYS = "verified against the keys in the file itself: that proves order and wholeness, not who wrote it"


class PlaceView(msgspec.Struct, frozen=True):
    lane: str
    seq: int
    at: float
    offset: int
    id: str


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON. `last_proven` is there for the lanes of an anchor."""

    verdict: str
    found: int
    faults: Sequence[Fault]
    notes: Sequence[str]
    counts: Counts
    proven: Sequence[PlaceView]
    last_proven: Sequence[PlaceView]
    trusted: Sequence[str]
    anchored: bool


def as_text(report: Report, *, trusted: Sequence[str], own: bool, anchored: bool) -> str:
    """One line a finding."""
    counts = report.counts
    looked = (
        f"{counts.seals} seals in {counts.lanes} lanes, {counts.evidence} evidence records, {counts.receipts} receipts;"
        f" {counts.signatures} signatures checked with the keys of {' and '.join(trusted)}"
    )
    lines = [f"{'sound' if report.sound else 'TAMPERED'}: {looked}"]
    if not report.sound:
        first, *others = report.faults
        lines.append(f"first: {first}")
        lines += [f"  also: {fault}" for fault in others]
        if report.found > len(report.faults):
            lines.append(f"  and {report.found - len(report.faults)} more")
    places = report.anchored if anchored else report.proven
    lines += [str(place) for place in places[:_LANES]]
    if len(places) > _LANES:
        lines.append(f"and {len(places) - _LANES} more lanes; --json lists all")
    lines += [f"note: {note}" for note in _notes(report, own=own, anchored=anchored)]
    return "\n".join(lines) + "\n"


def as_json(report: Report, *, trusted: Sequence[str], own: bool, anchored: bool) -> str:
    """The same for machines, in one line."""
    view = ReportView(
        verdict="sound" if report.sound else "tampered",
        found=report.found,
        faults=report.faults,
        notes=_notes(report, own=own, anchored=anchored),
        counts=report.counts,
        proven=[_view(place) for place in report.proven],
        last_proven=[_view(place) for place in report.anchored],
        trusted=trusted,
        anchored=anchored,
    )
    return msgspec.json.encode(view).decode() + "\n"


def _notes(report: Report, *, own: bool, anchored: bool) -> list[str]:
    return [*report.notes, *([_OWN_KEYS] if own else []), *([] if anchored else [_NO_ANCHOR])]


def _view(place: Place) -> PlaceView:
    return PlaceView(place.lane, place.seq, place.at, place.offset, place.id)
