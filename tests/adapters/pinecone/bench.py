"""What the tests of the dialect share: one request through match, plan, read and rebuild, without a network."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from adapters.pinecone import PineconeDialect
from adapters.pinecone.plans import PineconePlan
from firewall.ports import Answer, Caller, Disclosure, Headers, WireRequest, WireResponse

KEY = b"a lasting key for index hosts..."
CASSETTES = Path(__file__).parents[2] / "cassettes" / "pinecone"
PUBLIC = "http://localhost:8700/vectors"
INDEX_HOST = "http://docs.upstream.test"


def dialect(**settings: Any) -> PineconeDialect:
    wanted = {"api_url": "http://upstream.test", "public_key": KEY, "allow_hosts": (".upstream.test",)}
    return PineconeDialect("vectors", **{**wanted, **settings})


def caller(*, admin: bool = False, **pin: str) -> Caller:
    return Caller(name="agent", admin=admin, pin=pin, public_base=PUBLIC)


class Wire:
    """A dialect with a caller in front of it, and one index of the name `docs`."""

    def __init__(self, who: Caller | None = None, *, name: str = "docs", host: str = INDEX_HOST) -> None:
        self.dialect = dialect()
        self.caller = who or caller()
        self.token = self.dialect._hosts.token(name, host)

    def plan(self, line: str, body: object = None, headers: Headers = ()) -> PineconePlan:
        """`line` is method and target, without the index's prefix where it begins with a tilde: `POST ~/query`."""
        method, target = line.split(" ", 1)
        path, _, query = target.replace("~", f"/_idx/{self.token}", 1).partition("?")
        raw = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        request = WireRequest(method=method, path=path, query=query, headers=headers, body=raw)
        match = self.dialect.match(request)
        assert match is not None, line
        return self.dialect.plan(request, match, self.caller, now=0.0)

    def sent(self, line: str, body: object = None) -> Any:
        """The JSON body of the upstream request."""
        raw = self.plan(line, body).request.body
        return msgspec.json.decode(raw) if raw else None

    def read(self, plan: PineconePlan, value: object) -> tuple[Answer, WireResponse]:
        raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
        response = WireResponse(status=200, headers=(("x-pinecone-request-lsn", "9"),), body=raw)
        return self.dialect.read(plan, response), response

    def through(
        self,
        plan: PineconePlan,
        value: object,
        admit: Callable[[int], bool] = lambda _: True,
        firewall: bytes | None = None,
        annotations: Mapping[str, Mapping[str, str]] | None = None,
    ) -> WireResponse:
        """The caller's answer to an upstream body."""
        answer, response = self.read(plan, value)
        disclosure = Disclosure(
            admitted=[admit(place) for place in range(len(answer.candidates))],
            firewall=firewall,
            annotations=annotations or {},
        )
        return self.dialect.rebuild(plan, answer, response, disclosure)
