"""The dialect: Zep's wire as the port asks for it. Everything is pure; the work is in the modules beside this one."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.zep import answers, drafts
from adapters.zep.planning import plan_of
from adapters.zep.plans import OnUnparsed, ZepPlan
from adapters.zep.routes import Route
from adapters.zep.routes_v2 import V2_ROUTES
from adapters.zep.routes_v4 import V4_ROUTES
from firewall.core.wire.paths import segments, table_of
from firewall.core.wire.requests import encoded, json_object
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

_SCHEMES = frozenset({"api-key", "bearer"})
_JSON: Headers = (("Content-Type", "application/json"),)
#: The code of every denial: clients look at the status, people at `firewall.code`.
DENIED = "memory_firewall_denied"


class ZepDialect:
    """The codec in front of Zep, hosted or of the community. `upstream` is the name that candidates carry.

    `on_unparsed` says what happens to text of a context that nobody can parse; None: `standard` shows it and says so,
    `strict` and `firewall` withhold it.
    """

    name = "zep"

    def __init__(self, upstream: str = "", *, on_unparsed: OnUnparsed | None = None) -> None:
        self._upstream = upstream
        self._on_unparsed = on_unparsed
        known = V2_ROUTES + V4_ROUTES
        self._by_name: Mapping[str, Route] = {route.name: route for route in known}
        self.routes: Sequence[RouteSpec] = tuple(route.spec for route in known)
        self._table = table_of(self.routes)

    def match(self, request: WireRequest) -> Match | None:
        """CallerError 400 `bad_path` for a path that servers read in different ways.

        The version is that of the path; of a path without one, the client's.
        """
        return self._table.match(request.method, _versioned(request))

    def credential(self, headers: Headers) -> str | None:
        scheme, _, key = (header(headers, "authorization") or "").strip().partition(" ")
        return key.strip() or None if scheme.lower() in _SCHEMES else None

    def with_credential(self, request: WireRequest, key: str) -> WireRequest:
        kept = tuple(pair for pair in request.headers if pair[0].lower() != "authorization")
        return msgspec.structs.replace(request, headers=(*kept, ("Authorization", f"Api-Key {key}")))

    def plan(self, request: WireRequest, match: Match, caller: Caller, *, now: float) -> ZepPlan:
        return plan_of(
            request,
            match,
            self._by_name[match.spec.name],
            caller,
            upstream=self._upstream,
            on_unparsed=self._on_unparsed,
            now=now,
        )

    def stamped(self, plan: Plan, stamps: Sequence[str]) -> WireRequest:
        assert isinstance(plan, ZepPlan)
        body = drafts.stamped(plan.route, json_object(plan.request.body), stamps)
        return msgspec.structs.replace(plan.request, body=encoded(body))

    def recall(self, query: str, owner: Mapping[str, str], limit: int) -> WireRequest | None:
        """A search of the facts of one user or graph; None where the owner names neither."""
        named = {key: owner[key] for key in ("user_id", "graph_id") if key in owner}
        if len(named) != 1:
            return None
        body = msgspec.json.encode({"query": query, "scope": "edges", "limit": limit, **named})
        return WireRequest(method="POST", path="/api/v2/graph/search", headers=_JSON, body=body)

    # Plans and answers of this dialect are its own; the port only knows their common part.

    def read(self, plan: Plan, response: WireResponse) -> Answer:
        assert isinstance(plan, ZepPlan)
        return answers.read(plan, response)

    def more(self, plan: Plan, answer: Answer, wanted: int) -> WireRequest | None:
        """Searches double, up to the upstream's limit; pages go on one by one."""
        assert isinstance(plan, ZepPlan)
        assert isinstance(answer, answers.ZepAnswer)
        return answers.more(plan, answer, wanted)

    def joined(self, plan: Plan, first: Answer, second: Answer) -> Answer:
        assert isinstance(plan, ZepPlan)
        assert isinstance(first, answers.ZepAnswer)
        assert isinstance(second, answers.ZepAnswer)
        return answers.joined(plan, first, second)

    def rebuild(
        self, plan: Plan, answer: Answer, response: WireResponse, disclosure: Disclosure
    ) -> WireResponse:
        assert isinstance(plan, ZepPlan)
        assert isinstance(answer, answers.ZepAnswer)
        return answers.rebuild(plan, answer, response, disclosure)

    def refusal(
        self,
        match: Match | None,  # noqa: ARG002  Zep's errors look the same on every route
        status: int,
        code: str,
        message: str,
        extra: Mapping[str, Any],
    ) -> WireResponse:
        """Both generations of clients read `message`; version 4 reads `error` too."""
        body = {
            "message": message,
            "error": {"code": DENIED if status == 403 else code, "message": message},
            "firewall": {"code": code, **extra},
        }
        return WireResponse(status=status, headers=_JSON, body=msgspec.json.encode(body))

    def not_found(self, match: Match) -> WireResponse:  # noqa: ARG002  one answer for all
        body = {"message": "not found", "error": {"code": "not_found", "message": "not found"}}
        return WireResponse(status=404, headers=_JSON, body=msgspec.json.encode(body))


def _versioned(request: WireRequest) -> str:
    """The path below one prefix: a prefix that was given twice counts once, a missing one is the client's version."""
    parts = segments(request.path)
    if parts[:1] != ["api"]:
        parts = ["api", _client_version(request.headers), *parts]
    elif parts[2:4] == parts[:2] and parts[1:2] in (["v2"], ["v4"]):
        parts = parts[2:]
    return "/" + "/".join(parts)


def _client_version(headers: Headers) -> str:
    """`v4` for a zep-cloud of that version or later, else the older one."""
    name, _, version = (header(headers, "user-agent") or "").partition("/")
    name = header(headers, "x-fern-sdk-name") or name
    version = header(headers, "x-fern-sdk-version") or version
    major = version.partition(".")[0]
    return "v4" if name == "zep-cloud" and major.isdecimal() and int(major) >= 4 else "v2"
