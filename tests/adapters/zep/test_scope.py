"""Whose memory a request may be about: a pinned caller's own, in the path, the body and the query, and in every item."""

from typing import Any

import msgspec
import pytest

from firewall.errors import CallerError
from firewall.ports import RouteClass
from tests.adapters.zep.bench import LIVE, wired

U1 = {"user_id": "u1"}
G1 = {"graph_id": "g1"}
#: The same user in the words of both generations.
BOTH = {"user_id": "u1", "user_uuid": "uu1", "graph_uuid": "gg1"}


def refused(pin: dict[str, str], line: str, body: object = None, **caller: Any) -> bool:
    try:
        wired(pin=pin, **caller).plan(line, body)
    except CallerError as error:
        return (error.status, error.code) == (403, "scope_denied")
    return False


@pytest.mark.parametrize(
    ("pin", "line", "body"),
    [
        (U1, "POST /api/v2/graph/search", {"query": "q", "user_id": "u1"}),
        (U1, "POST /api/v2/graph/search", {"query": "q"}),
        (G1, "POST /api/v2/graph/search", {"query": "q", "graph_id": "g1"}),
        ({**U1, **G1}, "POST /api/v2/graph/search", {"query": "q", "graph_id": "g1"}),
        (U1, "POST /api/v2/graph/edge/user/u1", None),
        (U1, "GET /api/v2/users/u1", None),
        (U1, "GET /api/v2/users/u1/node", None),
        (U1, "DELETE /api/v2/users/u1", None),
        (G1, "DELETE /api/v2/graph/g1", None),
        (G1, "GET /api/v2/graph/documents/d1/episodes", None),
        (U1, "POST /api/v2/threads", {"thread_id": "t1", "user_id": "u1"}),
        (U1, "POST /api/v2/batches/b/items", {"items": [{"user_id": "u1", "data": "x"}]}),
        (BOTH, "POST /api/v4/graphs/gg1/search/edges", {"query": "q"}),
        (BOTH, "POST /api/v4/graphs/uu1/search/edges", {"query": "q"}),
        (BOTH, "POST /api/v4/graphs/query", {"query": "q", "graph_uuids": ["gg1"]}),
        (BOTH, "POST /api/v4/graphs/query", {"query": "q"}),
        (BOTH, "GET /api/v4/threads?user_uuid=uu1", None),
        (BOTH, "POST /api/v4/users/lookup", {"user_id": "u1"}),
        (BOTH, "POST /api/v4/lookup", {"users": ["u1"]}),
        ({"thread_id": "t1"}, "GET /api/v2/threads/t1/context", None),
        (U1, "POST /api/v2/sessions/search", {"text": "x", "user_id": "u1"}),
    ],
)
def test_the_callers_own_memory(pin: dict[str, str], line: str, body: object) -> None:
    """It may be asked for."""
    assert not refused(pin, line, body)


