"""The audit trail as a file: JSON Lines, which memfw verifies without the store and others can read without memfw.

    {"line": "header", "format": 1, ...}        public keys are a hint: who wrote the file wrote them too
    {"line": "seal", "body": ..., "view": ...}  the signed bytes; the view is for people, and not what is verified
    {"line": "stored", "kind": "evidence", ...} what is stored, byte for byte
    {"line": "unreadable", "what": ...}         in the place of what is neither
    {"line": "end", ...}                        how much there was: a file without it is not whole

Bytes are base64. Stored bodies hold memory text.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import IO

import msgspec

from firewall.core.chain import Kind, Sealed, Stored, link_of, seal_body
from firewall.core.verify import Entry, Unreadable

FORMAT = 1
LONGEST_LINE = 64 * 2**20


class Header(msgspec.Struct, frozen=True, tag="header", tag_field="line"):
    """The first line. `made_at` is in epoch seconds, the keys are public ones in hex."""

    format: int
    made_at: float
    keys: Mapping[str, str]


class SealView(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a seal says, for people: links in hex, items as `kind id`."""

    lane: str
    seq: int
    at: float
    key: str
    prev: str
    link: str
    items: tuple[str, ...] = ()
    checkpoint: bool = False


class SealLine(msgspec.Struct, frozen=True, tag="seal", tag_field="line"):
    body: bytes
    signature: bytes


class ViewedSealLine(SealLine, frozen=True, tag="seal", tag_field="line"):
    """As it is written. The view is not read again."""

    view: SealView | None


class StoredLine(msgspec.Struct, frozen=True, tag="stored", tag_field="line"):
    kind: Kind
    tenant: str
    scope: str
    id: str
    offset: int
    body: bytes | None


class UnreadableLine(msgspec.Struct, frozen=True, tag="unreadable", tag_field="line"):
    """What the store had there was nothing that memfw writes."""

    what: str


class End(msgspec.Struct, frozen=True, tag="end", tag_field="line"):
    seals: int
    stored: int


Line = Header | SealLine | StoredLine | UnreadableLine | End


class Writer:
    """Writes one export."""

    def __init__(self, out: IO[bytes], header: Header) -> None:
        self._out = out
        self._seals = self._stored = 0
        self._line(header)

    def write(self, entries: Iterable[Entry]) -> None:
        """The next part."""
        for entry in entries:
            match entry:
                case Sealed():
                    self._seals += 1
                    self._line(ViewedSealLine(entry.body, entry.signature, _view(entry)))
                case Stored():
                    self._stored += 1
                    self._line(
                        StoredLine(
                            kind=entry.kind,
                            tenant=_text(entry.tenant),
                            scope=_text(entry.scope),
                            id=_text(entry.id),
                            offset=entry.offset,
                            body=entry.body,
                        )
                    )
                case _:
                    self._line(UnreadableLine(entry.what))

    def end(self) -> None:
        self._line(End(self._seals, self._stored))

    def _line(self, line: msgspec.Struct) -> None:
        self._out.write(_encoder.encode(line))
        self._out.write(b"\n")


def read_header(file: IO[bytes]) -> Header:
    """The first line. ValueError for a file that is none."""
    try:
        header = _lines.decode(file.readline(LONGEST_LINE))
    except (ValueError, RecursionError):
        raise ValueError("is no export of an audit trail") from None
    if not isinstance(header, Header) or header.format != FORMAT:
        raise ValueError(f"is no export of format {FORMAT}, which this memfw knows")
    return header


def read_entries(file: IO[bytes]) -> Iterator[Entry]:
    """What follows the header. Lines that cannot be understood are given as such."""
    seals = stored = 0
    number = 1
    end: End | None = None
    while raw := file.readline(LONGEST_LINE):
        number += 1
        line = _decoded(raw) if end is None else None
        match line:
            case SealLine():
                seals += 1
                yield Sealed(line.body, line.signature)
            case StoredLine():
                stored += 1
                yield Stored(
                    kind=line.kind,
                    tenant=line.tenant,
                    scope=line.scope,
                    id=line.id,
                    offset=line.offset,
                    body=line.body,
                )
            case UnreadableLine():
                yield Unreadable(line.what)
            case End():
                end = line
            case _:
                yield Unreadable(f"line {number} is none that an export has there")
    if end is None:
        yield Unreadable("it ends early: its last line is missing")
    elif (end.seals, end.stored) != (seals, stored):
        yield Unreadable(
            f"it says that it has {end.seals} seals and {end.stored} stored things, it has {seals} and {stored}"
        )


def _decoded(raw: bytes) -> Line | None:
    try:
        line: Line = _lines.decode(raw)
    except (ValueError, RecursionError):
        return None
    return line


def _view(sealed: Sealed) -> SealView | None:
    try:
        body = seal_body(sealed)
    except ValueError:
        return None
    return SealView(
        lane=body.lane,
        seq=body.seq,
        at=body.at,
        key=body.key_id,
        prev=body.prev.hex(),
        link=link_of(sealed).hex(),
        items=tuple(f"{item.kind} {item.id}" for item in body.items),
        checkpoint=bool(body.heads),
    )


def _text(name: str) -> str:
    """A name that is no Unicode cannot be written, and is not what was sealed either."""
    return name.encode("utf-8", "backslashreplace").decode()


_encoder = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(Line)
