"""The platform's writes over a scripted server, what stays unsupported, and what passes through."""

import json
from typing import Any

import pytest

from adapters.mem0.oss import UNSUPPORTED
from firewall.errors import UpstreamError
from firewall.ports import WireRequest
from tests.backends.mem0_scripted import ID, Front, ok, row

DONE = {"message": "done"}
MESSAGES = [{"role": "user", "content": "hi"}]
OTHER = "97a6768d-95f5-4263-bc3b-08273a426715"


async def test_add_keeps_the_app_in_reserved_metadata(front: Front) -> None:
    """The server knows no app_id: it is stored under our key, and the answer is the platform's synchronous one."""
    body = {"messages": MESSAGES, "user_id": "u1", "app_id": "app", "metadata": {"k": "v"}, "infer": False}
    added = ok({"results": [{"id": ID, "memory": "hi", "event": "ADD", "actor_id": None, "role": "user"}]})
    status, answer = await front("POST /v3/memories/add/", body, added)
    assert status == 200
    assert front.server.asked() == (
        "POST /memories",
        {"messages": MESSAGES, "user_id": "u1", "metadata": {"k": "v", "_fw_app_id": "app"}, "infer": False},
    )
    assert answer["status"] == "SUCCEEDED"
    assert answer["event_id"] == "event-1"
    assert answer["results"] == [{"id": ID, "data": {"memory": "hi"}, "event": "ADD"}]


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"messages": "hi", "filters": {"user_id": "u1"}}, {"messages": MESSAGES, "user_id": "u1"}),
        ({"messages": MESSAGES[0], "user_id": "u1"}, {"messages": MESSAGES, "user_id": "u1"}),
        (
            {
                "messages": MESSAGES,
                "run_id": "r1",
                "custom_instructions": "ci",
                "expiration_date": "2030-01-01",
            },
            {"messages": MESSAGES, "run_id": "r1", "expiration_date": "2030-01-01", "prompt": "ci"},
        ),
        (
            {
                "messages": MESSAGES,
                "user_id": "u1",
                "async_mode": True,
                "output_format": "v1.1",
                "version": "v2",
            },
            {"messages": MESSAGES, "user_id": "u1"},
        ),
    ],
)
async def test_forms_of_add(front: Front, body: object, sent: object) -> None:
    """Messages as text, ids inside of filters and the older clients' parameters all mean the same."""
    for path in ("/v3/memories/add/", "/v1/memories/"):
        assert (await front(f"POST {path}", body, ok({"results": []})))[0] == 200
        assert front.server.asked() == ("POST /memories", sent)


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({"messages": []}, 400),
        ({"messages": None}, 400),
        ({"user_id": None}, 400),
        ({"user_id": None, "app_id": "app"}, 400),
        ({"user_id": "two words"}, 400),
        ({"filters": {"user_id": "u2"}}, 400),
        ({"filters": {"OR": [{"user_id": "u1"}]}}, 400),
        ({"filters": {"k": "v"}}, 400),
        ({"metadata": "text"}, 400),
        ({"metadata": {"_fw_app_id": "other"}}, 400),
        ({"timestamp": 1}, 501),
        ({"immutable": True}, 501),
        ({"custom_categories": [{"a": "b"}]}, 501),
    ],
)
async def test_refused_adds(front: Front, extra: dict[str, Any], status: int) -> None:
    """Nothing is stored without its owner, under somebody else's app, or without what was asked for."""
    body = {"messages": MESSAGES, "user_id": "u1", **extra}
    assert (await front("POST /v3/memories/add/", body))[0] == status
    assert front.server.received == []


async def test_update_answers_with_the_row(front: Front) -> None:
    """The server only says that it is done, so the row is read again; a null date clears and is sent."""
    body = {"text": "new", "metadata": {"k": 2}, "expiration_date": None}
    status, answer = await front(f"PUT /v1/memories/{ID}/", body, ok(DONE), ok(row(memory="new")))
    assert status == 200
    assert answer["memory"] == "new"
    assert front.server.asked(0) == (f"PUT /memories/{ID}", body)
    assert front.server.asked(1) == (f"GET /memories/{ID}", None)
    assert (await front(f"PUT /v1/memories/{ID}/", {"text": "x"}, ok({"detail": "no"}, 404))) == (
        404,
        {"error": "Memory not found!"},
    )


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"metadata": {"_fw_x": 1}}, 400), ({"text": "x", "timestamp": 1}, 501)]
)
async def test_refused_updates(front: Front, body: object, status: int) -> None:
    """Nothing to change, a reserved key, or a time of the caller's own."""
    assert (await front(f"PUT /v1/memories/{ID}/", body))[0] == status
    assert front.server.received == []