@pytest.mark.parametrize(
    ("pin", "line", "body"),
    [
        (U1, "POST /api/v2/graph/search", {"query": "q", "user_id": "u2"}),
        (U1, "POST /api/v2/graph/search", {"query": "q", "graph_id": "g1"}),
        (U1, "POST /api/v2/graph/search", {"query": "q", "user_id": "u1", "graph_id": "g1"}),
        ({**U1, **G1}, "POST /api/v2/graph/search", {"query": "q"}),
        (U1, "POST /api/v2/graph/edge/user/u2", None),
        (U1, "POST /api/v2/graph/edge/graph/g1", None),
        (U1, "GET /api/v2/users/u2", None),
        (U1, "GET /api/v2/users-ordered", None),
        (U1, "GET /api/v2/threads", None),
        (U1, "GET /api/v2/graph/list-all", None),
        (U1, "DELETE /api/v2/users/u2", None),
        ({**U1, **G1}, "DELETE /api/v2/users/u1", None),
        (U1, "POST /api/v2/threads", {"thread_id": "t1", "user_id": "u2"}),
        (U1, "PATCH /api/v2/messages/m1", {"metadata": {}}),
        (U1, "POST /api/v2/batches/b/items", {"items": [{"user_id": "u1"}, {"thread_id": "t1"}]}),
        (U1, "POST /api/v2/context-templates", {"template": "x"}),
        (U1, "GET /api/v2/batches/b/items", None),
        (U1, "POST /api/v4/graphs/gg1/search/edges", {"query": "q"}),
        (BOTH, "POST /api/v4/graphs/g2/search/edges", {"query": "q"}),
        (BOTH, "POST /api/v4/graphs/query", {"query": "q", "graph_uuids": ["gg1", "g2"]}),
        (BOTH, "GET /api/v4/threads?user_uuid=uu2", None),
        (BOTH, "POST /api/v4/users/lookup", {"user_id": "u2"}),
        (BOTH, "POST /api/v4/lookup", {"users": ["u1", "u2"]}),
        (BOTH, "POST /api/v4/agents/a/context", {"objective": "o"}),
        ({"thread_id": "t1"}, "GET /api/v2/threads/t2/context", None),
        ({"thread_id": "t1"}, "POST /api/v2/graph/search", {"query": "q", "user_id": "u1"}),
        ({"app_id": "a"}, "GET /api/v2/users/u1", None),
        (U1, "GET /api/v2/users/u1/node?user_id=u2", None),
        (U1, "POST /api/v2/sessions/search", {"text": "x", "user_id": "u1", "session_ids": ["s2"]}),
        (U1, "POST /api/v2/graph/edge/user/u1", {"user_id": "u2"}),
        (U1, "POST /api/v2/graph/search?graph_id=g1", {"query": "q", "user_id": "u1"}),
        (BOTH, "POST /api/v4/graphs/gg1/search/edges", {"query": "q", "graph_uuid": "g2"}),
        ({"user_uuid": "uu1"}, "GET /api/v2/threads/t1/context", None),
        ({"user_uuid": "uu1"}, "GET /api/v2/graph/edge/e1", None),
    ],
)
def test_memory_of_somebody_else(pin: dict[str, str], line: str, body: object) -> None:
    """403 `scope_denied`: for another user, for everybody, and for what cannot be held against the pin."""
    assert refused(pin, line, body)


def test_the_missing_owner_is_sent() -> None:
    """Where a pinned request names nobody, it is about the caller's own."""
    _, body = wired(pin=U1).sent("POST /api/v2/graph/search", {"query": "q", "limit": 50})
    assert body == {"query": "q", "limit": 50, "user_id": "u1"}
    _, body = wired(pin=BOTH).sent("POST /api/v4/graphs/query", {"query": "q"})
    assert body == {"query": "q", "graph_uuids": ["gg1"]}
    target, _ = wired(pin=G1).sent("GET /api/v2/graph/documents/d1/episodes?x=1")
    assert target == "/api/v2/graph/documents/d1/episodes?x=1&graph_id=g1"


def test_an_unpinned_read_needs_an_owner() -> None:
    """Without one it could be about everybody, which is for admins."""
    for line, body in (
        ("POST /api/v2/graph/search", {"query": "q"}),
        ("POST /api/v4/graphs/query", {"query": "q"}),
        ("POST /api/v4/graphs/query", {"query": "q", "graph_uuids": []}),
    ):
        assert refused({}, line, body)
        assert not refused({}, line, body, admin=True)


def test_what_an_unpinned_caller_may_list() -> None:
    """A list of threads is no memory; sessions are concrete enough."""
    for line, body in (
        ("GET /api/v4/threads", None),
        ("GET /api/v2/graph/documents/d1/episodes", None),
        ("POST /api/v2/sessions/search", {"text": "x", "session_ids": ["s1"]}),
    ):
        assert not refused({}, line, body)


def test_all_of_a_user_is_deleted_by_admins_only() -> None:
    """Or by the caller that is pinned to just that user."""
    assert refused({}, "DELETE /api/v2/users/u1")
    assert not refused({}, "DELETE /api/v2/users/u1", admin=True)
    assert refused({}, "DELETE /api/v4/graphs/g1")


def test_a_row_of_somebody_else_is_withheld() -> None:
    """The upstream's own filter is not trusted."""
    wire = wired()
    plan = wire.plan("POST /api/v2/graph/search", {"query": "q", "user_id": "u1"})
    verdicts = wire.judged(plan, {"edges": [LIVE, {**LIVE, "uuid": "e-2", "user_id": "u2"}]})
    assert [verdict.admitted for verdict in verdicts.values()] == [True, False]
    assert not verdicts["e-2"].shows_text
    pinned = wired(pin=BOTH)
    plan = pinned.plan("POST /api/v4/graphs/gg1/search/edges", {"query": "q"})
    rows = [
        {**LIVE, "uuid": name, "graph_uuid": graph} for name, graph in (("a", "gg1"), ("b", "gg2"), ("c", 3))
    ]
    verdicts = pinned.judged(plan, {"items": rows})
    assert [verdict.admitted for verdict in verdicts.values()] == [True, False, False]


