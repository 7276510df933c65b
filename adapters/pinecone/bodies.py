"""JSON that goes upstream as the bytes that came: read here in a way that leaves no second reading.

A key given twice could mean one thing to us and another upstream, so it is refused wherever the bytes are not written anew.
"""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.requests import JsonObject, invalid, raw_object
from firewall.core.wire.splice import array, object_of
from firewall.ports import Headers

Raw = msgspec.Raw
RawObject = dict[str, Raw]

_objects = msgspec.json.Decoder(list[RawObject])


def strict_object(raw: bytes | Raw) -> JsonObject:
    """The JSON object that any reader would find there; CallerError 400 for what is none."""
    try:
        text = bytes(raw).decode()
        value = _read(text)
        if "\\ud" in text.casefold():
            value = _read(_whole(json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError):
        raise invalid("the body holds what is not a JSON object, or a key twice") from None
    if not isinstance(value, dict):
        raise invalid("the body holds what is not a JSON object")
    return value


def loose_strings(raw: bytes) -> tuple[str, ...]:
    """Every string that some reader may find where `strict_object` finds no object: of a key given twice, both values."""
    try:
        found = json.loads(raw.decode("utf-8", "replace"), object_pairs_hook=_all)
    except (ValueError, RecursionError):
        return ()
    return tuple(_whole(part) for part in strings(found))


def raw_objects(raw: bytes | Raw) -> list[RawObject]:
    """The objects of an array, with their members as bytes; CallerError 400 for anything else."""
    try:
        return _objects.decode(raw)
    except (ValueError, RecursionError):
        raise invalid("the body holds what is not a list of objects") from None


def rewritten(objects: Sequence[RawObject]) -> Raw:
    """The array of these objects, each key of them once."""
    return Raw(array([object_of(one) for one in objects]))


def lines(body: bytes) -> list[bytes]:
    """The lines of an NDJSON body that are not empty."""
    return [line for line in body.split(b"\n") if line.strip()]


def value_of(body: RawObject, key: str) -> object:
    """A member as a value; None where it is missing. CallerError 400 where it cannot be read."""
    raw = body.get(key)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None


def text_in(body: RawObject, key: str) -> str | None:
    """A text that may be missing or null; CallerError 400 for any other value."""
    value = value_of(body, key)
    if value is not None and not isinstance(value, str):
        raise invalid(f"{key} must be a string")
    return value


def count_in(body: RawObject, key: str) -> int | None:
    """A number of rows; None for what no server takes, which is left for the server to refuse."""
    value = value_of(body, key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        return None
    return value


def inner_object(body: RawObject, key: str) -> RawObject | None:
    """An object among the members; None where it is missing or null."""
    raw = body.get(key)
    return None if raw is None or bytes(raw) == b"null" else raw_object(raw)


def one_credential(headers: Headers) -> Headers:
    """The headers with the first `Api-Key` alone: that is the one that was read."""
    kept: list[tuple[str, str]] = []
    keyed = False
    for pair in headers:
        if pair[0].lower() == "api-key":
            if keyed:
                continue
            keyed = True
        kept.append(pair)
    return tuple(kept)


def _read(text: str) -> object:
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)


def _whole(text: str) -> str:
    """Half a character that was escaped (`\\ud800`) is a replacement mark: what holds one can be written nowhere."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _all(pairs: list[tuple[str, Any]]) -> list[Any]:
    return [part for key, value in pairs for part in ((key, value) if is_prose(key) else (value,))]


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
