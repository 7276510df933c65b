"""The scope of a request: the caller's pin joined with what the request asks for, and how the pin is put upstream.

The scope is checked again on every row that comes back. Where the request asks for more than single ids (an OR over users, a
list), the rows are held against the tree itself; what that says travels as the owner key `request_filter`.
"""

from collections.abc import Mapping

import msgspec

from adapters.mem0.filters import (
    IDENTITY,
    OPEN,
    All,
    Node,
    agreed,
    bounded,
    conjuncts,
    identity,
    is_of,
    parse,
    possible,
    says_more,
)
from firewall.core.wire.requests import JsonObject, denied
from firewall.ports import Caller

IDENTITIES = frozenset(IDENTITY)

#: The owner key under which a row says whether it is one that the request's filter asked for.
FILTER_KEY = "request_filter"
_INSIDE = "inside"
_OUTSIDE = "outside"

#: Where the open-source server keeps an app_id: it knows none, and strips it from what it is told at the top level.
APP_KEY = "_fw_app_id"


class Scope(msgspec.Struct, frozen=True):
    """`pin` is what every row must carry; `missing` is the part of the caller's pin that the request does not name."""

    pin: Mapping[str, str]
    missing: Mapping[str, str]
    tree: Node | None = None

    @property
    def row_pin(self) -> Mapping[str, str]:
        return self.pin if self.tree is None else {**self.pin, FILTER_KEY: _INSIDE}

    def marked(self, owner: Mapping[str, str]) -> Mapping[str, str]:
        """The owner of a row, with what the request's filter says of it."""
        if self.tree is None:
            return owner
        return {**owner, FILTER_KEY: _INSIDE if possible(self.tree, owner) else _OUTSIDE}


UNCHECKED = Scope({}, {})


def top_level(fields: Mapping[str, object]) -> tuple[Node, ...]:
    """The identity keys beside the filters. A null there is a key that was not given."""
    return tuple(is_of(key, fields[key]) for key in IDENTITY if fields.get(key) is not None)


def scope_of(body: Mapping[str, object], caller: Caller, *, needed: bool = True) -> Scope:
    """The scope of a JSON body; with `needed`, CallerError 403 where it has none and the caller may not see everything."""
    filters = body.get("filters")
    plain = _plain(body, filters, caller)
    if plain is not None:
        return plain
    nodes = (*top_level(body), OPEN if filters is None else parse(filters))
    return scope_from(All(nodes), caller, needed=needed)


def _plain(body: Mapping[str, object], filters: object, caller: Caller) -> Scope | None:
    """What nearly every request says, without a tree: concrete ids in flat filters, and nothing that contradicts.

    None wherever the tree has to be read; a test holds the two readings against each other.
    """
    pin = caller.pin
    if (
        type(filters) is not dict
        or not filters
        or not IDENTITIES.issuperset(filters)
        or not IDENTITIES.isdisjoint(body)
    ):
        return None
    for key, value in filters.items():
        if not isinstance(value, str) or value == "*" or identity(key, value) != pin.get(key, value):
            return None
    named = filters.keys() >= pin.keys()
    missing = {} if named else {key: value for key, value in pin.items() if key not in filters}
    return Scope({**pin, **filters}, missing)


def scope_from(tree: Node, caller: Caller, *, needed: bool = True) -> Scope:
    pin = agreed(tree, caller.pin)
    if needed and not pin and not caller.admin and not bounded(tree):
        raise denied("the request needs a concrete user_id, agent_id, app_id or run_id")
    named = {part.key for part in conjuncts(tree) if part.concrete}
    missing = {key: value for key, value in caller.pin.items() if key not in named}
    return Scope(pin, missing, tree if says_more(tree, pin) else None)


def exactly(key: str, value: str, caller: Caller) -> None:
    """CallerError 403 unless the caller may have everything of that one entity: it is unpinned, or pinned to just that."""
    if caller.pin and dict(caller.pin) != {key: value}:
        raise denied("the request asks for an entity that is not the caller's alone")


def pinned_filters(body: JsonObject, scope: Scope) -> JsonObject:
    """The body with the missing part of the pin, where this body keeps its ids."""
    if not scope.missing:
        return body
    filters = body.get("filters")
    if filters is None and any(body.get(key) is not None for key in IDENTITY):
        return {**body, **scope.missing}
    if not isinstance(filters, dict) or not filters:
        return {**body, "filters": dict(scope.missing)}
    if filters.keys() & {"AND", "OR", "NOT"}:
        own: list[object] = [{key: value} for key, value in scope.missing.items()]
        return {**body, "filters": {"AND": [*own, filters]}}
    return {**body, "filters": {**filters, **scope.missing}}


def flat_filters(body: JsonObject, scope: Scope) -> JsonObject:
    """The body for the open-source server, which wants the scope flat at the top level of its filters."""
    flat = {APP_KEY if key == "app_id" else key: value for key, value in scope.pin.items()}
    filters = body.get("filters")
    rest = filters if isinstance(filters, dict) else {}
    kept = {key: value for key, value in body.items() if key not in scope.pin}
    return {
        **kept,
        "filters": {**flat, **{key: value for key, value in rest.items() if key not in scope.pin}},
    }