def test_an_item_by_its_id_has_to_state_its_owner() -> None:
    """To an unpinned caller it is unchecked; to a pinned one an edge of the older interface is nobody's."""
    line = "GET /api/v2/graph/edge/e-live"
    assert wired().judged(wired().plan(line), LIVE)["e-live"].admitted
    pinned = wired(pin=U1)
    assert not pinned.judged(pinned.plan(line), LIVE)["e-live"].admitted
    thread = wired(pin={"thread_id": "t1"})
    episode = {"uuid": "ep", "content": "we moved", "thread_id": "t1"}
    plan = thread.plan("GET /api/v2/graph/episodes/ep")
    assert thread.judged(plan, episode)["ep"].admitted
    assert not thread.judged(plan, {**episode, "thread_id": "t2"})["ep"].admitted


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("GET /api/v2/threads/t%2D1/context", "/api/v2/threads/t-1/messages?lastn=1"),
        ("POST /api/v2/threads/t1/messages", "/api/v2/threads/t1/messages?lastn=1"),
        ("GET /api/v2/sessions/t1/memory", "/api/v2/sessions/t1"),
        ("DELETE /api/v2/graph/edge/e1", "/api/v2/graph/edge/e1"),
        ("GET /api/v2/graph/node/n1/entity-edges", "/api/v2/graph/node/n1"),
        ("DELETE /api/v2/facts/f1", "/api/v2/facts/f1"),
    ],
)
def test_whose_it_is_is_asked_first(line: str, first: str) -> None:
    """A thread, or an item that is written to, of which the request does not say whose it is."""
    body: Any = {"messages": []} if line.startswith("POST") else None
    (single,) = wired(pin=U1).plan(line, body).preflight
    assert (single.method, single.target) == ("GET", first)
    assert wired(pin=U1).dialect.match(single) is not None
    assert wired().plan(line, body).preflight == ()


def test_whose_a_thread_is() -> None:
    """The first look says it, also for a thread without messages; one of version 4 states it itself."""
    wire = wired(pin=U1)
    plan = wire.plan("GET /api/v2/threads/t1/messages?lastn=1")
    message = {"uuid": "m1", "content": "hi", "role": "user"}
    for messages in ([message], []):
        for user, own in (("u1", True), ("u2", False), (None, False)):
            verdicts = wire.judged(plan, {"messages": messages, "user_id": user})
            assert [verdict.admitted for verdict in verdicts.values()] == [own]
    newer = wired(pin=BOTH)
    plan = newer.plan("GET /api/v4/threads/t1")
    assert newer.judged(plan, {"uuid": "t1", "user_uuid": "uu1"})["t1"].admitted
    assert not newer.judged(plan, {"uuid": "t1", "user_uuid": "uu2"})["t1"].admitted
    assert newer.plan("GET /api/v4/threads/t1/context").preflight[0].path == "/api/v4/threads/t1"


def test_no_governed_route_forgets_the_pin() -> None:
    """Whatever a pinned caller asks of any route: it is refused, asked for first, or every item must carry the pin."""
    wire = wired(pin={"user_id": "u9", "user_uuid": "u9"})
    for spec in wire.dialect.routes:
        if spec.route_class not in (RouteClass.governed_read, RouteClass.gated_write):
            continue
        path = "/".join(
            "u9" if part.startswith("{user") else "x1" if part[:1] == "{" else part
            for part in spec.pattern.split("/")
        )
        body = (
            {"query": "q", "items": [], "messages": []} if spec.method in ("POST", "PUT", "PATCH") else None
        )
        try:
            plan = wire.plan(f"{spec.method} {path}", body)
        except CallerError:
            continue
        free = spec.name.endswith(("batch.create", "templates", ".lookup", "lookup", "batch.add"))
        assert plan.preflight or plan.pin == {"user_id": "u9"} or free, spec


def test_ids_are_texts() -> None:
    """An id that is none is 400."""
    for value in (1, ["u1"], {"a": 1}, "", " ", "a\n"):
        with pytest.raises(CallerError) as caught:
            wired().plan("POST /api/v2/graph/search", {"query": "q", "user_id": value})
        assert caught.value.status == 400
    with pytest.raises(CallerError):
        wired().plan("POST /api/v4/graphs/query", msgspec.json.encode({"graph_uuids": "g1"}))
