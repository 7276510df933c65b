"""Whether a row of a self-hosted server is one that the platform's filter tree asks for.

The last word about every row that the translation gives back: whatever the server made of a narrowed request, a row that
the tree does not match is dropped. Pure.
"""

from typing import Any

from adapters.mem0.oss_filters import ENTITY_KEYS, TIME_KEYS, AllOf, AnyOf, Leaf, Node, NoneOf, seconds
from adapters.mem0.oss_rows import OssRow


def matches(node: Node, row: OssRow) -> bool:
    """The tree's answer for one row; a comparison of things that cannot be compared is no."""
    match node:
        case AllOf(parts=parts):
            return all(matches(part, row) for part in parts)
        case AnyOf(parts=parts):
            return any(matches(part, row) for part in parts)
        case NoneOf(parts=parts):
            return not any(matches(part, row) for part in parts)
        case Leaf():
            return _holds(node, _value(node.field, row))


def expired(row: OssRow, now: float) -> bool:
    """Past the end of its last day (UTC), as the server's own scoped reads see it."""
    last_day = seconds(row.expiration_date)
    return last_day is not None and last_day // 86400 < now // 86400


def _value(field: str, row: OssRow) -> object:
    if field in ENTITY_KEYS:
        return row.owner(field)
    if field in TIME_KEYS:
        return seconds(getattr(row, field))
    if field == "id":
        return row.id
    return (row.metadata or {}).get(field)


def _holds(leaf: Leaf, value: object) -> bool:
    wanted: Any = leaf.value
    match leaf.op:
        case "any":
            return value is not None
        case "eq":
            return bool(value == wanted)
        case "ne":
            return bool(value != wanted)
        case "in":
            return any(value == one for one in wanted)
        case "nin":
            return not any(value == one for one in wanted)
        case "contains":
            return _contains(value, wanted, folded=False)
        case "icontains":
            return _contains(value, wanted, folded=True)
        case _:
            return _ordered(leaf.op, value, wanted)


def _contains(value: object, wanted: object, *, folded: bool) -> bool:
    if isinstance(value, list):
        return wanted in value
    if not isinstance(value, str) or not isinstance(wanted, str):
        return False
    return wanted.casefold() in value.casefold() if folded else wanted in value


def _ordered(op: str, value: Any, wanted: Any) -> bool:
    numbers = isinstance(value, int | float) and isinstance(wanted, int | float)
    if not numbers and not (isinstance(value, str) and isinstance(wanted, str)):
        return False
    match op:
        case "gt":
            return bool(value > wanted)
        case "gte":
            return bool(value >= wanted)
        case "lt":
            return bool(value < wanted)
        case _:
            return bool(value <= wanted)
