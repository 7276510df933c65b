"""Mem0's filter trees, read for one purpose: whose rows may they ask for?

Only the identity part is kept; every other condition is `Open`, which may hold or not. A tree is read strictly and bounded,
because servers disagree about odd ones: on a stock open-source server an AND overwrites the scope beside it. Hence the rule
of `agreed`: a key that is pinned must have the pinned value wherever it occurs, under AND, OR and NOT alike.
"""

import ast
from collections.abc import Iterator, Mapping

import msgspec

from firewall.core.wire.requests import denied, invalid
from firewall.errors import CallerError

IDENTITY = ("user_id", "agent_id", "app_id", "run_id")
#: What an entity type of a path or body is called as an identity key.
ENTITY_KEYS = {"user": "user_id", "agent": "agent_id", "app": "app_id", "run": "run_id"}

OPERATORS = frozenset({"AND", "OR", "NOT"})
_LOOKALIKES = frozenset({"and", "or", "not", "nor"})
_MAX_DEPTH = 16
_MAX_NODES = 2_000
_MAX_ID = 1_000
_MAX_LITERAL = 4_096


class Open(msgspec.Struct, frozen=True):
    """A condition on something else than identity."""


class Is(msgspec.Struct, frozen=True):
    """The key has one of the values (`negated`: none of them); no values stand for `*`, any value at all."""

    key: str
    values: frozenset[str]
    negated: bool = False

    @property
    def concrete(self) -> bool:
        return bool(self.values) and not self.negated


