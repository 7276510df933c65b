"""Whose rows may a request ask for: the reproduced attacks, the legal filters, and a law over random trees."""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.mem0 import Flavor
from adapters.mem0.filters import literal
from firewall.errors import CallerError
from tests.adapters.mem0.bench import wired

SEARCH = "POST /v3/memories/search/"
LIST = "POST /v3/memories/"
BARE = "POST /search"


def refused(filters: object, status: int = 403, **caller: Any) -> None:
    flavors: tuple[tuple[Flavor, str], ...] = (
        ("platform", SEARCH),
        ("platform", LIST),
        ("oss", SEARCH),
        ("oss", BARE),
    )
    for flavor, line in flavors:
        with pytest.raises(CallerError) as caught:
            wired(flavor, **caller).plan(line, {"query": "q", "filters": filters})
        assert caught.value.status == status
        assert caught.value.code == ("scope_denied" if status == 403 else "invalid_filter")


WIDENING = [
    {"user_id": "u1", "AND": [{"user_id": "u2"}]},
    {"user_id": "u1", "AND": [{"user_id": "*"}]},
    {"user_id": "u1", "AND": [{"AND": [{"user_id": "*"}]}]},
    {"user_id": "*"},
    {"run_id": "*"},
    {"agent_id": "*"},
    {"user_id": "u1", "OR": [{"user_id": "u2"}, {"outcome": "failed"}]},
    {"user_id": "u1", "$or": [{"user_id": "u2"}]},
    {"user_id": "u1", "NOT": [{"user_id": "u2"}]},
    {"user_id": "u1", "NOT": [{"NOT": [{"user_id": "u2"}]}]},
    {"user_id": "u1", "AND": [{"user_id": {"in": ["u1", "u2"]}}]},
    {"user_id": "u1", "AND": [{"user_id": {"ne": "u3"}}]},
    {"user_id": "u1", "metadata": {"user_id": "u2"}},
    {"user_id": "u1", "tag": {"OR": [{"user_id": "u2"}]}},
    {"AND": [{"user_id": "u1"}, {"user_id": "u2"}]},
    {"OR": [{"user_id": "u1"}, {"categories": {"in": ["x"]}}]},
    {"NOT": [{"user_id": "u2"}]},
    {"user_id": {"ne": "u2"}},
    {"categories": {"in": ["x"]}},
    {},
]


@pytest.mark.parametrize("filters", WIDENING, ids=str)
def test_what_widens_or_contradicts_is_denied(filters: object) -> None:
    """The attacks that a real Mem0 falls for, and their relatives, are 403 before anything is sent."""
    refused(filters)


@pytest.mark.parametrize("filters", WIDENING, ids=str)
def test_the_same_holds_for_a_pinned_caller(filters: dict[str, Any]) -> None:
    """A pin is never widened by the request's own scope: it is denied, or asked within the pin."""
    wire = wired(pin={"user_id": "pinned"})
    try:
        plan = wire.plan(SEARCH, {"query": "q", "filters": filters})
    except CallerError:
        assert "user_id" in str(filters)
        return
    assert plan.pin["user_id"] == "pinned"


@pytest.mark.parametrize(
    "filters",
    [
        {"user_id": None},
        {"user_id": None, "run_id": None},
        {"user_id": ""},
        {"user_id": "   "},
        {"user_id": " u1"},
        {"user_id": "u1\n"},
        {"user_id": 5},
        {"user_id": ["u1"]},
        {"user_id": ["u1", "u2"]},
        {"user_id": {"in": []}},
        {"user_id": {"in": "u1"}},
        {"user_id": {"regex": ".*"}},
        {"user_id": {"eq": "u1", "ne": "u2"}},
        {"user_id": {"eq": None}},
        {"user_id": {}},
        {"user_id": "u1", "and": [{"user_id": "u2"}]},
        {"user_id": "u1", "AND": []},
        {"user_id": "u1", "AND": ["user_id"]},
        {"user_id": "u1", "AND": 5},
        "user_id",
        [{"user_id": "u1"}],
        {"user_id": "u" * 2000},
    ],
    ids=str,
)
def test_what_is_malformed_is_400(filters: object) -> None:
    """Values that servers read in different ways are refused in Mem0's own error class."""
    refused(filters, 400)


def test_trees_are_bounded() -> None:
    """A deep tree and a wide one are refused, and so is a body nested beyond reason."""
    deep: dict[str, Any] = {"user_id": "u1"}
    for _ in range(40):
        deep = {"AND": [deep]}
    refused(deep, 400)
    refused({"user_id": "u1", "OR": [{"tag": str(n)} for n in range(5000)]}, 400)
    with pytest.raises(CallerError):
        wired().plan(SEARCH, b'{"filters":' + b"[" * 100_000)


@pytest.mark.parametrize(
    ("filters", "pin"),
    [
        ({"user_id": "u1"}, {"user_id": "u1"}),
        ({"user_id": "u1", "run_id": "*"}, {"user_id": "u1"}),
        (
            {
                "AND": [
                    {"user_id": "u1"},
                    {"OR": [{"categories": {"in": ["a"]}}, {"created_at": {"gte": "2026"}}]},
                ]
            },
            {"user_id": "u1"},
        ),
        ({"OR": [{"user_id": "u1"}]}, {"user_id": "u1"}),
        ({"user_id": {"eq": "u1"}}, {"user_id": "u1"}),
        ({"user_id": {"in": ["u1"]}, "agent_id": "a1"}, {"user_id": "u1", "agent_id": "a1"}),
        ({"user_id": "u1", "AND": [{"agentId": "x"}]}, {"user_id": "u1"}),
        ({"user_id": "u1", "AND": [{"user_id": "u1"}, {"run_id": "r"}]}, {"user_id": "u1", "run_id": "r"}),
    ],
    ids=str,
)
def test_legal_filters_go_through_unchanged(filters: dict[str, Any], pin: Mapping[str, str]) -> None:
    """The request's own single values become the pin of its rows."""
    plan = wired().plan(LIST, {"filters": filters})
    assert plan.pin == pin
    assert plan.request is not None
    assert wired().sent(LIST, {"filters": filters})[1] == {"filters": filters}