async def test_delete(front: Front) -> None:
    """One delete; an unknown id is the platform's 404."""
    line = f"DELETE /v1/memories/{ID}/?delete_linked=true"
    assert (await front(line, None, ok(DONE)))[0] == 200
    assert front.server.asked() == (f"DELETE /memories/{ID}", None)
    assert (await front(line, None, ok({"detail": "Memory with id .. not found"}, 404)))[0] == 404


async def test_delete_all_by_plain_ids_is_one_request(front: Front) -> None:
    """Ids that the server knows go to it as they are."""
    assert (await front("DELETE /v1/memories/?user_id=u1&agent_id=a1&org_id=o", None, ok(DONE)))[0] == 200
    assert front.server.asked() == ("DELETE /memories?agent_id=a1&user_id=u1", None)


async def test_delete_all_by_app_deletes_only_that_app(front: Front) -> None:
    """The server would delete all of the user: so the rows are listed, checked and deleted one by one."""
    rows = ok({"results": [row(1, metadata={"_fw_app_id": "app"}), row(2)]})
    line = "DELETE /v1/memories/?user_id=u1&app_id=app"
    assert (await front(line, None, rows, ok(DONE)))[0] == 200
    assert [front.server.asked(place)[0] for place in (0, 1)] == [
        "GET /memories?user_id=u1&top_k=1000&show_expired=true",
        f"DELETE /memories/{row(1)['id']}",
    ]


async def test_four_wildcards_are_a_reset(front: Front) -> None:
    """`*` for each kind of id wipes everything; one wildcard deletes what has such an id and no more."""
    line = "DELETE /v1/memories/?user_id=*&agent_id=*&app_id=*&run_id=*"
    assert (await front(line, None, ok(DONE)))[0] == 200
    assert front.server.asked() == ("POST /reset", None)
    rows = ok({"results": [row(1), row(2, user_id=None)]})
    assert (await front("DELETE /v1/memories/?user_id=*", None, rows, ok(DONE)))[0] == 200
    assert front.server.asked() == (f"DELETE /memories/{row(1)['id']}", None)


@pytest.mark.parametrize(
    "query", ["", "?org_id=o", "?filters=%7B%27user_id%27", "?user_id=u1&user_id=u2", "?x=1"]
)
async def test_unscoped_deletes_never_reach_the_server(front: Front, query: str) -> None:
    """No id, a Python literal, two owners or an unknown parameter: refused."""
    assert (await front(f"DELETE /v1/memories/{query}", None))[0] == 400
    assert front.server.received == []


async def test_deleting_an_entity(front: Front) -> None:
    """By its memories, in either version's route, with a slash in its name too."""
    for version in ("v1", "v2"):
        assert (await front(f"DELETE /{version}/entities/user/u%2F1/", None, ok(DONE)))[0] == 200
        assert front.server.asked() == ("DELETE /memories?user_id=u%2F1", None)
    assert (await front("DELETE /v2/entities/planet/x/", None))[0] == 404
    assert (await front("DELETE /v2/entities/user/*/", None))[0] == 404


async def test_batches_run_in_order(front: Front) -> None:
    """One request each, for updates and for deletes with a body."""
    items = [{"memory_id": ID, "text": "a"}, {"memory_id": OTHER, "metadata": {"k": 1}}]
    assert (await front("PUT /v1/batch/", {"memories": items}, ok(DONE), ok(DONE)))[0] == 200
    assert front.server.asked(0) == (f"PUT /memories/{ID}", {"text": "a"})
    assert front.server.asked(1) == (f"PUT /memories/{OTHER}", {"metadata": {"k": 1}})
    assert (await front("DELETE /v1/batch/", {"memories": [{"memory_id": ID}]}, ok(DONE)))[0] == 200
    assert front.server.asked() == (f"DELETE /memories/{ID}", None)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (ok({"detail": "gone"}, 404), 404),
        (ok({"detail": "broken"}, 500), 500),
        (UpstreamError(504, "upstream_timeout", "late"), 504),
    ],
)
async def test_a_batch_that_fails_half_way_says_how_far_it_came(
    front: Front, failure: Any, status: int
) -> None:
    """The answer names what was done and where it ended, whether the server refused or the wire broke."""
    items = [{"memory_id": one, "text": "a"} for one in (ID, OTHER, ID)]
    got, answer = await front("PUT /v1/batch/", {"memories": items}, ok(DONE), failure)
    assert got == status
    assert answer["code"] == "batch_incomplete"
    assert answer["succeeded"] == [ID]
    assert answer["failed"] == OTHER


