"""The dialect: a described API as the port asks for it. Everything is pure; the work is in the modules beside this one."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.http.answers import HttpAnswer, read_answer
from adapters.http.asking import HttpPlan, more_of, plan_of, recall_of
from adapters.http.mapping import HttpMapping, specs_of
from adapters.http.rebuild import rebuild, refusal
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

_CREDENTIALS = frozenset({"authorization", "x-api-key"})


class HttpDialect:
    """The codec in front of one described API. `upstream` is the name that candidates carry."""

    name = "http"

    def __init__(self, upstream: str, mapping: HttpMapping) -> None:
        self._upstream = upstream
        self._mapping = mapping
        self._reads = {read.name: read for read in mapping.reads}
        self.routes: Sequence[RouteSpec] = specs_of(mapping)
        self._table = table_of(self.routes)

    def match(self, request: WireRequest) -> Match | None:
        """CallerError 400 `bad_path` for a path that servers read in different ways."""
        return self._table.match(request.method, request.path)

    def credential(self, headers: Headers) -> str | None:
        value = header(headers, self._mapping.key_header)
        if value is None or not self._mapping.key_scheme:
            return value
        scheme, _, key = value.strip().partition(" ")
        return key.strip() or None if scheme.lower() == self._mapping.key_scheme.lower() else None

    def with_credential(self, request: WireRequest, key: str) -> WireRequest:
        name, scheme = self._mapping.key_header, self._mapping.key_scheme
        gone = _CREDENTIALS | {name.lower()}
        kept = tuple(pair for pair in request.headers if pair[0].lower() not in gone)
        own = (name, f"{scheme} {key}" if scheme else key)
        return msgspec.structs.replace(request, headers=(*kept, own))

    def plan(self, request: WireRequest, match: Match, caller: Caller, *, now: float) -> HttpPlan:  # noqa: ARG002
        """The pin goes where the description says, and into the check of every item."""
        return plan_of(request, match, caller, self._reads[match.spec.name], self._mapping, self._upstream)

    def stamped(self, plan: Plan, stamps: Sequence[str]) -> WireRequest:  # noqa: ARG002
        """As it is: no plan of this dialect has a place for a stamp."""
        return plan.request

    def recall(self, query: str, owner: Mapping[str, str], limit: int) -> WireRequest | None:
        """By the first read that is described as one that memfw can ask by itself."""
        for read in self._mapping.reads:
            if read.recall is not None:
                return recall_of(read, self._mapping, query, owner, limit)
        return None

    # Plans and answers of this dialect are its own; the port only knows their common part.

    def read(self, plan: Plan, response: WireResponse) -> Answer:
        assert isinstance(plan, HttpPlan)
        return read_answer(plan, response)

    def more(self, plan: Plan, answer: Answer, wanted: int) -> WireRequest | None:
        """The same question for more items, up to the described limit."""
        assert isinstance(plan, HttpPlan)
        return more_of(plan, wanted) if answer.more else None

    def joined(self, plan: Plan, first: Answer, second: Answer) -> Answer:  # noqa: ARG002
        """A larger ranked read holds the first one."""
        return second

    def rebuild(
        self, plan: Plan, answer: Answer, response: WireResponse, disclosure: Disclosure
    ) -> WireResponse:
        assert isinstance(plan, HttpPlan)
        assert isinstance(answer, HttpAnswer)
        return rebuild(plan, answer, response, disclosure)

    def refusal(
        self,
        match: Match | None,  # noqa: ARG002  one shape for all routes
        status: int,
        code: str,
        message: str,
        extra: Mapping[str, Any],
    ) -> WireResponse:
        return refusal(status, code, message, extra)

    def not_found(self, match: Match) -> WireResponse:  # noqa: ARG002
        return refusal(404, "not_found", "there is no such item", {})
