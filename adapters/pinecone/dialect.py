"""The dialect: Pinecone's REST wire as the port asks for it. Everything is pure; the work is in the modules beside this one."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from adapters.pinecone import answers, rebuild, refusals, writes
from adapters.pinecone.hosts import Hosts
from adapters.pinecone.plans import Asked, PineconePlan, held_to_pin
from adapters.pinecone.reads import READS
from adapters.pinecone.routes import ROUTES
from adapters.pinecone.texts import DEFAULT_TEXT_KEYS
from adapters.pinecone.writes import WRITES, Drafting
from firewall.core.wire.paths import table_of
from firewall.errors import CallerError
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

_KEY = "api-key"
_GRPC = "application/grpc"
#: Where a client's key could stand beside ours; Pinecone reads the first, other servers of its wire the second.
_CREDENTIALS = frozenset({_KEY, "authorization"})


class PineconeDialect:
    """The codec in front of one Pinecone project. `upstream` is the mount's name, which candidates carry.

    `public_key` is the lasting key of the index hosts given out. `allow_hosts` are suffixes of hosts that an index may have
    besides the control plane's own and Pinecone's cloud: `.example.com`, `localhost:5081`, `http://10.0.0.7:*`.
    """

    name = "pinecone"

    def __init__(
        self,
        upstream: str,
        *,
        api_url: str,
        public_key: bytes,
        allow_hosts: Sequence[str] = (),
        text_keys: Sequence[str] = DEFAULT_TEXT_KEYS,
    ) -> None:
        self._upstream = upstream
        self._hosts = Hosts(upstream, api_url=api_url, public_key=public_key, allow_hosts=allow_hosts)
        self._text_keys = tuple(text_keys)
        self._drafting = Drafting(self._text_keys)
        self.routes: Sequence[RouteSpec] = tuple(route.spec for route in ROUTES)
        self._by_name = {route.spec.name: route for route in ROUTES}
        self._table = table_of(self.routes)

    def match(self, request: WireRequest) -> Match | None:
        """CallerError 400 `bad_path` for a path that servers read in different ways, 415 for gRPC."""
        if (header(request.headers, "content-type") or "").lower().startswith(_GRPC):
            raise CallerError(
                415,
                "grpc_unsupported",
                "memfw does not speak Pinecone's gRPC: use the REST client, pinecone.Pinecone(...).Index(...)",
            )
        return self._table.match(request.method, request.path)

    def credential(self, headers: Headers) -> str | None:
        return header(headers, _KEY)

    def with_credential(self, request: WireRequest, key: str) -> WireRequest:
        kept = tuple(pair for pair in request.headers if pair[0].lower() not in _CREDENTIALS)
        return msgspec.structs.replace(request, headers=(*kept, ("Api-Key", key)))

    def plan(self, request: WireRequest, match: Match, caller: Caller, *, now: float) -> PineconePlan:  # noqa: ARG002  nothing here depends on the time
        token = match.params.get("index")
        route = self._by_name[match.spec.name]
        asked = Asked(
            request=request,
            match=match,
            route=route,
            caller=caller,
            upstream=self._upstream,
            hosts=self._hosts,
            index=None if token is None else self._hosts.opened(token),
        )
        held_to_pin(asked)
        reading = READS.get(route.planning)
        return reading(asked) if reading else WRITES[route.planning](asked, self._drafting)

    def stamped(self, plan: Plan, stamps: Sequence[str]) -> WireRequest:
        return writes.stamped(_mine(plan), stamps)

    def recall(self, query: str, owner: Mapping[str, str], limit: int) -> WireRequest | None:  # noqa: ARG002
        """None: a search needs an index and a vector or a model, which a question does not name."""
        return None

    def read(self, plan: Plan, response: WireResponse) -> Answer:
        return answers.read(_mine(plan), response, self._text_keys)

    def more(self, plan: Plan, answer: Answer, wanted: int) -> WireRequest | None:
        """Ranked reads double, up to Pinecone's limit; pages go on one by one."""
        return answers.more(_mine(plan), cast(answers.PineconeAnswer, answer), wanted)

    def joined(self, plan: Plan, first: Answer, second: Answer) -> Answer:
        ours = cast(answers.PineconeAnswer, first), cast(answers.PineconeAnswer, second)
        return answers.joined(_mine(plan), *ours)

    def rebuild(
        self, plan: Plan, answer: Answer, response: WireResponse, disclosure: Disclosure
    ) -> WireResponse:
        return rebuild.rebuild(_mine(plan), cast(answers.PineconeAnswer, answer), response, disclosure)

    def refusal(
        self, match: Match | None, status: int, code: str, message: str, extra: Mapping[str, Any]
    ) -> WireResponse:
        return refusals.refusal(match, status, code, message, extra)

    def not_found(self, match: Match) -> WireResponse:
        return refusals.refusal(match, 404, "not_found", "not found", {})


def _mine(plan: Plan) -> PineconePlan:
    """Plans of this dialect are its own; the port only knows their common part."""
    return cast(PineconePlan, plan)
