"""Answers about indexes and namespaces: index hosts lead back through memfw, and a pinned caller sees its own only.

Nothing of the rest is modelled: the shape of an index changes with every API version. Only the strings `host` and
`private_host` are put anew, in the place where they stand; every other byte is the upstream's.
"""

import re
from collections.abc import Callable

import msgspec

from adapters.pinecone.plans import PineconePlan, normal
from firewall.core.wire.requests import encoded
from firewall.core.wire.splice import array, broken, items, members, object_of, tree

Raw = msgspec.Raw
_HOSTS = frozenset({"host", "private_host"})
_INDEXES = ("indexes", "[]")
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


class _Open(msgspec.Struct):
    """An object or array that the scan is inside of. `key` is that of the member at hand, None where one begins."""

    path: tuple[str, ...]
    is_object: bool
    key: str | None = None
    in_value: bool = False
    name: str = ""
    hosts: list[tuple[int, int, str]] = msgspec.field(default_factory=list)


def rehosted(body: bytes, url_of: Callable[[str, str], str]) -> bytes:
    """The answer with the hosts of its indexes replaced: `url_of(index name, host)` is the new one."""
    if not isinstance(tree(body), dict):
        raise broken("the upstream's answer is not a JSON object")
    found = [
        (begin, end, url_of(index.name, host)) for index in _indexes(body) for begin, end, host in index.hosts
    ]
    parts: list[bytes] = []
    done = 0
    for begin, end, url in sorted(found):
        parts += (body[done:begin], encoded(url))
        done = end
    return b"".join((*parts, body[done:]))


def _indexes(body: bytes) -> list[_Open]:
    """The objects that may be an index, each with its name and where its hosts stand. The body is known to be JSON."""
    done: list[_Open] = []
    stack: list[_Open] = []
    for mark in _MARKS.finditer(body):
        token = mark.group()
        inner = stack[-1] if stack else None
        if token in (b"{", b"["):
            path = () if inner is None else (*inner.path, (inner.key or "") if inner.is_object else "[]")
            stack.append(_Open(path, token == b"{"))
        elif token in (b"}", b"]"):
            done.append(stack.pop())
        elif inner is None or not inner.is_object:
            continue
        elif token == b":":
            inner.in_value = True
        elif token == b",":
            inner.in_value = False
        elif not inner.in_value:
            inner.key = str(tree(token))
        else:
            _note(inner, mark.start(), mark.end(), token)
    return [one for one in done if one.path in ((), _INDEXES)]


def _note(index: _Open, begin: int, end: int, token: bytes) -> None:
    if index.key == "name":
        index.name = str(tree(token))
    elif index.key in _HOSTS:
        host = str(tree(token))
        if host:  # an index that is not ready yet has none
            index.hosts.append((begin, end, host))


def indexes(body: bytes, plan: PineconePlan) -> bytes:
    """The answer of the control plane about one index or all of them."""
    if not body.strip():
        return body
    pinned = plan.pin.get("index")
    if pinned is not None:
        body = _listed(body, "indexes", lambda name: name == pinned)
    base = plan.public_base.rstrip("/")
    return rehosted(body, lambda name, host: f"{base}/_idx/{plan.hosts.token(name, host)}")


def namespaces(body: bytes, plan: PineconePlan) -> bytes:
    """The list of namespaces. An empty token of a next page is taken out."""
    pinned = plan.pin.get("namespace")
    if pinned is not None:
        body = _listed(body, "namespaces", lambda name: normal(name) == normal(pinned))
        body = object_of({key: raw for key, raw in members(body).items() if key != "total_count"})
    return unpaged(body)


def stats(body: bytes, plan: PineconePlan) -> bytes:
    """What is counted in the index: of a pinned caller's namespace alone, without the totals of everybody."""
    pinned = plan.pin.get("namespace")
    if pinned is None:
        return body
    fields = members(body)
    counted = members(fields.get("namespaces", b"{}"))
    own = {name: raw for name, raw in counted.items() if normal(name) == normal(pinned)}
    counts = [members(raw).get("vectorCount", Raw(b"0")) for raw in own.values()]
    return object_of(
        {**fields, "namespaces": object_of(own), "totalVectorCount": counts[0] if counts else b"0"}
    )


def unpaged(body: bytes) -> bytes:
    """The list without a `next` that is null: older clients would ask for it for ever."""
    fields = members(body)
    raw = fields.get("pagination")
    page = None if raw is None else tree(raw)
    if raw is None or (isinstance(page, dict) and page.get("next")):
        return body
    return object_of({key: value for key, value in fields.items() if key != "pagination"})


def _listed(body: bytes, key: str, mine: Callable[[str], bool]) -> bytes:
    """The object with those items of its list whose name is the caller's; one that has no such list stays as it is."""
    fields = members(body)
    if key not in fields:
        return body
    own = []
    for item in items(fields[key]):
        name = tree(members(item).get("name", b"null"))
        if isinstance(name, str) and mine(name):
            own.append(item)
    return object_of({**fields, key: array(own)})
