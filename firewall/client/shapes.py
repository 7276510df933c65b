"""JSON as it crosses this edge, and reading it without believing it: what is not of the wanted shape is not there."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = Mapping[str, object]


def record(value: object) -> Json:
    """The object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def records(value: object) -> list[Json]:
    """The objects of a list; everything else in it is left out."""
    return [item for item in _items(value) if isinstance(item, Mapping)]


def strings(value: object) -> list[str]:
    """The strings of a list that are not empty."""
    return [item for item in _items(value) if isinstance(item, str) and item]


def text(value: object) -> str:
    """The string without the white space around it, or an empty one."""
    return value.strip() if isinstance(value, str) else ""


def compact(fields: Json) -> dict[str, object]:
    """Without what says nothing: None, empty lists and empty objects."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and not (isinstance(value, list | tuple | dict) and not value)
    }


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