def test_a_query_over_several_owners_is_checked_row_by_row() -> None:
    """What single values cannot say is held against the tree: a row of a third user is outside."""
    wire = wired()
    filters = {"OR": [{"user_id": "u1"}, {"agent_id": {"in": ["a1", "a2"]}}]}
    plan = wire.plan(SEARCH, {"query": "q", "filters": filters})
    rows = [
        {"id": "1", "memory": "m", "user_id": "u1"},
        {"id": "2", "memory": "m", "user_id": "u3"},
        {"id": "3", "memory": "m", "user_id": "u3", "agent_id": "a2"},
        {"id": "4", "memory": "m"},
    ]
    answer, _ = wire.read(plan, {"results": rows})
    inside = [
        candidate.owner.get("request_filter") == plan.pin["request_filter"] for candidate in answer.candidates
    ]
    assert inside == [True, False, True, False]


def test_the_pin_is_added_where_the_request_keeps_its_ids() -> None:
    """Flat filters stay flat, a tree is wrapped, old top-level ids stay at the top level, and the bare server gets it flat."""
    wire = wired(pin={"user_id": "u1", "app_id": "shop"})
    assert wire.sent(LIST, {})[1] == {"filters": {"user_id": "u1", "app_id": "shop"}}
    assert wire.sent(LIST, {"filters": {"user_id": "u1", "tag": "x"}})[1] == {
        "filters": {"app_id": "shop", "user_id": "u1", "tag": "x"}
    }
    tree = {"OR": [{"tag": "a"}, {"tag": "b"}]}
    assert wire.sent(LIST, {"filters": tree})[1] == {
        "filters": {"AND": [{"user_id": "u1"}, {"app_id": "shop"}, tree]}
    }
    assert wire.sent("POST /v2/memories/", {"user_id": "u1", "agent_id": None})[1] == {
        "user_id": "u1",
        "agent_id": None,
        "app_id": "shop",
    }
    assert wire.sent("GET /v1/memories/?page=2")[0] == "/v1/memories/?page=2&user_id=u1&app_id=shop"
    bare = wired("oss", pin={"user_id": "u1", "app_id": "shop"})
    assert bare.sent(BARE, {"query": "q", "filters": tree})[1] == {
        "query": "q",
        "top_k": 30,
        "filters": {"user_id": "u1", "_fw_app_id": "shop", **tree},
    }


def test_a_key_given_twice_means_one_thing_upstream() -> None:
    """The body is encoded again from what was judged; a query parameter that matters may not be given twice."""
    raw = b'{"filters":{"user_id":"u2"},"filters":{"user_id":"u1"}}'
    plan = wired(pin={"user_id": "u1"}).plan(LIST, raw)
    assert plan.request is not None
    assert plan.request.body == b'{"filters":{"user_id":"u1"}}'
    for query in ("user_id=u1&user_id=u2", "user%5Fid=u1&user_id=u2", "user_id=u1&filters={}&filters={}"):
        with pytest.raises(CallerError):
            wired().plan(f"GET /v1/memories/?{query}")
    with pytest.raises(CallerError):
        wired(pin={"user_id": "u1"}).plan(f"{LIST}?user_id=u2", {"filters": {"user_id": "u1"}})


def test_unscoped_dumps_need_an_admin_or_a_pin() -> None:
    """An unscoped GET is everybody's memory."""
    dumps: tuple[tuple[str, Flavor], ...] = (
        ("GET /v1/memories/", "platform"),
        ("GET /memories", "oss"),
        ("GET /v1/events/", "platform"),
    )
    for line, flavor in dumps:
        with pytest.raises(CallerError) as caught:
            wired(flavor).plan(line)
        assert caught.value.code == "scope_denied"
        assert wired(flavor, admin=True).sent(line)[0] == line.removeprefix("GET ")
        assert wired(flavor, pin={"user_id": "u1"}).sent(line)[0].endswith("?user_id=u1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[]",
        "{'user_id': 'u1', 'x': 'y'}",
        "{'user_id': ['u1']}",
        "{'user_id': None}",
        "{'user_id': ''}",
        "{user_id: 1}",
        "__import__('os')",
        "{'user_id': open('x')}",
        "(" * 5000,
        "{'AND': [{'user_id': 'u1'}]}",
        "1" * 4000,
    ],
)
def test_a_python_literal_is_a_flat_scope_or_400(text: str) -> None:
    """Nothing is evaluated, nothing is guessed."""
    with pytest.raises(CallerError) as caught:
        literal(text)
    assert caught.value.code == "invalid_filter"


def test_the_literal_of_old_clients_is_sent_on_as_parameters() -> None:
    """No server has to understand Python."""
    wire = wired(pin={"user_id": "u1"})
    assert (
        wire.sent("GET /v1/memories/?filters=%7B%27user_id%27%3A+%27u1%27%7D")[0]
        == "/v1/memories/?user_id=u1"
    )
    with pytest.raises(CallerError):
        wire.plan("GET /v1/memories/?filters=%7B%27user_id%27%3A+%27u2%27%7D")
