"""Whose memory a request is about, held against the caller's pin; and what every item of its answer must carry.

A request names a user or a graph, never both: a pin may hold one of each, and the one that is named counts. A thread belongs
to a user: where the pin does not name the thread itself, the upstream is asked first. What cannot be held against a pin is
refused to a pinned caller.
"""

from collections.abc import Callable, Mapping

import msgspec

from adapters.zep.plans import GRAPH, PIN_KEYS, THREAD, USER, Asked
from adapters.zep.routes import Whose
from firewall.core.wire.paths import segment
from firewall.core.wire.requests import JsonObject, Query, denied, forwarded, invalid
from firewall.ports import RouteClass, WireRequest

_NOT_YOURS = "the request asks for memory outside of the caller's scope"


class Scoped(msgspec.Struct, frozen=True, kw_only=True):
    """`owner` is that of items which state none, `pin` what each must carry; `body` and `query` are what goes upstream."""

    owner: Mapping[str, str] = {}
    pin: Mapping[str, str] = {}
    body: JsonObject | None = None
    query: Query
    preflight: tuple[WireRequest, ...] = ()


def scope_of(asked: Asked) -> Scoped:
    """CallerError 403 `scope_denied` for what lies outside of the caller's pin."""
    if asked.pinned:
        _agreed(asked)
    return _RESOLVERS[asked.route.whose](asked)


#: Their resolvers read what the body or the query names.
_READING_BODY = frozenset({Whose.body, Whose.lookup})
_NAMES = PIN_KEYS | {"session_id"}


def _agreed(asked: Asked) -> None:
    """What a request names beside the place that counts must not be somebody else: who knows which one a server reads."""
    named: list[tuple[str, object]] = []
    if asked.route.whose is not Whose.query:
        named += asked.query.pairs
    if asked.route.whose not in _READING_BODY and asked.body is not None:
        named += asked.body.items()
    for key, value in named:
        kept = "thread_id" if key == "session_id" else key
        if key in _NAMES and value is not None and asked.caller.pin.get(kept) != value:
            raise denied(_NOT_YOURS)


def _scoped(
    asked: Asked,
    owner: Mapping[str, str],
    pin: Mapping[str, str],
    *,
    preflight: tuple[WireRequest, ...] = (),
) -> Scoped:
    return Scoped(owner=owner, pin=pin, body=asked.body, query=asked.query, preflight=preflight)


def _owner(asked: Asked, kind: str, name: str) -> Mapping[str, str]:
    """The owner that the request names; version 4 takes a user's id for that of the user's graph."""
    if not asked.pinned or asked.pin.get(kind) == name:
        return {kind: name}
    if kind == GRAPH and asked.route.version == "v4" and asked.pin.get(USER) == name:
        return {USER: name}
    raise denied(_NOT_YOURS)


def _row_pin(asked: Asked, owner: Mapping[str, str]) -> Mapping[str, str]:
    if asked.pinned:
        return {**owner, THREAD: asked.pin[THREAD]} if THREAD in asked.pin else owner
    # Items of version 4 state the graph's own id, where the path may hold that of its user.
    return {key: name for key, name in owner.items() if key != GRAPH or asked.route.version == "v2"}


def _named(asked: Asked, kind: str, name: str) -> Scoped:
    owner = _owner(asked, kind, name)
    return _scoped(asked, owner, _row_pin(asked, owner))


def _nobody(asked: Asked) -> Scoped:
    return _scoped(asked, {}, {})


def _everybody(asked: Asked) -> Scoped:
    if asked.pinned:
        raise denied("the route reaches beyond the caller's scope")
    return _scoped(asked, {}, {})


def _user(asked: Asked) -> Scoped:
    return _named(asked, USER, asked.match.params[USER])


def _graph(asked: Asked) -> Scoped:
    return _named(asked, GRAPH, asked.match.params[GRAPH])


def _thread(asked: Asked) -> Scoped:
    name = asked.match.params[THREAD]
    if not asked.pinned:
        return _scoped(asked, {THREAD: name}, {THREAD: name})
    if THREAD in asked.pin:
        if asked.pin[THREAD] != name:
            raise denied(_NOT_YOURS)
        return _scoped(asked, asked.pin, {THREAD: name})
    key = next((key for key in (USER, GRAPH) if key in asked.pin), None)
    if key is None:
        raise denied(_NOT_YOURS)
    pin = {key: asked.pin[key]}
    if asked.route.states and asked.route.single:  # the answer says it itself
        return _scoped(asked, {}, pin)
    return _scoped(asked, {} if asked.route.states else pin, pin, preflight=(_thread_itself(asked, name),))


def _thread_itself(asked: Asked, name: str) -> WireRequest:
    """The read that says whose thread it is."""
    path, query = f"/api/v4/threads/{segment(name)}", ""
    if asked.route.whose is Whose.session:
        path = f"/api/v2/sessions/{segment(name)}"
    elif asked.route.version == "v2":
        path, query = f"/api/v2/threads/{segment(name)}/messages", "lastn=1"
    headers = forwarded(asked.request.headers, body=False)
    return WireRequest(method="GET", path=path, query=query, headers=headers)


