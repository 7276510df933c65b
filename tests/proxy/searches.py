"""Mem0 searches, planned and answered."""

from collections.abc import Mapping

import msgspec

from adapters.mem0 import Mem0Dialect
from firewall.ports import Caller, Dialect, Plan, WireRequest, WireResponse

SEARCH = "/v3/memories/search/"
DIALECT = Mem0Dialect("platform")


def plan_of(body: Mapping[str, object], dialect: Dialect = DIALECT, path: str = SEARCH) -> Plan:
    request = WireRequest(method="POST", path=path, body=msgspec.json.encode({"query": "q", **body}))
    match = dialect.match(request)
    assert match is not None
    return dialect.plan(request, match, Caller(), now=0.0)


def search(user: str = "u1", **more: object) -> Plan:
    return plan_of({"filters": {"user_id": user}, **more})


def answer(*texts: str, user: str = "u1") -> WireResponse:
    rows = [{"id": f"m{place}", "memory": text, "user_id": user} for place, text in enumerate(texts)]
    return WireResponse(status=200, body=msgspec.json.encode({"results": rows}))


def page_of(body: bytes) -> WireResponse:
    return WireResponse(status=200, body=body)
