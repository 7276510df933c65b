"""The platform's filter trees for a server that wants its ids flat, at the top level.

Sent as they are, a tree would be refused (ids only inside AND) or, worse, misread: the server lets an AND overwrite the
scope beside it. So no AND, OR or NOT is ever sent. `scopes` says which flat scopes hold every row that the tree can match,
`pushed` what else the server may narrow by, and `oss_matching` decides about each row. Pure and bounded.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from adapters.mem0.oss_rows import APP_KEY, RESERVED_PREFIX
from adapters.mem0.oss_wire import ID_KEYS, not_supported
from firewall.errors import CallerError

ENTITY_KEYS = frozenset({*ID_KEYS, "app_id"})
TIME_KEYS = frozenset({"created_at", "updated_at", "expiration_date"})
ALIASES = {"timestamp": "created_at", "session_id": "run_id", "memory_ids": "id"}
UNSUPPORTED_FIELDS = frozenset({"categories", "keywords", "keywords_search", "text"})
OPERATORS = frozenset({"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "contains", "icontains"})
MAX_DEPTH = 10
MAX_LEAVES = 200
MAX_SCOPES = 16


class Leaf(msgspec.Struct, frozen=True):
    """`op` is one of OPERATORS or `any` (the field has a value). Values of times are seconds since the epoch."""

    field: str
    op: str
    value: Any


class AllOf(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


class AnyOf(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


class NoneOf(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


Node = Leaf | AllOf | AnyOf | NoneOf


def invalid(message: str) -> CallerError:
    return CallerError(400, "invalid_filter", message)


def parse(filters: object) -> AllOf:
    """The tree of a request. CallerError 400 for what is malformed, 501 for what a self-hosted server has no data for."""
    node = _object(filters, 0)
    if _leaves(node) > MAX_LEAVES:
        raise invalid("the filters have too many conditions")
    return node


def _object(filters: object, depth: int) -> AllOf:
    if not isinstance(filters, Mapping):
        raise invalid("filters must be objects")
    if depth > MAX_DEPTH:
        raise invalid("the filters are nested too deeply")
    parts: list[Node] = []
    for key, value in filters.items():
        match key:
            case "AND":
                parts.append(AllOf(_list(key, value, depth)))
            case "OR":
                parts.append(AnyOf(_list(key, value, depth)))
            case "NOT":
                negated = value if isinstance(value, list) else [value]
                parts.append(NoneOf(_list(key, negated, depth)))
            case "metadata" if isinstance(value, Mapping):
                parts.extend(part for name, test in value.items() for part in _conditions(str(name), test))
            case _:
                parts.extend(_conditions(str(key), value))
    return AllOf(tuple(parts))


def _list(key: str, value: object, depth: int) -> tuple[Node, ...]:
    if not isinstance(value, list) or not value:
        raise invalid(f"{key} needs a list of conditions")
    return tuple(_object(part, depth + 1) for part in value)


def _conditions(name: str, test: object) -> list[Node]:
    if name in UNSUPPORTED_FIELDS:
        raise not_supported(f"filtering by {name}")
    if name.startswith(("$", RESERVED_PREFIX)):
        raise invalid("a filter names a reserved field")
    field = ALIASES.get(name, name)
    if test == "*":
        return [Leaf(field, "any", None)]
    if isinstance(test, list):
        return [_leaf(field, "in", test)]
    if not isinstance(test, Mapping):
        return [_leaf(field, "eq", test)]
    if not test or not test.keys() <= OPERATORS:
        raise invalid(f"the condition on {name} has an unknown operator")
    return [_leaf(field, operator, value) for operator, value in test.items()]


def _leaf(field: str, op: str, value: object) -> Leaf:
    if op in {"in", "nin"}:
        if not isinstance(value, list):
            raise invalid(f"the condition on {field} needs a list")
        return Leaf(field, op, tuple(_value(field, one) for one in value))
    if isinstance(value, list | Mapping) and op not in {"eq", "ne", "contains"}:
        raise invalid(f"the condition on {field} needs a plain value")
    return Leaf(field, op, _value(field, value))


def _value(field: str, value: object) -> object:
    if field in ENTITY_KEYS:
        return identity(field, value)
    if field in TIME_KEYS and value is not None:
        moment = seconds(value)
        if moment is None:
            raise invalid(f"the condition on {field} needs a date")
        return moment
    return value


def identity(field: str, value: object) -> str | None:
    """An id that every server takes the same way. White space is refused: some servers trim it, others refuse it."""
    if value is None:
        return None
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text or any(char.isspace() for char in text):
        raise invalid(f"{field} must be a string without white space")
    return text


def seconds(value: object) -> float | None:
    """An ISO date or time, or a number of seconds, as seconds since the epoch."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _leaves(node: Node) -> int:
    return 1 if isinstance(node, Leaf) else sum(_leaves(part) for part in node.parts)