def _body(asked: Asked) -> Scoped:
    """A user or a graph in the body; the caller's own where it names none."""
    body = asked.body if asked.body is not None else {}
    sessions = bool(body.get("session_ids"))
    if sessions and asked.pinned:
        raise denied("sessions cannot be held against the caller's scope: name the user")
    owner, missing = _stated(asked, body)
    reads = asked.route.route_class is RouteClass.governed_read
    if reads and not (owner or sessions or asked.caller.admin):
        raise denied("the request has to name a user or a graph")
    scoped = _scoped(asked, owner, _row_pin(asked, owner))
    return msgspec.structs.replace(scoped, body={**body, **missing}) if missing else scoped


def _query(asked: Asked) -> Scoped:
    given = {key: asked.query.get(key) for key in asked.stating}
    owner, missing = _stated(asked, {key: value for key, value in given.items() if value is not None})
    scoped = _scoped(asked, owner, _row_pin(asked, owner))
    return msgspec.structs.replace(scoped, query=asked.query.plus(missing)) if missing else scoped


def _stated(asked: Asked, given: Mapping[str, object]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The owner that is named, and what has to be named so that it is the caller's own."""
    owner: dict[str, str] = {}
    for key, kind in asked.stating.items():
        value = given.get(key)
        if value is None:
            continue
        name = _name(value)
        if kind != THREAD:
            owner |= _owner(asked, kind, name)
        elif asked.pinned and asked.pin.get(THREAD, name) != name:
            raise denied(_NOT_YOURS)
    if owner:
        return owner, {}
    if asked.pinned:
        own = [kind for kind in (USER, GRAPH) if kind in asked.pin]
        if len(own) != 1:
            raise denied("the request has to name a user or a graph")
        key = next(key for key, kind in asked.stating.items() if kind == own[0])
        return {own[0]: asked.pin[own[0]]}, {key: asked.pin[own[0]]}
    return {}, {}


def _graphs(asked: Asked) -> Scoped:
    body = asked.body if asked.body is not None else {}
    names = body.get("graph_uuids")
    if names is None:
        names = []
    if not isinstance(names, list):
        raise invalid("graph_uuids must be a list of ids")
    owners = [_owner(asked, GRAPH, _name(name)) for name in names]
    if not owners:
        if asked.pinned:
            own = asked.pin.get(GRAPH, asked.pin.get(USER))
            if own is None:
                raise denied(_NOT_YOURS)
            owner = _owner(asked, GRAPH, own)
            scoped = _scoped(asked, owner, _row_pin(asked, owner))
            return msgspec.structs.replace(scoped, body={**body, "graph_uuids": [own]})
        if not asked.caller.admin:
            raise denied("the request has to name its graphs")
    if any(owner != owners[0] for owner in owners):
        if asked.pinned:  # no item could carry both
            raise denied("the request has to name one graph")
        return _scoped(asked, {}, {})
    owner = owners[0] if owners else {}
    return _scoped(asked, owner, _row_pin(asked, owner))


def _items(asked: Asked) -> Scoped:
    """Every item of a batch names its user, its graph or its thread."""
    if asked.pinned:
        listed = (asked.body or {}).get("items")
        if not isinstance(listed, list):
            raise invalid("items must be a list")
        for item in listed:
            if not isinstance(item, dict):
                raise invalid("items must be objects")
            named = {
                kind: _name(item[key]) for key, kind in asked.stating.items() if item.get(key) is not None
            }
            if not named or any(asked.pin.get(kind) != name for kind, name in named.items()):
                raise denied(_NOT_YOURS)
    return _scoped(asked, {}, {})


def _item(asked: Asked) -> Scoped:
    """By an item's id alone: it has to state the caller's pin itself."""
    if not asked.pinned:
        return _scoped(asked, {}, {})
    pin = {THREAD: asked.pin[THREAD]} if THREAD in asked.pin else asked.pin
    if not pin:
        raise denied(_NOT_YOURS)
    if asked.route.single:
        return _scoped(asked, {}, pin)
    depth = asked.route.pattern.split("/").index("{uuid}") + 1
    single = WireRequest(
        method="GET",
        path="/".join(asked.match.path.split("/")[:depth]),
        headers=forwarded(asked.request.headers, body=False),
    )
    return _scoped(asked, pin, pin, preflight=(single,))


def _lookup(asked: Asked) -> Scoped:
    """From the ids of clients to those of version 4: a pinned caller may ask for its own only."""
    if asked.pinned:
        for key, value in (asked.body or {}).items():
            kind = f"{key.removesuffix('s').removesuffix('_id')}_id"
            names = value if isinstance(value, list) else [value]
            if any(name is not None and asked.caller.pin.get(kind) != name for name in names):
                raise denied(_NOT_YOURS)
    return _scoped(asked, {}, {})


def _own(kind: str) -> Callable[[Asked], Scoped]:
    def resolve(asked: Asked) -> Scoped:
        name = asked.match.params[kind]
        if not asked.caller.admin and dict(asked.pin) != {kind: name}:
            raise denied("deleting all of it needs role admin, or a caller that is pinned to just that")
        return _named(asked, kind, name)

    return resolve


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise invalid("an id must be a text")
    return value


_RESOLVERS: Mapping[Whose, Callable[[Asked], Scoped]] = {
    Whose.nobody: _nobody,
    Whose.everybody: _everybody,
    Whose.user: _user,
    Whose.graph: _graph,
    Whose.thread: _thread,
    Whose.session: _thread,
    Whose.body: _body,
    Whose.query: _query,
    Whose.graphs: _graphs,
    Whose.items: _items,
    Whose.item: _item,
    Whose.lookup: _lookup,
    Whose.own_user: _own(USER),
    Whose.own_graph: _own(GRAPH),
}
