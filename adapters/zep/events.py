"""The stream of a graph query: held back until it is whole, then put together of its own events.

The event `result` is read like the answer of a query that is not streamed. What leads to it (reasoning, plan, tool calls and
their results) may quote any item: it goes only where every item of the result goes.
"""

import re
from collections.abc import Sequence

import msgspec

from adapters.zep.layouts import EVENT
from firewall.core.wire.graph_items import prose_of
from firewall.core.wire.layouts import Reading
from firewall.core.wire.pieces import Cut, Piece
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.splice import Raw, broken, tree, with_firewall

_BREAK = re.compile(rb"(\r\n\r\n|\n\n|\r\r)")
_LINE = re.compile(rb"\r\n|\n|\r")
_MAX_EVENTS = 10_000


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `piece` holds items, `index` is the candidate of what else the event says.

    `leads`: it is none of the result, but of what leads to it.
    """

    raw: bytes
    data: bytes = b""
    piece: Piece | None = None
    index: int = -1
    leads: bool = True


def read_events(reading: Reading, body: bytes) -> list[Event]:
    """UpstreamError 502 for a stream that is not whole."""
    parts = _BREAK.split(body)
    if len(parts) // 2 > _MAX_EVENTS:
        raise broken("the upstream's stream has too many events")
    if parts[-1].strip():
        raise broken("the upstream's stream is not whole")
    blocks = [head + gap for head, gap in zip(parts[:-1:2], parts[1::2], strict=True)]
    return [_event(reading, block, number) for number, block in enumerate(blocks)]


def _event(reading: Reading, block: bytes, number: int) -> Event:
    name = f"event/{number}"
    data: list[bytes] = []
    texts: list[str] = []
    for line in _LINE.split(block):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif value and is_prose(said := value.decode("utf-8", errors="replace")):
            texts.append(said)
    whole = b"\n".join(data)
    value_of = tree(whole) if whole else None
    piece: Piece | None = None
    if isinstance(value_of, dict) and not EVENT.members.keys().isdisjoint(value_of):
        piece = reading.read(EVENT, Raw(whole), name)
    else:
        texts += [text for text in strings(value_of) if is_prose(text)]
    index = reading.add(prose_of("\n".join(texts), name, reading.source)) if texts else -1
    leads = not isinstance(value_of, dict) or value_of.get("type") != "result"
    return Event(raw=block, data=whole, piece=piece, index=index, leads=leads)


def put_events(events: Sequence[Event], cut: Cut, firewall: bytes | None) -> bytes:
    """The stream for the caller."""
    whole = all(cut.admitted)
    return b"".join(_put(event, cut, firewall, whole=whole) for event in events)


def _put(event: Event, cut: Cut, firewall: bytes | None, *, whole: bool) -> bytes:
    if event.index >= 0 and not cut.admitted[event.index]:
        return b""
    if event.leads and not whole and (event.index >= 0 or event.piece is not None):
        return b""
    if event.piece is None:
        return event.raw
    put = event.piece.put(cut)
    data = with_firewall(b"null" if put is None else bytes(put), None if event.leads else firewall)
    if data == event.data:
        return event.raw
    kept = [line for line in _LINE.split(event.raw) if line and not line.startswith(b"data:")]
    fresh = [b"data: " + line for line in _LINE.split(data)]
    return b"\n".join([*kept, *fresh]) + b"\n\n"
