"""The dialect: Mem0's wire as the port asks for it. Everything is pure; the work is in the modules beside this one."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.mem0 import answers, rebuild, writes
from adapters.mem0.plans import Asked, Mem0Plan
from adapters.mem0.reads import READS
from adapters.mem0.routes import Flavor, Planning, Shape, routes_of, spec_of
from adapters.mem0.writes import WRITES
from firewall.core.wire.paths import table_of
from firewall.ports import (
    Answer,
    Caller,
    Disclosure,
    Headers,
    Match,
    Plan,
    RouteSpec,
    WireRequest,
    WireResponse,
    header,
)

_SCHEMES = frozenset({"token", "bearer"})
_CREDENTIALS = frozenset({"authorization", "x-api-key", "mem0-user-id"})
_JSON: Headers = (("Content-Type", "application/json"),)


class Mem0Dialect:
    """The codec in front of one flavor of Mem0. `upstream` is the name that candidates and standing events carry."""

    name = "mem0"

    def __init__(self, flavor: Flavor, upstream: str = "") -> None:
        self.flavor = flavor
        self._upstream = upstream
        known = routes_of(flavor)
        self._by_name = {route.name: route for route in known}
        self.routes: Sequence[RouteSpec] = tuple(spec_of(route, flavor) for route in known)
        self._table = table_of(self.routes)

    def match(self, request: WireRequest) -> Match | None:
        """CallerError 400 `bad_path` for a path that servers read in different ways."""
        return self._table.match(request.method, request.path)

    def credential(self, headers: Headers) -> str | None:
        authorization = header(headers, "authorization")
        if authorization is None:
            return header(headers, "x-api-key")
        scheme, _, key = authorization.strip().partition(" ")
        return key.strip() or None if scheme.lower() in _SCHEMES else None

    def with_credential(self, request: WireRequest, key: str) -> WireRequest:
        """The client's own key leaves no trace: `Mem0-User-ID` is its digest."""
        kept = tuple(pair for pair in request.headers if pair[0].lower() not in _CREDENTIALS)
        own = ("Authorization", f"Token {key}") if self.flavor == "platform" else ("X-API-Key", key)
        return msgspec.structs.replace(request, headers=(*kept, own))

    def plan(self, request: WireRequest, match: Match, caller: Caller, *, now: float) -> Mem0Plan:
        route = self._by_name[match.spec.name]
        asked = Asked(
            request=request,
            match=match,
            route=route,
            caller=caller,
            flavor=self.flavor,
            upstream=self._upstream,
            now=now,
        )
        return _PLANNERS[route.planning](asked)

    def stamped(self, plan: Plan, stamps: Sequence[str]) -> WireRequest:
        assert isinstance(plan, Mem0Plan)
        return writes.stamped(plan, stamps)

    def recall(self, query: str, owner: Mapping[str, str], limit: int) -> WireRequest:
        body = msgspec.json.encode({"query": query, "filters": dict(owner), "top_k": limit})
        return WireRequest(method="POST", path="/v3/memories/search/", headers=_JSON, body=body)

    # Plans and answers of this dialect are its own; the port only knows their common part.

    def read(self, plan: Plan, response: WireResponse) -> Answer:
        assert isinstance(plan, Mem0Plan)
        return answers.read(plan, response)

    def more(self, plan: Plan, answer: Answer, wanted: int) -> WireRequest | None:
        """Ranked reads double, up to the platform's limit; pages go on one by one."""
        assert isinstance(plan, Mem0Plan)
        assert isinstance(answer, answers.Mem0Answer)
        return answers.more(plan, answer, wanted)

    def joined(self, plan: Plan, first: Answer, second: Answer) -> Answer:
        assert isinstance(plan, Mem0Plan)
        assert isinstance(first, answers.Mem0Answer)
        assert isinstance(second, answers.Mem0Answer)
        return answers.joined(plan, first, second)

    def rebuild(
        self, plan: Plan, answer: Answer, response: WireResponse, disclosure: Disclosure
    ) -> WireResponse:
        assert isinstance(plan, Mem0Plan)
        assert isinstance(answer, answers.Mem0Answer)
        return rebuild.rebuild(plan, answer, response, disclosure)

    def refusal(
        self,
        match: Match | None,  # noqa: ARG002  Mem0's errors look the same on every route
        status: int,
        code: str,
        message: str,
        extra: Mapping[str, Any],
    ) -> WireResponse:
        """`{"detail": ..., "code": ...}`: the clients keep the whole object in their exception's details."""
        return rebuild.refusal(status, code, message, extra)

    def not_found(self, match: Match) -> WireResponse:
        """The open-source server answers an unknown id in three ways, by route; the platform in one."""
        route = self._by_name[match.spec.name]
        if not route.bare:
            return WireResponse(status=404, headers=_JSON, body=b'{"error":"Memory not found!"}')
        if route.shape is Shape.row:
            return WireResponse(status=200, headers=_JSON, body=b"null")
        if route.planning is Planning.history:
            return WireResponse(status=200, headers=_JSON, body=b"[]")
        name = match.params.get("memory_id", "")
        body = msgspec.json.encode({"detail": f"Memory with id {name} not found"})
        return WireResponse(status=404, headers=_JSON, body=body)


_PLANNERS = {**READS, **WRITES}
