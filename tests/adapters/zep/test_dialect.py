"""The dialect itself: paths and versions, keys, errors, its table."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.zep import ZepDialect
from firewall.errors import CallerError
from firewall.ports import Caller, RouteClass, WireRequest
from tests.adapters.zep.bench import NOW

DIALECT = ZepDialect("zep")


def matched(line: str, *headers: tuple[str, str]) -> tuple[str, str] | None:
    method, path = line.split(" ", 1)
    match = DIALECT.match(WireRequest(method=method, path=path, headers=headers))
    return None if match is None else (match.spec.name, match.path)


@pytest.mark.parametrize(
    ("path", "name", "sent"),
    [
        ("/api/v2/graph/search", "v2.graph.search", "/api/v2/graph/search"),
        ("/api/v2/api/v2/graph/search", "v2.graph.search", "/api/v2/graph/search"),
        ("//api//v2/graph/search/", "v2.graph.search", "/api/v2/graph/search"),
        ("/graph/search", "v2.graph.search", "/api/v2/graph/search"),
        ("/api/v4/graphs/g/search/edges", "v4.search.edges", "/api/v4/graphs/g/search/edges"),
        ("/api/v4/api/v4/graphs/g/search/edges", "v4.search.edges", "/api/v4/graphs/g/search/edges"),
    ],
)
def test_a_prefix_counts_once(path: str, name: str, sent: str) -> None:
    """Given twice by mistake, or left out."""
    assert matched(f"POST {path}") == (name, sent)


def test_a_bare_path_is_of_the_clients_version() -> None:
    """The same path means two things: the client says which."""
    line = "GET /threads/t1/messages"
    assert matched(line) == ("v2.thread.messages", "/api/v2/threads/t1/messages")
    newer = ("v4.thread.messages", "/api/v4/threads/t1/messages")
    assert matched(line, ("User-Agent", "zep-cloud/4.0.1")) == newer
    assert matched(line, ("X-Fern-SDK-Name", "zep-cloud"), ("X-Fern-SDK-Version", "5.1.0")) == newer
    assert matched(line, ("User-Agent", "zep-cloud/3.30.0")) == matched(line)
    assert matched(line, ("User-Agent", "other/9")) == matched(line)
    assert matched("GET /api/v2/threads/t1/messages", ("User-Agent", "zep-cloud/4.0.1")) == matched(line)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/users/../graph/list-all",
        "/api/v2/users/%2e%2e/node",
        "/api/v2/threads/t1%2F..%2Ft2/context",
        "/api/v2/users/%252e%252e/node",
        "/api/v2/users/a%00/node",
        "/api/v2/users/a\\b",
        "http://elsewhere/api/v2/users/u1",
        "api/v2/users/u1",
        "/api/v2/users/..;x/node",
    ],
)
def test_a_path_that_servers_read_in_two_ways(path: str) -> None:
    """400, before anything is asked."""
    with pytest.raises(CallerError) as caught:
        matched(f"GET {path}")
    assert (caught.value.status, caught.value.code) == (400, "bad_path")


def test_an_escaped_slash_stays_in_its_segment() -> None:
    """It names one thread, and goes upstream as it came."""
    assert matched("GET /api/v2/threads/a%2fb/context") == (
        "v2.thread.context",
        "/api/v2/threads/a%2Fb/context",
    )


@pytest.mark.parametrize(
    "line",
    ["GET /api/v3/users", "POST /api/v2/graph/search/x", "GET /api", "GET /", "PUT /api/v2/graph/search"],
)
def test_what_is_not_in_the_table_is_no_route(line: str) -> None:
    """The policy decides what happens to it."""
    assert matched(line) is None


@given(st.text(max_size=40), st.sampled_from(["", "/api/v2", "/api/v4", "/api/v2/api/v2"]))
def test_any_path_is_a_route_or_an_error_of_ours(tail: str, prefix: str) -> None:
    """And what goes upstream stays below its prefix, without a way up."""
    try:
        match = DIALECT.match(WireRequest(method="GET", path=f"{prefix}/{tail}"))
    except CallerError:
        return
    if match is not None:
        assert match.path.startswith(("/api/v2/", "/api/v4/"))
        assert ".." not in match.path.split("/")


def test_names_are_unique_and_every_row_has_one_class() -> None:
    """The table is what the support matrix is generated from."""
    names = [spec.name for spec in DIALECT.routes]
    assert len(set(names)) == len(names) == 306
    keys = [
        (spec.method, "/".join("{}" if part[:1] == "{" else part for part in spec.pattern.split("/")))
        for spec in DIALECT.routes
    ]
    assert len(set(keys)) == len(keys)


def test_no_pass_route_names_a_user_a_graph_or_a_thread() -> None:
    """What passes untouched could not be held against a pin."""
    for spec in DIALECT.routes:
        if spec.route_class is RouteClass.passed:
            assert not any(word in spec.pattern for word in ("{user_id}", "{graph_id}", "{thread_id}")), spec


def test_keys() -> None:
    """The clients send `Api-Key`, or `Bearer` for a token; only ours goes on where we hold the real one."""
    assert DIALECT.credential((("authorization", "Api-Key  k1"),)) == "k1"
    assert DIALECT.credential((("Authorization", "Bearer t"),)) == "t"
    assert DIALECT.credential((("Authorization", "Basic t"),)) is None
    assert DIALECT.credential(()) is None
    request = WireRequest(
        method="GET", path="/", headers=(("Authorization", "Api-Key k1"), ("authorization", "x"))
    )
    assert DIALECT.with_credential(request, "real").headers == (("Authorization", "Api-Key real"),)


def test_a_denial_in_the_upstreams_shape() -> None:
    """403, whatever the reason; both generations of clients read it."""
    response = DIALECT.refusal(None, 403, "memory_withheld", "why", {"decision_id": "d"})
    assert response.status == 403
    assert msgspec.json.decode(response.body) == {
        "message": "why",
        "error": {"code": "memory_firewall_denied", "message": "why"},
        "firewall": {"code": "memory_withheld", "decision_id": "d"},
    }
    assert (
        msgspec.json.decode(DIALECT.refusal(None, 502, "upstream_reset", "x", {}).body)["error"]["code"]
        == "upstream_reset"
    )


def test_a_search_of_our_own() -> None:
    """Of one user or one graph; of nobody there is none."""
    request = DIALECT.recall("tea", {"user_id": "u1", "run_id": "r"}, 7)
    assert request is not None
    assert msgspec.json.decode(request.body) == {
        "query": "tea",
        "scope": "edges",
        "limit": 7,
        "user_id": "u1",
    }
    match = DIALECT.match(request)
    assert match is not None
    assert DIALECT.plan(request, match, Caller(), now=NOW).limit == 7
    assert DIALECT.recall("tea", {}, 7) is None
    assert DIALECT.recall("tea", {"user_id": "u1", "graph_id": "g1"}, 7) is None


def test_an_admins_route_goes_on_as_it_came() -> None:
    """No body is read that is no JSON."""
    request = WireRequest(
        method="POST", path="/api/v4/agents/a/skills/import", headers=(("Content-Type", "x/y"),), body=b"\x00"
    )
    match = DIALECT.match(request)
    assert match is not None
    plan = DIALECT.plan(request, match, Caller(admin=True), now=NOW)
    assert plan.request == request
