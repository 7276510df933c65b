"""What the tests of the dialect share: one request through match, plan, read and rebuild, without a network."""

from collections.abc import Callable
from typing import Any

import msgspec

from adapters.graphiti import GraphitiDialect
from adapters.graphiti.answers import GraphitiAnswer
from adapters.graphiti.planning import GraphitiPlan
from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import compile_policy
from firewall.core.model import Candidate, Context, Mode, Verdict
from firewall.core.policy import Policy
from firewall.core.state import State
from firewall.ports import Caller, Disclosure, Headers, WireRequest, WireResponse

NOW = 1_800_000_000.0  # 15 January 2027
POLICY = compile_policy(Policy(), "r1")


class Wire:
    """A dialect with a caller in front of it."""

    def __init__(self, caller: Caller) -> None:
        self.dialect = GraphitiDialect("graph")
        self.caller = caller

    def plan(self, line: str, body: object = None, headers: Headers = ()) -> GraphitiPlan:
        """`line` is method and target, as on the wire."""
        method, target = line.split(" ", 1)
        path, _, query = target.partition("?")
        raw = b"" if body is None else msgspec.json.encode(body)
        request = WireRequest(method=method, path=path, query=query, headers=headers, body=raw)
        match = self.dialect.match(request)
        assert match is not None, line
        return self.dialect.plan(request, match, self.caller, now=NOW)

    def read(self, plan: GraphitiPlan, value: object) -> tuple[GraphitiAnswer, WireResponse]:
        raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
        response = WireResponse(status=200, headers=(("Content-Type", "application/json"),), body=raw)
        answer = self.dialect.read(plan, response)
        assert isinstance(answer, GraphitiAnswer)
        return answer, response

    def through(
        self,
        plan: GraphitiPlan,
        value: object,
        admit: Callable[[Candidate], bool] = lambda _: True,
        firewall: bytes | None = None,
    ) -> WireResponse:
        """The caller's answer to an upstream body."""
        answer, response = self.read(plan, value)
        admitted = [admit(candidate) for candidate in answer.candidates]
        return self.dialect.rebuild(plan, answer, response, Disclosure(admitted=admitted, firewall=firewall))

    def judged(self, plan: GraphitiPlan, value: object, mode: Mode = Mode.standard) -> dict[str, Verdict]:
        """The verdicts of the default policy, by candidate."""
        candidates = self.read(plan, value)[0].candidates
        context = Context(decision_id="d", mode=mode, pin=plan.pin, by_id=plan.by_id, ranked=plan.ranked)
        verdicts = adjudicate(candidates, context, State(), POLICY, NOW).verdicts
        return {candidate.id: verdict for candidate, verdict in zip(candidates, verdicts, strict=True)}


def wired(**caller: Any) -> Wire:
    """`caller` is what the dialect is to know of the principal."""
    return Wire(Caller(**caller))
