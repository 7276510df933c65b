"""JSON pointers (RFC 6901): read in a value, written in a request's body, replaced in bytes that stay as they are.

Nothing here raises for a value that is not there; a pointer that leads through something else than objects and arrays
leads nowhere.
"""

from collections.abc import Callable, Sequence

import msgspec

from firewall.core.memo import Memo
from firewall.core.wire.requests import JsonObject, invalid
from firewall.core.wire.splice import array, items, members, object_of

Raw = msgspec.Raw


def _steps(pointer: str) -> tuple[str, ...]:
    if not pointer:
        return ()
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


#: The reference tokens of a pointer. A description has a few of them, and every item is read by each.
steps_of: Callable[[str], tuple[str, ...]] = Memo(_steps, entries=512, size=1 << 18).of


def reader_of(pointer: str) -> Callable[[object], object]:
    """`value_at` for many items of one answer, which are objects for the most part."""
    steps = steps_of(pointer)

    def whole(item: object) -> object:
        return item

    def member(item: object) -> object:
        return item.get(steps[0]) if isinstance(item, dict) else value_at(item, steps)

    def inner(item: object) -> object:
        outer = item.get(steps[0]) if isinstance(item, dict) else None
        return outer.get(steps[1]) if isinstance(outer, dict) else value_at(item, steps)

    def any_other(item: object) -> object:
        return value_at(item, steps)

    return (whole, member, inner)[len(steps)] if len(steps) < 3 else any_other


def value_at(value: object, steps: Sequence[str]) -> object:
    """The value there; None where nothing is, as for a null."""
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and (place := _place(step, len(value))) is not None:
            value = value[place]
        else:
            return None
    return value


def placed(body: JsonObject, steps: Sequence[str], value: object) -> JsonObject:
    """The body with the value there; what is missing on the way is made, `-` appends to a list.

    CallerError 400 where the body has something there that no value can be put into.
    """
    made = _with(body, tuple(steps), value)
    if not isinstance(made, dict):
        raise invalid("the body is not a JSON object")
    return made


#: What stands around a value: the object or array of each step on the way to it.
Levels = tuple[dict[str, Raw] | list[Raw], ...]


def found_at(raw: bytes | Raw, steps: Sequence[str]) -> tuple[Levels, bytes | Raw] | None:
    """The bytes of the value there, and what stands around it; None where nothing is. UpstreamError 502 for what is no
    JSON."""
    levels: list[dict[str, Raw] | list[Raw]] = []
    for step in steps:
        kind = bytes(raw).lstrip()[:1]
        found: Raw | None = None
        if kind == b"{":
            fields = members(raw)
            levels.append(fields)
            found = fields.get(step)
        elif kind == b"[":
            rows = items(raw)
            levels.append(rows)
            place = _place(step, len(rows))
            found = None if place is None else rows[place]
        if found is None:
            return None
        raw = bytes(found).strip()
    return tuple(levels), raw


def raw_at(raw: bytes | Raw, steps: Sequence[str]) -> bytes | Raw | None:
    """The bytes of the value there; None where nothing is. UpstreamError 502 for what is no JSON."""
    found = found_at(raw, steps)
    return None if found is None else found[1]


def put_into(levels: Levels, steps: Sequence[str], value: bytes) -> bytes:
    """The JSON with other bytes at the end of the steps; every other value keeps its own."""
    for level, step in zip(reversed(levels), reversed(steps), strict=True):
        if isinstance(level, dict):
            value = object_of({**level, step: value})
        else:
            place = int(step)
            value = array([*level[:place], value, *level[place + 1 :]])
    return value


def replaced(raw: bytes | Raw, steps: Sequence[str], value: bytes) -> bytes:
    """The JSON with other bytes there, where there is something."""
    found = found_at(raw, steps)
    return bytes(raw) if found is None else put_into(found[0], steps, value)


def _with(here: object, steps: tuple[str, ...], value: object) -> object:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(here, list):
        place = len(here) if step == "-" else _place(step, len(here))
        if place is None:
            raise invalid("the body has a list where memfw has to put a filter")
        return [
            *here[:place],
            _with(here[place] if place < len(here) else None, rest, value),
            *here[place + 1 :],
        ]
    if here is None:
        return [_with(None, rest, value)] if step == "-" else {step: _with(None, rest, value)}
    if not isinstance(here, dict) or step == "-":
        raise invalid("the body has something else where memfw has to put a filter or a limit")
    return {**here, step: _with(here.get(step), rest, value)}


def _place(step: str, length: int) -> int | None:
    """RFC 6901: digits without a leading zero."""
    if not (step.isascii() and step.isdecimal()) or (len(step) > 1 and step[0] == "0") or len(step) > 9:
        return None
    return int(step) if int(step) < length else None
