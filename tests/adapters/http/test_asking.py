"""Requests to a described API: the pin in every form that a filter has, limits, and what memfw asks by itself."""

from typing import Any

import msgspec
import pytest

from adapters.http import HttpDialect, HttpMapping, HttpOwner, HttpRead, HttpRecall, HttpRoute
from adapters.http.answers import HttpAnswer
from firewall.errors import CallerError
from firewall.ports import RouteClass, WireRequest
from tests.adapters.http.describing import OWNED, PLAIN, answered, dialect, planned, request

QDRANT = {
    "user": HttpOwner(
        item="/payload/user",
        at="/filter/must/-",
        value={"key": "user", "match": {"value": "{value}"}},
    )
}
CHROMA = {"user": HttpOwner(item="/m/user", at="/where", value={"user": "{value}"}, combine="$and")}


def mine(value: str = "u1") -> dict[str, Any]:
    return {"key": "user", "match": {"value": value}}


def body_of(sent: WireRequest) -> Any:
    return msgspec.json.decode(sent.body)


def test_a_pin_goes_where_the_description_says() -> None:
    """Beside what the caller asked for, and into the check of every item."""
    plan = planned(dialect(owner=OWNED), request({"q": "x", "where": {"a": 1}}), pin={"user": "u1"})
    assert body_of(plan.request) == {"q": "x", "where": {"a": 1, "user": "u1"}}
    assert plan.pin == {"user": "u1"}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {"filter": {"must": [mine()]}}),
        ({"filter": {"should": [1]}}, {"filter": {"should": [1], "must": [mine()]}}),
        ({"filter": {"must": [mine()]}}, {"filter": {"must": [mine()]}}),
        ({"filter": {"must": [{"x": 1}]}}, {"filter": {"must": [{"x": 1}, mine()]}}),
        (
            {"filter": {"must_not": [mine("u2")]}},
            {"filter": {"must_not": [mine("u2")], "must": [mine()]}},
        ),
    ],
)
def test_a_filter_in_a_list(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    """It is appended once, whatever else stands there."""
    plan = planned(dialect(owner=QDRANT), request(asked), pin={"user": "u1"})
    assert body_of(plan.request) == sent
    assert plan.pin == {"user": "u1"}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {"where": {"user": "u1"}}),
        ({"where": {"user": "u1"}}, {"where": {"user": "u1"}}),
        ({"where": {"x": 1}}, {"where": {"$and": [{"x": 1}, {"user": "u1"}]}}),
        ({"where": {"$and": [{"x": 1}, {"user": "u1"}]}}, {"where": {"$and": [{"x": 1}, {"user": "u1"}]}}),
        (
            {"where": {"$or": [{"user": "u1"}, {"user": "u2"}]}},
            {"where": {"$and": [{"$or": [{"user": "u1"}, {"user": "u2"}]}, {"user": "u1"}]}},
        ),
    ],
)
def test_a_filter_with_an_operator(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    """What is there already is joined with ours."""
    plan = planned(dialect(owner=CHROMA), request(asked), pin={"user": "u1"})
    assert body_of(plan.request) == sent


@pytest.mark.parametrize(
    ("owner", "asked"),
    [
        (OWNED, {"where": {"user": "u2"}}),
        (QDRANT, {"filter": {"must": [mine("u2")]}}),
        (QDRANT, {"filter": {"must": [mine("u1"), mine("u2")]}}),
        (QDRANT, {"filter": {"must": mine("u2")}}),
        (CHROMA, {"where": {"user": "u2"}}),
        (CHROMA, {"where": {"$and": [{"user": "u1"}, {"$and": [{"user": "u2"}]}]}}),
        (OWNED, {"where": {"user": {"$ne": "u1"}}}),
    ],
)
def test_what_widens_the_scope_is_denied(owner: dict[str, HttpOwner], asked: dict[str, Any]) -> None:
    """Another owner's value, or a filter where ours has to stand."""
    with pytest.raises(CallerError) as caught:
        planned(dialect(owner=owner), request(asked), pin={"user": "u1"})
    assert (caught.value.status, caught.value.code) == (403, "scope_denied")


def test_the_requests_own_filter_is_the_pin_of_whoever_has_none() -> None:
    """Its rows are checked against it."""
    codec = dialect(owner=QDRANT)
    plan = planned(codec, request({"filter": {"must": [mine("u7")]}}))
    assert plan.pin == {"user": "u7"}
    assert planned(codec, request({})).pin == {}


def test_a_path_parameter_is_an_owner() -> None:
    """The pinned collection and no other, and no route that names none."""
    read = HttpRead(path="/c/{collection}/query", list="", text=("/t",))
    codec = dialect(read, PLAIN_B, owner={"collection": HttpOwner(param="collection")})
    plan = planned(codec, request({}, "/c/notes/query"), pin={"collection": "notes"})
    answer, _ = answered(codec, plan, b'[{"id":"1","t":"x"}]')
    assert answer.candidates[0].owner == {"collection": "notes"}
    for path in ("/c/other/query", "/b"):
        with pytest.raises(CallerError) as caught:
            planned(codec, request({}, path), pin={"collection": "notes"})
        assert caught.value.status == 403
    assert planned(codec, request({}, "/c/a%2Fb/query")).pin == {"collection": "a/b"}


PLAIN_B = HttpRead(name="b", path="/b", list="")


def test_a_pin_that_the_description_does_not_know() -> None:
    """Nothing would be confined by it: denied."""
    with pytest.raises(CallerError) as caught:
        planned(dialect(owner=OWNED), request({}), pin={"group": "g"})
    assert caught.value.status == 403


def test_a_get_has_its_filter_and_limit_in_the_query() -> None:
    """And no body, whatever came with it."""
    read = HttpRead(method="GET", path="/search", list="", limit="?n", limit_default=5, ask={"?meta": True})
    codec = dialect(read, owner={"user": HttpOwner(item="/user", at="?user")})
    plan = planned(codec, request({"user": "u2"}, method="GET", query="q=a%20b"), pin={"user": "u1"})
    assert (plan.request.query, plan.request.body) == ("q=a+b&meta=true&user=u1&n=15", b"")
    assert plan.limit == 5
    assert planned(codec, request(None, method="GET", query="n=3")).limit == 3
    with pytest.raises(CallerError):
        planned(codec, request(None, method="GET", query="user=u1&user=u2"), pin={"user": "u1"})


@pytest.mark.parametrize("limit", ["x", -1, 1.5, True, [], {}, "1" * 12])
def test_limits_that_are_none(limit: object) -> None:
    """400: it is not known how much the caller gets."""
    with pytest.raises(CallerError) as caught:
        planned(dialect(), request({"limit": limit}))
    assert caught.value.status == 400


def test_more_is_asked_for_up_to_the_limit() -> None:
    """Twice as many each time, and no more than the upstream gives."""
    codec = dialect(HttpRead(path="/search", list="/hits", limit="/limit", limit_max=30))
    plan = planned(codec, request({"q": "x", "limit": 2}))
    assert (plan.limit, body_of(plan.request)) == (2, {"q": "x", "limit": 12})
    few, _ = answered(codec, plan, b'{"hits":[1,2]}')
    assert not few.more
    for count, following in ((12, 24), (24, 30)):
        answer, _ = answered(codec, plan, b'{"hits":%b}' % msgspec.json.encode([*range(count)]))
        more = codec.more(plan, answer, 2)
        assert more is not None
        assert body_of(more) == {"q": "x", "limit": following}
    answer, _ = answered(codec, plan, b'{"hits":%b}' % msgspec.json.encode([*range(30)]))
    assert codec.more(plan, answer, 2) is None


def test_an_upstream_that_gives_no_more_is_asked_for_what_the_caller_wants() -> None:
    """The pipeline sends that in the place of what was refused as too large; then nothing is filled up."""
    codec = dialect()
    plan = planned(codec, request({"limit": 2}))
    assert plan.fallback is not None
    assert body_of(plan.fallback) == {"limit": 2}
    plan.request = plan.fallback
    answer, _ = answered(codec, plan, b'{"hits":[1,2]}')
    assert not answer.more
    assert planned(codec, request({"limit": 0})).fallback is None
    assert planned(codec, request({"limit": 5_000})).fallback is None


def test_what_a_request_is_made_to_say_takes_no_pin_away() -> None:
    """Even a description that asks for a filter of its own."""
    read = HttpRead(path="/search", list="", ask={"/where": {"kind": "note"}})
    plan = planned(dialect(read, owner=OWNED), request({"where": {"user": "u1"}}), pin={"user": "u1"})
    assert body_of(plan.request) == {"where": {"kind": "note", "user": "u1"}}


def test_what_every_request_is_made_to_say() -> None:
    """The caller's own wish in that place gives way."""
    codec = dialect(HttpRead(path="/search", list="", ask={"/with/payload": True}))
    plan = planned(codec, request({"with": {"payload": False, "vector": True}}))
    assert body_of(plan.request) == {"with": {"payload": True, "vector": True}}


def test_a_search_of_our_own() -> None:
    """As a client would send it; the owner's filter is then the pin."""
    recall = HttpRecall(path="/search", query="/q/text", body={"q": {"model": "m"}})
    codec = dialect(HttpRead(path="/search", list="", limit="/limit", recall=recall), owner=QDRANT)
    sent = codec.recall("tea", {"user": "u1"}, 3)
    assert sent is not None
    assert body_of(sent) == {
        "q": {"model": "m", "text": "tea"},
        "limit": 3,
        "filter": {"must": [mine()]},
    }
    plan = planned(codec, sent)
    assert (plan.pin, plan.limit, plan.query) == ({"user": "u1"}, 3, "tea")
    with pytest.raises(CallerError):
        codec.recall("tea", {"group": "g"}, 3)
    assert dialect().recall("tea", {}, 3) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"a":' * 3_000])
def test_bodies_that_are_no_object(body: bytes) -> None:
    """400."""
    with pytest.raises(CallerError) as caught:
        planned(dialect(), WireRequest(method="POST", path="/search", body=body))
    assert caught.value.status == 400


def test_keys_and_routes() -> None:
    """The key stands where the description says; the client's own leaves no trace."""
    codec = HttpDialect(
        "api",
        HttpMapping(
            reads=(PLAIN,),
            routes=(HttpRoute(method="GET", path="/up", access="pass"), HttpRoute(method="PUT", path="/x")),
            key_header="api-key",
            key_scheme="",
        ),
    )
    assert codec.credential((("Api-Key", "k"),)) == "k"
    sent = codec.with_credential(
        WireRequest(method="GET", path="/up", headers=(("API-KEY", "k"), ("Authorization", "a"), ("X", "1"))),
        "real",
    )
    assert sent.headers == (("X", "1"), ("api-key", "real"))
    assert {spec.name: spec.route_class for spec in codec.routes} == {
        "search": RouteClass.governed_read,
        "GET /up": RouteClass.passed,
        "PUT /x": RouteClass.admin,
    }
    bearer = dialect()
    assert bearer.credential((("authorization", "bearer k"),)) == "k"
    assert bearer.credential((("authorization", "Basic k"),)) is None


VECTOR = b"[ 1.50, -2e-3,0.1" + b",0" * 200 + b"]"


def test_a_vector_goes_on_as_it_came() -> None:
    """Its very bytes; what stands beside it is read as ever, and of a key given twice the last goes."""
    codec = dialect()
    body = b'{"text":"a","text":"b","vector":%b,"limit":2}' % VECTOR
    plan = planned(codec, WireRequest(method="POST", path="/search", body=body))
    assert plan.limit == 2
    assert plan.request.body == b'{"text":"b","vector":%b,"limit":12}' % VECTOR
    more = codec.more(plan, HttpAnswer(candidates=[], body=b"", more=True), 2)
    assert more is not None
    assert more.body == b'{"text":"b","vector":%b,"limit":24}' % VECTOR


@pytest.mark.parametrize(
    "body",
    [
        b'{"limit":%b}' % VECTOR,
        b'{"where":%b}' % VECTOR,
        b'{"text":"%b' % VECTOR,
        b'{"text":{"a":%b,}}' % VECTOR,
        VECTOR,
    ],
)
def test_a_vector_is_no_limit_and_no_filter(body: bytes) -> None:
    """Where it stands in the place of one, and where the body is none, nothing goes."""
    asked = WireRequest(method="POST", path="/search", body=body)
    with pytest.raises(CallerError) as caught:
        planned(dialect(owner=OWNED), asked, pin={"user": "u1"})
    assert caught.value.status == 400