@pytest.mark.parametrize(
    "memories",
    [None, [], "x", ["x"], [{"memory_id": "abc"}], [{"text": "x"}], [{"memory_id": ID}] * 1001],
)
async def test_a_bad_batch_does_nothing(front: Front, memories: object) -> None:
    """Everything is checked before the first request."""
    for method in ("PUT", "DELETE"):
        assert (await front(f"{method} /v1/batch/", {"memories": memories}))[0] in (400, 413)
    good_then_bad = [{"memory_id": ID, "text": "x"}, {"memory_id": OTHER}]
    assert (await front("PUT /v1/batch/", {"memories": good_then_bad}))[0] == 400
    assert front.server.received == []


async def test_feedback_is_answered_here(front: Front) -> None:
    """The server has no such route; the memory has to exist and the word to be one of three."""
    body = {"memory_id": ID, "feedback": "POSITIVE", "feedback_reason": None}
    _, answer = await front("POST /v1/feedback/", body, ok(row()))
    assert answer == {"id": "event-1", "feedback": "POSITIVE", "feedback_reason": None}
    assert (await front("POST /v1/feedback/", body, ok(None)))[0] == 404
    assert (await front("POST /v1/feedback/", {**body, "feedback": "GREAT"}, ok(row())))[0] == 400
    assert (await front("POST /v1/feedback/", {**body, "memory_id": "x"}))[0] == 400


@pytest.mark.parametrize("refused", UNSUPPORTED, ids=lambda refused: f"{refused.method} {refused.pattern}")
async def test_what_a_self_hosted_server_cannot_do(front: Front, refused: Any) -> None:
    """Every row of the table is a 501 with a stable code, in the error shape of the client."""
    method = "PATCH" if refused.method == "*" else refused.method
    path = refused.pattern.replace("{...}", "a/b/").replace("{}", "x")
    status, answer = await front(f"{method} {path}", {})
    assert status == 501
    assert answer["code"] == "not_supported"
    assert "not available on a self-hosted Mem0" in answer["detail"]
    assert front.server.received == []


async def test_an_unknown_platform_route_is_refused(front: Front) -> None:
    """What no table names is not guessed at."""
    assert (await front("POST /v9/memories/", {}, ok(DONE)))[
        0
    ] == 200  # no platform root: the server's to answer
    assert (await front("POST /v3/memories/dream/", {}))[0] == 501
    assert (await front("PATCH /v1/memories/", {}))[0] == 501


async def test_bare_routes_pass_through(front: Front) -> None:
    """The server's own routes keep method, target, body and answer; only a `Token` becomes the server's header."""
    request = WireRequest(
        method="POST",
        path="/search",
        query="a=%2F",
        headers=(("authorization", "Token k"), ("Content-Type", "application/json")),
        body=b'{"query":   "q"}',
    )
    answer = ok({"results": []})
    assert await front.raw(request, answer) is answer
    (sent,) = front.server.received
    assert (sent.method, sent.target, sent.body) == ("POST", "/search?a=%2F", b'{"query":   "q"}')
    assert sent.headers == (("X-API-Key", "k"), ("Content-Type", "application/json"))
    own = (("X-API-Key", "k"), ("Authorization", "Bearer jwt"))
    await front.raw(WireRequest(method="GET", path="/entities", headers=own), answer)
    assert front.server.received[-1].headers == own


async def test_one_deadline_covers_every_request(front: Front) -> None:
    """Each request gets what is left of the caller's time, and close reaches the server."""
    await front(f"PUT /v1/memories/{ID}/", {"text": "x"}, ok(DONE), ok(row()))
    first, second = front.server.deadlines
    assert second <= first <= 5.0
    await front.upstream.close()
    assert front.server.closed


async def test_no_time_left_asks_nobody(front: Front) -> None:
    """A deadline that has passed is a 504 before anything is sent."""
    request = WireRequest(method="GET", path="/v1/entities/")
    with pytest.raises(UpstreamError) as late:
        await front.upstream.send(request, deadline=0.0)
    assert late.value.status == 504
    assert front.server.received == []


async def test_no_key_and_no_text_in_our_errors(front: Front) -> None:
    """A refusal names fields, never what was in them."""
    body = {"messages": MESSAGES, "user_id": "u1", "metadata": {"_fw_k": "private words"}}
    _, answer = await front("POST /v3/memories/add/", body)
    assert "private" not in json.dumps(answer)
    assert "secret" not in json.dumps(answer)
