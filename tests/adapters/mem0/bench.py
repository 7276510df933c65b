"""What the tests of the dialect share: one request through match, plan, read and rebuild, without a network."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from adapters.mem0 import Flavor, Mem0Dialect
from adapters.mem0.plans import Mem0Plan
from firewall.ports import Answer, Caller, Disclosure, WireRequest, WireResponse

NOW = 1_800_000_000.0


class Wire:
    """A dialect with a caller in front of it."""

    def __init__(self, flavor: Flavor, caller: Caller) -> None:
        self.dialect = Mem0Dialect(flavor, "memory")
        self.caller = caller

    def plan(self, line: str, body: object = None, headers: tuple[tuple[str, str], ...] = ()) -> Mem0Plan:
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
        assert request is not None
        return request.target, msgspec.json.decode(request.body) if request.body else None

    def read(self, plan: Mem0Plan, value: object, status: int = 200) -> tuple[Answer, WireResponse]:
        raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
        response = WireResponse(status=status, headers=(("ETag", '"x"'),), body=raw)
        return self.dialect.read(plan, response), response

    def through(
        self,
        plan: Mem0Plan,
        value: object,
        admit: Callable[[int], bool] = lambda _: True,
        firewall: bytes | None = None,
        annotations: Mapping[str, Mapping[str, str]] | None = None,
    ) -> WireResponse:
        """The caller's answer to an upstream body."""
        answer, response = self.read(plan, value)
        disclosure = Disclosure(
            admitted=[admit(index) for index in range(len(answer.candidates))],
            firewall=firewall,
            annotations=annotations or {},
        )
        return self.dialect.rebuild(plan, answer, response, disclosure)


def wired(flavor: Flavor = "platform", /, **caller: Any) -> Wire:
    """`caller` is what the dialect is to know of the principal."""
    caller.setdefault("public_base", "http://localhost:8700/mem0")
    return Wire(flavor, Caller(**caller))
