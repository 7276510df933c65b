"""A described API in few words, and one request through its dialect up to the caller's answer."""

from collections.abc import Mapping, Sequence

import msgspec

from adapters.http import HttpDialect, HttpMapping, HttpOwner, HttpRead
from adapters.http.answers import HttpAnswer
from adapters.http.asking import HttpPlan
from firewall.ports import Caller, Disclosure, WireRequest, WireResponse

PLAIN = HttpRead(path="/search", list="/hits", text=("/text",), limit="/limit")
OWNED = {"user": HttpOwner(item="/meta/user", at="/where/user")}


def dialect(*reads: HttpRead, owner: Mapping[str, HttpOwner] | None = None) -> HttpDialect:
    """Of the upstream `api`."""
    return HttpDialect("api", HttpMapping(reads=reads or (PLAIN,), owner=owner or {}))


def request(body: object, path: str = "/search", *, method: str = "POST", query: str = "") -> WireRequest:
    content = b"" if body is None else msgspec.json.encode(body)
    return WireRequest(method=method, path=path, query=query, body=content)


def planned(codec: HttpDialect, asked: WireRequest, *, pin: Mapping[str, str] | None = None) -> HttpPlan:
    match = codec.match(asked)
    assert match is not None
    return codec.plan(asked, match, Caller(pin=pin or {}), now=0.0)


def answered(codec: HttpDialect, plan: HttpPlan, body: bytes) -> tuple[HttpAnswer, WireResponse]:
    response = WireResponse(status=200, headers=(("ETag", "x"), ("X-Id", "1")), body=body)
    answer = codec.read(plan, response)
    assert isinstance(answer, HttpAnswer)
    return answer, response


def rebuilt(
    codec: HttpDialect, body: bytes, admitted: Sequence[bool], *, firewall: bytes | None = b'{"f":1}'
) -> bytes:
    """What the caller gets of that answer to a plain search."""
    first = codec.routes[0]
    plan = planned(codec, request({} if first.method != "GET" else None, first.pattern, method=first.method))
    answer, response = answered(codec, plan, body)
    disclosure = Disclosure(admitted=admitted, firewall=firewall)
    return codec.rebuild(plan, answer, response, disclosure).body