def names_entity(node: Node) -> bool:
    """Whether the tree asks for anybody's rows at all; the platform and the server both insist on that."""
    if isinstance(node, Leaf):
        return node.field in ENTITY_KEYS
    return any(names_entity(part) for part in node.parts)


def scopes(node: Node) -> tuple[Mapping[str, str], ...]:
    """Flat scopes whose rows include every row the tree can match. An empty scope stands for everything.

    No scope at all means that the tree contradicts itself and matches nothing.
    """
    found = _scopes(node)
    return ({},) if any(not scope for scope in found) else tuple(found)


def _scopes(node: Node) -> list[dict[str, str]]:
    if isinstance(node, Leaf):
        return _leaf_scopes(node) or [{}]
    if isinstance(node, NoneOf):
        return [{}]
    found: list[dict[str, str]] = [{}] if isinstance(node, AllOf) else []
    for part in node.parts:
        more = _scopes(part)
        if isinstance(node, AllOf):
            more = [one | other for one in found for other in more if _agree(one, other)]
        else:
            more = [*found, *more]
        found = [scope for place, scope in enumerate(more) if scope not in more[:place]]
        if len(found) > MAX_SCOPES:
            raise not_supported("filters over that many users, agents and runs")
    return found


def _leaf_scopes(leaf: Leaf) -> list[dict[str, str]]:
    """The scopes that are exactly the rows of this condition; none where there are no such scopes."""
    if leaf.field not in ID_KEYS or leaf.op not in {"eq", "in"}:
        return []
    values = leaf.value if leaf.op == "in" else (leaf.value,)
    return [] if None in values else [{leaf.field: value} for value in values]


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(other.get(key, value) == value for key, value in one.items())


def pushed(node: AllOf) -> tuple[Mapping[str, object], bool]:
    """What the server may narrow a search by, and whether that and the scopes are the whole tree.

    Only equality of strings and lists of strings: there the server's stores agree with each other and with us.
    """
    flat: dict[str, object] = {}
    whole = True
    for part in _flattened(node):
        match part:
            case Leaf(field="app_id", op="eq", value=str() as value) if APP_KEY not in flat:
                flat[APP_KEY] = value
            case Leaf(field=field, op="eq", value=str() as value) if (
                _is_metadata(field) and field not in flat
            ):
                flat[field] = value
            case Leaf(field=field, op="in", value=tuple() as values) if (
                _is_metadata(field) and field not in flat and all(isinstance(one, str) for one in values)
            ):
                flat[field] = {"in": list(values)}
            case _:
                whole = whole and _only_scopes(part)
    return flat, whole


def _flattened(node: AllOf) -> list[Node]:
    parts: list[Node] = []
    for part in node.parts:
        parts.extend(_flattened(part) if isinstance(part, AllOf) else [part])
    return parts


def _is_metadata(field: str) -> bool:
    return field not in ENTITY_KEYS | TIME_KEYS | {"id", "hash", "data", "role"}


def _only_scopes(node: Node) -> bool:
    if isinstance(node, Leaf):
        return bool(_leaf_scopes(node))
    return not isinstance(node, NoneOf) and all(_only_scopes(part) for part in node.parts)
