"""What every plan of this dialect carries besides the port's `Plan`, what a planner is given, and whose rows it may ask for.

A Pinecone row states no owner of its own: it is whose index and namespace it stands in. So those two are what a principal
can be pinned to, and what every row of an answer carries.
"""

from collections.abc import Mapping

import msgspec

from adapters.pinecone.bodies import RawObject, one_credential
from adapters.pinecone.hosts import Hosts, IndexHost
from adapters.pinecone.routes import INDEX, Route, Shape
from adapters.pinecone.rows import LAYOUTS
from firewall.core.wire.requests import denied, forwarded, invalid, query_of
from firewall.core.wire.splice import object_of
from firewall.errors import CallerError
from firewall.ports import Caller, Headers, Match, Plan, WireRequest

DEFAULT_NAMESPACE = "__default__"
_PINS = frozenset({"index", "namespace"})
_PREFIX = tuple(part for part in INDEX.split("/") if part)
_JSON: Headers = (("Content-Type", "application/json"),)
_NDJSON: Headers = (("Content-Type", "application/x-ndjson"),)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, with all that a planner may look at. `index` is the checked one, None on the control plane."""

    request: WireRequest
    match: Match
    route: Route
    caller: Caller
    upstream: str
    hosts: Hosts
    index: IndexHost | None = None


class PineconePlan(Plan, kw_only=True):
    """`owner` is that of every row. `namespace` is the asked one, as the client spelled it.

    `asked` is how many rows `request` asks for; `wanted_fields` the caller's projection (None: everything), and
    `bare` says that the caller wants no metadata at all. `body` is what `request` was made of; of a write, `rows` are what it stores, with their
    metadata under `inside`, or `lines`.
    """

    shape: Shape
    upstream: str
    hosts: Hosts
    owner: Mapping[str, str] = {}
    namespace: str = ""
    asked: int | None = None
    wanted_fields: tuple[str, ...] | None = None
    bare: bool = False
    body: RawObject = msgspec.field(default_factory=dict)
    rows: list[RawObject] = msgspec.field(default_factory=list)
    inside: str = ""
    lines: list[bytes] = msgspec.field(default_factory=list)
    public_base: str = ""

    @property
    def reading(self) -> object:
        """Of the shapes with memory text: the others are not read at all, and may hold keys."""
        if self.shape not in LAYOUTS:
            return None
        return (
            self.shape,
            self.upstream,
            self.owner,
            self.namespace,
            self.asked,
            self.request is self.fallback,
        )


def normal(namespace: str) -> str:
    """The empty namespace has a name too."""
    return namespace or DEFAULT_NAMESPACE


def within(asked: Asked, namespace: str | None) -> str:
    """The namespace of a request: the one that it names, else the pinned one. CallerError 403 where it is another's."""
    pinned = asked.caller.pin.get("namespace")
    if pinned is None:
        return namespace or ""
    if namespace and normal(namespace) != normal(pinned):
        raise denied("the request names a namespace that is not the caller's")
    return namespace or pinned


def indexed(asked: Asked, name: str) -> None:
    """CallerError 403 unless the caller may use the index of that name."""
    pinned = asked.caller.pin.get("index")
    if pinned is not None and pinned != name:
        raise denied("the request names an index that is not the caller's")


def held_to_pin(asked: Asked) -> None:
    """The part of the pin that every route is held to."""
    if asked.caller.pin.keys() - _PINS:
        raise denied("a caller of Pinecone can be pinned to an index and a namespace only")
    if asked.index is not None:
        indexed(asked, asked.index.name)


def plan_for(asked: Asked, request: WireRequest, *, namespace: str | None = None) -> PineconePlan:
    """The plan of a route as its table row says it; planners set what else they know."""
    plan = PineconePlan(
        match=asked.match,
        request=request,
        shape=asked.route.shape,
        upstream=asked.upstream,
        hosts=asked.hosts,
        public_base=asked.caller.public_base,
        pin=asked.caller.pin,
    )
    if namespace is not None:
        index = asked.index.name if asked.index is not None else ""
        plan.owner = {"index": index, "namespace": normal(namespace)}
        plan.pin, plan.namespace = plan.owner, namespace
    return plan


def upstream_path(asked: Asked) -> str:
    """The path for upstream: the table's own literals, and each parameter as the client spelled it."""
    pattern = [part for part in asked.match.spec.pattern.split("/") if part]
    raw = [part for part in asked.request.path.split("/") if part]
    parts = [given if part.startswith("{") else part for part, given in zip(pattern, raw, strict=True)]
    return "/" + "/".join(parts[len(_PREFIX) :] if asked.index is not None else parts)


def sent(
    asked: Asked, body: RawObject | None = None, *, query: str = "", lines: bytes | None = None
) -> WireRequest:
    """The request for upstream: with these members, with NDJSON, or without a body."""
    headers = forwarded(one_credential(asked.request.headers), body=False)
    content = b""
    if body is not None:
        headers, content = headers + _JSON, object_of(body)
    elif lines is not None:
        headers, content = headers + _NDJSON, lines
    return WireRequest(
        method=asked.request.method,
        path=upstream_path(asked),
        query=query,
        headers=headers,
        body=content,
        base=asked.index.base if asked.index is not None else "",
    )


def queried(asked: Asked) -> str:
    """The query string of a route whose namespace stands elsewhere; CallerError 400 where it names one too."""
    query = query_of(asked.request.query)
    if query.get("namespace") is not None:
        raise invalid("this route takes no namespace in its query")
    return query.raw


def by_path(asked: Asked, body: Mapping[str, object] | None = None) -> str:
    """The namespace of a route that names it in its path; CallerError 400 where the body names one too."""
    if body is not None and "namespace" in body:
        raise invalid("this route takes no namespace in its body")
    return within(asked, asked.match.params["namespace"])


def whole_namespace(asked: Asked, namespace: str) -> None:
    """CallerError 403 unless the caller may delete everything in that namespace."""
    pinned = asked.caller.pin.get("namespace")
    if not asked.caller.admin and (pinned is None or normal(pinned) != normal(namespace)):
        raise CallerError(
            403, "admin_only", "deleting a whole namespace needs role admin, or a caller that is pinned to it"
        )
