"""An answer as a tree of pieces over its own bytes: what a decision takes out is missing, the rest keeps its bytes.

A piece is put back with `put`: the same bytes where nothing of it changed, None where nothing is left of it. `index` is the
place of a piece's candidate among those of the answer.
"""

from collections.abc import Mapping, Sequence
from itertools import compress
from operator import not_
from typing import Protocol

import msgspec

from firewall.core.model import Candidate
from firewall.core.wire.splice import array, members, object_of, tree
from firewall.core.wire.strikes import struck_words, without
from firewall.core.wire.temporal import is_over

Raw = msgspec.Raw
Bytes = bytes | Raw

_encoder = msgspec.json.Encoder()


class Cut(msgspec.Struct, frozen=True):
    """What was decided: which candidates go, the words of what is struck out of summaries, and annotations by index."""

    admitted: Sequence[bool]
    struck: Sequence[str] = ()
    notes: Mapping[int, Mapping[str, str]] = {}


def cut_of(
    candidates: Sequence[Candidate],
    admitted: Sequence[bool],
    annotations: Mapping[str, Mapping[str, str]],
    now: float,
) -> Cut:
    """The decision about an answer: facts that are over and do not go are struck out of summaries too."""
    if len(admitted) != len(candidates):
        raise ValueError("a decision for each candidate is needed")
    withheld = compress(candidates, map(not_, admitted))
    over = [candidate.text for candidate in withheld if is_over(candidate, now)]
    notes: Mapping[int, Mapping[str, str]] = {}
    if annotations:
        notes = {
            index: annotations[candidate.id]
            for index, candidate in enumerate(candidates)
            if candidate.id in annotations
        }
    return Cut(admitted=admitted, struck=struck_words(over) if over else (), notes=notes)


class Piece(Protocol):
    def put(self, cut: Cut) -> Bytes | None: ...


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item. `summary` is its member that may keep what is over, `notes` the one that takes annotations.

    `husk`: its ids stay where its text may not.
    """

    raw: Raw
    index: int
    summary: str = ""
    notes: str = ""
    husk: bool = False

    def put(self, cut: Cut) -> Bytes | None:
        if not cut.admitted[self.index]:
            return husk_of(self.raw) if self.husk else None
        notes = cut.notes.get(self.index) if self.notes else None
        if not notes and not (self.summary and cut.struck):
            return self.raw
        fields = members(self.raw)
        changed: dict[str, bytes] = {}
        if notes:
            kept = tree(fields[self.notes]) if self.notes in fields else None
            changed[self.notes] = _encoder.encode({**(kept if isinstance(kept, dict) else {}), **notes})
        text = tree(fields[self.summary]) if self.summary in fields else None
        if isinstance(text, str) and (spared := without(text, cut.struck)) != text:
            changed[self.summary] = _encoder.encode(spared)
        return object_of({**fields, **changed}) if changed else self.raw


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """An array of items of one sort, whose candidates stand one behind the other from `first` on; the rest as in `Item`."""

    raw: Raw
    rows: Sequence[Raw]
    first: int
    summary: str = ""
    notes: str = ""
    husk: bool = False

    @property
    def parts(self) -> Sequence[tuple[Raw, Piece]]:
        """Each item as a piece of its own."""
        return [
            (row, Item(raw=row, index=index, summary=self.summary, notes=self.notes, husk=self.husk))
            for index, row in enumerate(self.rows, self.first)
        ]

    def put(self, cut: Cut) -> Bytes:
        if self.husk or (self.notes and cut.notes) or (self.summary and cut.struck):
            return Listed(raw=self.raw, parts=self.parts).put(cut)
        kept = [*compress(self.rows, cut.admitted[self.first : self.first + len(self.rows)])]
        return self.raw if len(kept) == len(self.rows) else array(kept)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An array; it is never null where it was an array. `raw` is empty where it was joined of several."""

    raw: Raw
    parts: Sequence[tuple[Raw, Piece]]

    @property
    def rows(self) -> Sequence[Raw]:
        return [raw for raw, _ in self.parts]

    def put(self, cut: Cut) -> Bytes:
        kept: list[Bytes] = []
        same = bool(bytes(self.raw))
        for raw, piece in self.parts:
            put = piece.put(cut)
            same = same and put is raw
            if put is not None:
                kept.append(put)
        return self.raw if same else array(kept)


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """An object with pieces in it. Without the piece that is its `gate`, nothing of it is left.

    `rest` is the place of the candidate that holds the members which nobody knows: they go or stay together.
    """

    raw: Raw
    fields: Mapping[str, Raw]
    parts: Mapping[str, Piece]
    gate: str = ""
    rest: int = -1
    rest_keys: tuple[str, ...] = ()
    dropped: frozenset[str] = frozenset()

    def put(self, cut: Cut) -> Bytes | None:
        changed: dict[str, Bytes] = {}
        for key, piece in self.parts.items():
            put = piece.put(cut)
            if put is None and key == self.gate:
                return None
            if put is not self.fields[key]:
                changed[key] = b"null" if put is None else put
        dropped = self.dropped
        if self.rest >= 0 and not cut.admitted[self.rest]:
            dropped = dropped.union(self.rest_keys)
        if not changed and not dropped:
            return self.raw
        return object_of(
            {key: changed.get(key, value) for key, value in self.fields.items() if key not in dropped}
        )


class Run(msgspec.Struct, frozen=True):
    """Some text of a blob; without an index it is no memory. `prose`: what is over may be struck out of it."""

    text: str
    index: int = -1
    prose: bool = False


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """A text that holds many memories."""

    raw: Raw
    runs: Sequence[Run]

    def put(self, cut: Cut) -> Bytes:
        kept: list[str] = []
        same = True
        for run in self.runs:
            if run.index >= 0 and not cut.admitted[run.index]:
                same = False
                continue
            text = without(run.text, cut.struck) if run.prose and cut.struck else run.text
            same = same and text == run.text
            kept.append(text)
        return self.raw if same else _encoder.encode("".join(kept))


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was drawn from other candidates of the answer: it goes only where all of them do."""

    raw: Raw
    index: int
    sources: tuple[int, ...] = ()

    def put(self, cut: Cut) -> Bytes | None:
        stands = cut.admitted[self.index] and all(cut.admitted[source] for source in self.sources)
        return self.raw if stands else None


_KEPT = frozenset({"created_at", "processed", "valid_at", "invalid_at", "expired_at"})
#: Clients fail on an item without them.
_EMPTIED = frozenset({"name", "fact", "summary", "content"})


def husk_of(raw: Raw) -> bytes:
    """What happened to which item, without what it says: a write that was done is still told."""
    kept: dict[str, Bytes] = {}
    for key, value in members(raw).items():
        if key in _EMPTIED:
            kept[key] = b'""'
        elif key in _KEPT or key.endswith("uuid"):
            kept[key] = value if not _speaks(value) else b'""'
    return object_of(kept)


def _speaks(value: Raw) -> bool:
    text = bytes(value)
    return text[:1] in b'[{"' and (b" " in text or not text.isascii() or b"\\" in text)
