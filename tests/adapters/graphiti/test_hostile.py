"""Any JSON at any route, from either side: a plan or an answer, or an error of ours, and nothing else."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from firewall.errors import CallerError, UpstreamError
from firewall.ports import Caller, Disclosure, WireRequest, WireResponse
from tests.adapters.graphiti.bench import NOW, wired

DIALECT = wired().dialect
CALLERS = (Caller(), Caller(admin=True), Caller(pin={"group_id": "x1"}), Caller(pin={"user_id": "x1"}))
KEYS = st.sampled_from(
    ("group_id", "group_ids", "max_facts", "messages", "query", "facts", "fact", "uuid", "content", "summary")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8) | st.just("x1"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.sampled_from(list(DIALECT.routes)), st.sampled_from(CALLERS), JSON, JSON)
def test_any_json_from_either_side(spec: Any, caller: Caller, asked: Any, told: Any) -> None:
    """Whatever is decided, the answer can be put together."""
    path = "/".join("x1" if part[:1] == "{" else part for part in spec.pattern.split("/"))
    request = WireRequest(method=spec.method, path=path, body=msgspec.json.encode(asked))
    match = DIALECT.match(request)
    assert match is not None
    response = WireResponse(status=200, body=msgspec.json.encode(told))
    try:
        plan = DIALECT.plan(request, match, caller, now=NOW)
        answer = DIALECT.read(plan, response)
    except (CallerError, UpstreamError):
        return
    for admits in (True, False):
        admitted = [admits] * len(answer.candidates)
        DIALECT.rebuild(plan, answer, response, Disclosure(admitted=admitted, firewall=b"{}"))
    DIALECT.more(plan, answer, 3)
