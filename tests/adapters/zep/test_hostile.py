"""Any JSON at any route, from either side: a plan or an answer, or an error of ours, and nothing else."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from firewall.errors import CallerError, UpstreamError
from firewall.ports import Caller, Disclosure, RouteClass, WireRequest, WireResponse
from tests.adapters.zep.bench import NOW, wired

DIALECT = wired().dialect
SPECS = [spec for spec in DIALECT.routes if spec.route_class is not RouteClass.passed]
CALLERS = (
    Caller(),
    Caller(admin=True),
    Caller(pin={"user_id": "x1", "user_uuid": "x1"}),
    Caller(pin={"graph_id": "x1"}),
    Caller(pin={"thread_id": "x1"}),
)
ASKED = ("user_id", "graph_id", "graph_uuids", "thread_id", "messages", "items", "limit", "scope", "query")
LISTS = (
    "edges",
    "nodes",
    "episodes",
    "context",
    "results",
    "answer",
    "citations",
    "edge",
    "node",
    "firewall",
)
TOLD = ("fact", "facts", "uuid", "summary", "content", "valid_at", "invalid_at", "attributes", "metadata")
KEYS = st.sampled_from((*ASKED, *LISTS, *TOLD, "next_cursor", "response"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=8)
    | st.sampled_from(["x1", "<FACTS>\n- a (1 - 2)\n"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def request_of(number: int, body: object) -> WireRequest:
    spec = SPECS[number % len(SPECS)]
    path = "/".join("x1" if part[:1] == "{" else part for part in spec.pattern.split("/"))
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return WireRequest(method=spec.method, path=path, body=raw)


@settings(max_examples=400)
@given(st.integers(0, len(SPECS) - 1), st.sampled_from(CALLERS), JSON, JSON, st.booleans())
def test_any_json_from_either_side(
    number: int, caller: Caller, asked: Any, told: Any, streamed: bool
) -> None:
    """Whatever is decided, the answer can be put together."""
    request = request_of(number, asked)
    match = DIALECT.match(request)
    assert match is not None
    content = msgspec.json.encode(told)
    kind = "text/event-stream" if streamed else "application/json"
    response = WireResponse(
        status=200, headers=(("Content-Type", kind),), body=b"data: %b\n\n" % content if streamed else content
    )
    try:
        plan = DIALECT.plan(request, match, caller, now=NOW)
        answer = DIALECT.read(plan, response)
    except (CallerError, UpstreamError):
        return
    for admits in (True, False):
        admitted = [admits] * len(answer.candidates)
        DIALECT.rebuild(plan, answer, response, Disclosure(admitted=admitted, firewall=b"{}"))
    DIALECT.more(plan, answer, 3)


@given(st.integers(0, len(SPECS) - 1), st.binary(max_size=60))
def test_any_bytes(number: int, raw: bytes) -> None:
    """As a request or as an answer."""
    request = request_of(number, raw)
    match = DIALECT.match(request)
    assert match is not None
    try:
        plan = DIALECT.plan(request, match, CALLERS[1], now=NOW)
        DIALECT.read(plan, WireResponse(status=200, body=raw))
    except (CallerError, UpstreamError):
        return
