"""What the tests of the dialect share: one request through match, plan, read and rebuild, without a network."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from adapters.zep import ZepDialect
from adapters.zep.answers import ZepAnswer
from adapters.zep.plans import ZepPlan
from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import compile_policy
from firewall.core.model import Candidate, Context, Mode, Verdict
from firewall.core.policy import Policy
from firewall.core.state import State
from firewall.ports import Caller, Disclosure, Headers, WireRequest, WireResponse

NOW = 1_800_000_000.0  # 15 January 2027
POLICY = compile_policy(Policy(), "r1")
JSON: Headers = (("Content-Type", "application/json"),)
CASSETTES = Path(__file__).parents[2] / "cassettes" / "zep"

LIVE: Mapping[str, Any] = {
    "uuid": "e-live",
    "created_at": "2026-01-05T10:00:00Z",
    "name": "USES_ROUTE",
    "fact": "The checkout team uses the new adapter",
    "source_node_uuid": "n1",
    "target_node_uuid": "n2",
    "valid_at": "2026-01-05T10:00:00Z",
    "invalid_at": None,
    "expired_at": None,
    "attributes": {},
    "episodes": ["ep-1"],
}
OVER: Mapping[str, Any] = {
    **LIVE,
    "uuid": "e-over",
    "fact": "The checkout team uses the legacy adapter",
    "target_node_uuid": "n3",
    "valid_at": "2025-06-01T00:00:00Z",
    "invalid_at": "2026-01-05T10:00:00Z",
    "expired_at": "2026-01-05T10:00:05Z",
}


def cassette(name: str) -> list[Mapping[str, Any]]:
    """The calls of a recording."""
    loaded: list[Mapping[str, Any]] = msgspec.json.decode((CASSETTES / f"{name}.json").read_bytes())["calls"]
    return loaded


class Wire:
    """A dialect with a caller in front of it."""

    def __init__(self, caller: Caller, on_unparsed: Literal["pass", "block"] | None) -> None:
        self.dialect = ZepDialect("zep", on_unparsed=on_unparsed)
        self.caller = caller

    def plan(self, line: str, body: object = None, headers: Headers = ()) -> ZepPlan:
        """`line` is method and target, as on the wire."""
        method, target = line.split(" ", 1)
        path, _, query = target.partition("?")
        raw = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        request = WireRequest(method=method, path=path, query=query, headers=headers, body=raw)
        match = self.dialect.match(request)
        assert match is not None, line
        return self.dialect.plan(request, match, self.caller, now=NOW)

    def sent(self, line: str, body: object = None) -> tuple[str, Any]:
        """Target and JSON body of the upstream request."""
        request = self.plan(line, body).request
        return request.target, msgspec.json.decode(request.body) if request.body else None

    def read(self, plan: ZepPlan, value: object) -> tuple[ZepAnswer, WireResponse]:
        response = answered(value)
        answer = self.dialect.read(plan, response)
        assert isinstance(answer, ZepAnswer)
        return answer, response

    def candidates(self, line: str, value: object, body: object = None) -> list[Candidate]:
        """What an answer to that request holds."""
        return self.read(self.plan(line, body), value)[0].candidates

    def through(
        self,
        plan: ZepPlan,
        value: object,
        admit: Callable[[Candidate], bool] = lambda _: True,
        firewall: bytes | None = None,
        annotations: Mapping[str, Mapping[str, str]] | None = None,
    ) -> WireResponse:
        """The caller's answer to an upstream body."""
        answer, response = self.read(plan, value)
        disclosure = Disclosure(
            admitted=[admit(candidate) for candidate in answer.candidates],
            firewall=firewall,
            annotations=annotations or {},
        )
        return self.dialect.rebuild(plan, answer, response, disclosure)

    def judged(self, plan: ZepPlan, value: object, mode: Mode = Mode.standard) -> dict[str, Verdict]:
        """The verdicts of the shipped policy, by candidate."""
        candidates = self.read(plan, value)[0].candidates
        context = Context(decision_id="d", mode=mode, pin=plan.pin, by_id=plan.by_id, ranked=plan.ranked)
        verdicts = adjudicate(candidates, context, State(), POLICY, NOW).verdicts
        return {candidate.id: verdict for candidate, verdict in zip(candidates, verdicts, strict=True)}


def answered(value: object) -> WireResponse:
    """A 200 of the upstream."""
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return WireResponse(status=200, headers=(*JSON, ("ETag", '"x"')), body=raw)


def wired(on_unparsed: Literal["pass", "block"] | None = None, /, **caller: Any) -> Wire:
    """`caller` is what the dialect is to know of the principal."""
    return Wire(Caller(**caller), on_unparsed)