class All(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


class Any(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


class Not(msgspec.Struct, frozen=True):
    """None of the parts holds."""

    parts: tuple["Node", ...]


Node = Open | Is | All | Any | Not
OPEN = Open()


def bad_filter(message: str) -> CallerError:
    return invalid(message, code="invalid_filter")


def parse(filters: object) -> Node:
    """The identity part of a tree. CallerError 400 `invalid_filter` for what is malformed, 403 for smuggled operators."""
    return _Reader().tree(filters, 0)


def identity(key: str, value: object) -> str:
    """A concrete id or `*`; CallerError 400 for what servers read in different ways."""
    if not isinstance(value, str):
        raise bad_filter(f"{key} must be a string")
    if not value or value != value.strip() or not value.isprintable() or len(value) > _MAX_ID:
        raise bad_filter(f"{key} must be an id: not empty, no white space around it, no control characters")
    return value


def is_of(key: str, value: object) -> Is:
    text = identity(key, value)
    return Is(key, frozenset() if text == "*" else frozenset({text}))


class _Reader:
    """Counts nodes while it reads, so that a wide tree is refused like a deep one."""

    def __init__(self) -> None:
        self._left = _MAX_NODES

    def tree(self, value: object, depth: int) -> All:
        if not isinstance(value, dict):
            raise bad_filter("filters must be objects")
        if depth > _MAX_DEPTH:
            raise bad_filter("the filters are nested too deeply")
        self._count(len(value) + 1)
        return All(tuple(self._entry(key, part, depth) for key, part in value.items()))

    def _count(self, nodes: int) -> None:
        self._left -= nodes
        if self._left < 0:
            raise bad_filter("the filters have too many conditions")

    def _entry(self, key: str, value: object, depth: int) -> Node:
        if key in OPERATORS:
            parts = value if isinstance(value, list) else [value]
            if not parts:
                raise bad_filter(f"{key} needs conditions")
            read = tuple(self.tree(part, depth + 1) for part in parts)
            return All(read) if key == "AND" else Any(read) if key == "OR" else Not(read)
        if key.startswith("$"):
            raise denied("operators that begin with $ are not part of Mem0's filters")
        if key.strip().casefold() in _LOOKALIKES:
            raise bad_filter("the operators are AND, OR and NOT")
        if key in IDENTITY:
            return self._identity(key, value)
        self._other(value, depth)
        return OPEN

    def _identity(self, key: str, value: object) -> Node:
        if not isinstance(value, dict):
            return is_of(key, value)
        if len(value) != 1:
            raise bad_filter(f"{key} needs exactly one operator")
        operator, operand = next(iter(value.items()))
        if operator == "eq":
            return is_of(key, operand)
        if operator == "ne":
            return Is(key, is_of(key, operand).values, negated=True)
        if operator != "in" or not isinstance(operand, list) or not operand:
            raise bad_filter(f"{key} takes eq, ne or in with a list")
        self._count(len(operand))
        parts = [is_of(key, one) for one in operand]
        if any(not part.values for part in parts):
            return Is(key, frozenset())
        return Is(key, frozenset().union(*(part.values for part in parts)))

    def _other(self, value: object, depth: int) -> None:
        """A condition on another field holds no identity and no operator, at any depth."""
        if not isinstance(value, dict | list):
            return
        if depth > _MAX_DEPTH:
            raise bad_filter("the filters are nested too deeply")
        self._count(len(value))
        if isinstance(value, dict):
            for key, part in value.items():
                if key in IDENTITY or key in OPERATORS or key.startswith("$"):
                    raise denied("identity and operators have no place inside a condition on another field")
                self._other(part, depth + 1)
        else:
            for part in value:
                self._other(part, depth + 1)


def literal(text: str) -> Mapping[str, str]:
    """The Python literal that old clients send as `filters` in a query: a flat dict of identity keys, nothing else."""
    if len(text) > _MAX_LITERAL:
        raise bad_filter("filters in the query are too long")
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise bad_filter("filters in the query cannot be read") from None
    if not isinstance(value, dict) or not value:
        raise bad_filter("filters in the query cannot be read")
    return {_identity_key(key): identity(str(key), part) for key, part in value.items()}


def _identity_key(key: object) -> str:
    if not isinstance(key, str) or key not in IDENTITY:
        raise bad_filter("filters in the query may name user_id, agent_id, app_id and run_id only")
    return key


def conjuncts(node: Node) -> Iterator[Is]:
    """What every row of the tree must satisfy for certain. An OR of one is an AND."""
    match node:
        case Is():
            yield node
        case All(parts=parts):
            for part in parts:
                yield from conjuncts(part)
        case Any(parts=(part,)):
            yield from conjuncts(part)
        case Any() | Not() | Open():
            return


def occurrences(node: Node) -> Iterator[Is]:
    """Every identity condition of the tree, wherever it stands."""
    match node:
        case Is():
            yield node
        case All(parts=parts) | Any(parts=parts) | Not(parts=parts):
            for part in parts:
                yield from occurrences(part)
        case Open():
            return


def agreed(node: Node, pin: Mapping[str, str]) -> dict[str, str]:
    """The pin joined with the single values that the tree asks for; CallerError 403 where they contradict or widen."""
    scope = dict(pin)
    for part in conjuncts(node):
        if part.concrete and len(part.values) == 1:
            (value,) = part.values
            if scope.setdefault(part.key, value) != value:
                raise denied(f"the request asks for another {part.key} than it may")
    for part in occurrences(node):
        if part.key in scope and (part.negated or part.values != {scope[part.key]}):
            raise denied(f"the request widens or contradicts its {part.key}")
    return scope


def bounded(node: Node) -> bool:
    """Whether the tree names whose rows it wants, so that no row of anybody else can match."""
    match node:
        case Is():
            return node.concrete
        case All(parts=parts):
            return any(bounded(part) for part in parts)
        case Any(parts=parts):
            return all(bounded(part) for part in parts)
        case Not() | Open():
            return False


def says_more(node: Node, scope: Mapping[str, str]) -> bool:
    """Whether the tree asks for concrete ids that the scope does not say already."""
    return any(part.values and part.key not in scope for part in occurrences(node))


def possible(node: Node, owner: Mapping[str, str]) -> bool:
    """Whether a row of that owner can be one that the tree asks for."""
    return _holds(node, owner) is not False


def _holds(node: Node, owner: Mapping[str, str]) -> bool | None:
    """Three-valued: None where it depends on more than identity. A wildcard does: stores disagree about missing keys."""
    match node:
        case Open():
            return None
        case Is(key=key, values=values, negated=negated):
            return (owner.get(key) in values) is not negated if values else None
        case All(parts=parts):
            return _all(_holds(part, owner) for part in parts)
        case Any(parts=parts):
            return _negated(_all(_negated(_holds(part, owner)) for part in parts))
        case Not(parts=parts):
            return _all(_negated(_holds(part, owner)) for part in parts)


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(values: Iterator[bool | None]) -> bool | None:
    unsure = False
    for value in values:
        if value is False:
            return False
        unsure = unsure or value is None
    return None if unsure else True
