"""The dialect: Graphiti's REST wire as the port asks for it. Everything is pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.graphiti import answers
from adapters.graphiti.planning import GROUP, Asked, GraphitiPlan, plan_of
from adapters.graphiti.routes import ROUTES
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

_JSON: Headers = (("Content-Type", "application/json"),)
_CREDENTIALS = frozenset({"authorization", "x-api-key"})


class GraphitiDialect:
    """The codec in front of Graphiti's REST server. `upstream` is the name that candidates carry."""

    name = "graphiti"

    def __init__(self, upstream: str = "") -> None:
        self._upstream = upstream
        self._by_name = {route.spec.name: route for route in ROUTES}
        self.routes: Sequence[RouteSpec] = tuple(route.spec for route in ROUTES)
        self._table = table_of(self.routes)

    def match(self, request: WireRequest) -> Match | None:
        """CallerError 400 `bad_path` for a path that servers read in different ways."""
        return self._table.match(request.method, request.path)

    def credential(self, headers: Headers) -> str | None:
        """The server asks for no key; what stands before it takes it where one usually goes."""
        authorization = header(headers, "authorization")
        if authorization is None:
            return header(headers, "x-api-key")
        scheme, _, key = authorization.strip().partition(" ")
        return key.strip() or None if scheme.lower() == "bearer" else None

    def with_credential(self, request: WireRequest, key: str) -> WireRequest:
        kept = tuple(pair for pair in request.headers if pair[0].lower() not in _CREDENTIALS)
        return msgspec.structs.replace(request, headers=(*kept, ("Authorization", f"Bearer {key}")))

    def plan(self, request: WireRequest, match: Match, caller: Caller, *, now: float) -> GraphitiPlan:
        route = self._by_name[match.spec.name]
        return plan_of(
            Asked(request=request, match=match, route=route, caller=caller, upstream=self._upstream, now=now)
        )

    def stamped(self, plan: Plan, stamps: Sequence[str]) -> WireRequest:  # noqa: ARG002
        """As it is: no plan of this dialect has a place for a stamp."""
        return plan.request

    def recall(self, query: str, owner: Mapping[str, str], limit: int) -> WireRequest | None:
        """A search of the facts of one group; None where the owner names none."""
        if GROUP not in owner:
            return None
        body = msgspec.json.encode({"group_ids": [owner[GROUP]], "query": query, "max_facts": limit})
        return WireRequest(method="POST", path="/search", headers=_JSON, body=body)

    # Plans and answers of this dialect are its own; the port only knows their common part.

    def read(self, plan: Plan, response: WireResponse) -> Answer:
        assert isinstance(plan, GraphitiPlan)
        return answers.read(plan, response)

    def more(self, plan: Plan, answer: Answer, wanted: int) -> WireRequest | None:
        """Searches double."""
        assert isinstance(plan, GraphitiPlan)
        assert isinstance(answer, answers.GraphitiAnswer)
        return answers.more(plan, answer, wanted)

    def joined(self, plan: Plan, first: Answer, second: Answer) -> Answer:  # noqa: ARG002  the port's signature
        """A larger search replaces the first one."""
        return second

    def rebuild(
        self, plan: Plan, answer: Answer, response: WireResponse, disclosure: Disclosure
    ) -> WireResponse:
        assert isinstance(plan, GraphitiPlan)
        assert isinstance(answer, answers.GraphitiAnswer)
        return answers.rebuild(plan, answer, response, disclosure)

    def refusal(
        self,
        match: Match | None,  # noqa: ARG002  the errors look the same on every route
        status: int,
        code: str,
        message: str,
        extra: Mapping[str, Any],
    ) -> WireResponse:
        body = {"detail": message, "code": code, **extra}
        return WireResponse(status=status, headers=_JSON, body=msgspec.json.encode(body))

    def not_found(self, match: Match) -> WireResponse:
        """As the server says it of an edge or an episode that it does not have."""
        what = "episode" if "episode" in match.spec.name else "edge"
        body = {"detail": f"{what} {match.params.get('uuid', '')} not found"}
        return WireResponse(status=404, headers=_JSON, body=msgspec.json.encode(body))
