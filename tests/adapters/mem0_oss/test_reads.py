"""The platform's reads over a scripted server: what it is asked, and what the caller gets."""

from typing import Any

import pytest

from firewall.errors import UpstreamError
from firewall.ports import WireRequest, WireResponse
from tests.backends.mem0_scripted import ID, Front, ok, row


async def test_ping_checks_the_key_with_one_cheap_read(front: Front) -> None:
    """A ping is answered only after the server has accepted the caller's key, in the server's own scheme."""
    status, answer = await front("GET /v1/ping/", None, ok({"results": []}))
    assert status == 200
    assert answer["status"] == "ok"
    assert {type(answer[key]) for key in ("org_id", "project_id", "user_email")} == {str}
    assert front.server.asked() == ("GET /memories?user_id=memfw-ping&top_k=1", None)
    assert ("X-API-Key", "secret") in front.server.received[0].headers
    assert not [
        name for name, _ in front.server.received[0].headers if name in {"Authorization", "Mem0-User-ID"}
    ]


async def test_a_refused_key_is_the_platforms_401(front: Front) -> None:
    """The server's 401 becomes the words that the client's constructor shows."""
    refused = ok({"detail": "Authentication required."}, 401)
    assert await front("GET /v1/ping/", None, refused) == (401, {"detail": "Given API token not valid"})


@pytest.mark.parametrize("path", ["//v1/ping/", "/v1/ping", "/v1//ping/"])
async def test_slashes_do_not_matter(front: Front, path: str) -> None:
    """Doubled and missing slashes name the same route, as the async and TypeScript clients send them."""
    assert (await front(f"GET {path}", None, ok({"results": []})))[0] == 200


async def test_search_lifts_ids_and_maps_rows(front: Front) -> None:
    """The server gets flat ids; the caller gets null identity keys, categories and no internal metadata."""
    found = row(
        run_id="r1", score=0.5, role="user", metadata={"k": "v", "_fw_app_id": "app", "text_lemmatized": "x"}
    )
    body = {"query": "tea", "filters": {"AND": [{"user_id": "u1"}, {"app_id": "app"}]}, "top_k": 3}
    status, answer = await front("POST /v3/memories/search/", body, ok({"results": [found]}))
    assert status == 200
    sent = {"query": "tea", "top_k": 3, "filters": {"_fw_app_id": "app", "user_id": "u1"}}
    assert front.server.asked() == ("POST /search", sent)
    (got,) = answer["results"]
    assert got["app_id"] == "app"
    assert got["metadata"] == {"k": "v"}
    assert got["categories"] == []
    assert got["agent_id"] is None
    assert got["run_id"] == "r1"
    assert got["score"] == 0.5
    assert got["role"] == "user"
    assert "session_id" not in got


async def test_older_searches_get_the_bare_list(front: Front) -> None:
    """v1 and v2 take top-level ids and answer with a list, which those clients wrap themselves."""
    body = {"query": "q", "user_id": "u1", "org_id": "o", "project_id": "p", "output_format": "v1.1"}
    for version in ("v1", "v2"):
        status, answer = await front(f"POST /{version}/memories/search/", body, ok({"results": [row()]}))
        assert status == 200
        assert [got["id"] for got in answer] == [ID]
    assert front.server.asked()[1]["filters"] == {"user_id": "u1"}


async def test_what_only_we_can_filter_is_over_fetched(front: Front) -> None:
    """A condition that stays with us makes the server give all it can, and the answer is cut afterwards."""
    rows = [row(number, metadata={"n": number}) for number in range(5)]
    body = {"query": "q", "filters": {"user_id": "u1", "n": {"gte": 2}}, "top_k": 2}
    _, answer = await front("POST /v3/memories/search/", body, ok({"results": rows}))
    assert front.server.asked()[1]["top_k"] == 1000
    assert [got["metadata"]["n"] for got in answer["results"]] == [2, 3]


async def test_rows_of_another_owner_never_pass(front: Front) -> None:
    """A server that ignores or overwrites the scope gives rows that the tree does not match: they are dropped."""
    leak = [row(1), row(2, user_id="u2")]
    _, answer = await front(
        "POST /v3/memories/search/", {"query": "q", "filters": {"user_id": "u1"}}, ok({"results": leak})
    )
    assert [got["user_id"] for got in answer["results"]] == ["u1"]


async def test_contradicting_scopes_ask_nobody(front: Front) -> None:
    """`u1 AND u2` matches nothing; the server, which would answer with u2's rows, is not asked."""
    body = {"query": "q", "filters": {"user_id": "u1", "AND": [{"user_id": "u2"}]}}
    assert await front("POST /v3/memories/search/", body) == (200, {"results": []})
    assert front.server.received == []


async def test_alternatives_are_searched_one_by_one(front: Front) -> None:
    """OR over owners becomes one search each, joined by score without doubles."""
    first = ok({"results": [row(1, score=0.2), row(2, score=0.1, agent_id="a1")]})
    second = ok(
        {"results": [row(3, user_id=None, agent_id="a1", score=0.9), row(2, score=0.1, agent_id="a1")]}
    )
    body = {"query": "q", "filters": {"OR": [{"user_id": "u1"}, {"agent_id": "a1"}]}}
    _, answer = await front("POST /v3/memories/search/", body, first, second)
    assert [got["memory"] for got in answer["results"]] == ["memory 3", "memory 1", "memory 2"]


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({"categories": ["a"]}, 501),
        ({"reference_date": "2026-01-01"}, 501),
        ({"enable_graph": True}, 501),
        ({"top_k": 0}, 400),
        ({"top_k": "many"}, 400),
        ({"query": " "}, 400),
        ({"filters": {}}, 400),
        ({"filters": "{'user_id': 'u1'}"}, 400),
    ],
)
async def test_refused_searches(front: Front, extra: dict[str, Any], status: int) -> None:
    """What the server cannot do is a 501 and names it; nothing is silently left out, nothing is sent."""
    body = {"query": "q", "filters": {"user_id": "u1"}, **extra}
    got, answer = await front("POST /v3/memories/search/", body)
    assert got == status
    assert answer["detail"]
    assert (answer["code"] == "not_supported") is (status == 501)
    assert front.server.received == []


async def test_pages_are_cut_in_memory(front: Front) -> None:
    """`next` and `previous` are absolute URLs that keep the rest of the query; count is the whole."""
    rows = ok({"results": [row(number) for number in range(1, 6)]})
    _, answer = await front(
        "POST /v3/memories/?x=a%20b&page=2&page_size=2", {"filters": {"user_id": "u1"}}, rows
    )
    assert front.server.asked() == ("GET /memories?user_id=u1&top_k=1000", None)
    assert answer["count"] == 5
    assert answer["next"] == "http://upstream.invalid/v3/memories/?x=a%20b&page=3&page_size=2"
    assert answer["previous"] == "http://upstream.invalid/v3/memories/?x=a%20b&page=1&page_size=2"
    assert [got["memory"] for got in answer["results"]] == ["memory 3", "memory 4"]
    assert "session_id" in answer["results"][0]
    assert "run_id" not in answer["results"][0]


async def test_the_last_page_has_no_next(front: Front) -> None:
    """Without page parameters the first page is given; a page behind the end is empty."""
    rows = ok({"results": [row(1)]})
    _, answer = await front("POST /v3/memories/", {"filters": {"user_id": "u1"}}, rows)
    assert (answer["count"], answer["next"], answer["previous"]) == (1, None, None)
    _, answer = await front("POST /v3/memories/?page=9", {"filters": {"user_id": "u1"}}, rows)
    assert (answer["results"], answer["next"]) == ([], None)


async def test_a_list_that_the_server_cuts_is_not_passed_off_as_whole(front: Front) -> None:
    """The server lists 1000 rows at most; a page beyond says so instead of looking like the end."""
    rows = ok({"results": [row(number) for number in range(1, 1001)]})
    line = "POST /v3/memories/?page=6&page_size=200"
    assert (await front(line, {"filters": {"user_id": "u1"}}, rows))[0] == 501
    line = "POST /v3/memories/?page=5&page_size=200"
    assert (await front(line, {"filters": {"user_id": "u1"}}, rows))[0] == 200


async def test_older_listings(front: Front) -> None:
    """v1 by query and v2 without pages answer with a bare list; a Python literal in the query is refused."""
    rows = ok({"results": [row(1)]})
    for line, body in [
        ("GET /v1/memories/?user_id=u1&org_id=o&project_id=p", None),
        ("POST /v2/memories/", {"user_id": "u1", "org_id": "o"}),
        ("GET /v1/memories/user/u1/", None),
    ]:
        _, answer = await front(line, body, rows)
        assert [got["memory"] for got in answer] == ["memory 1"]
    _, answer = await front("POST /v2/memories/?page=1&page_size=5", {"filters": {"user_id": "u1"}}, rows)
    assert answer["count"] == 1
    assert (await front("GET /v1/memories/?filters=%7B%27user_id%27%3A+%27u1%27%7D", None))[0] == 400


async def test_a_wildcard_listing_hides_expired_rows(front: Front) -> None:
    """The unscoped listing of the server is raw, so expiry is decided here unless the caller wants it shown."""
    rows = ok({"results": [row(1, expiration_date="2020-01-01"), row(2), row(3, user_id=None)]})
    _, answer = await front("POST /v3/memories/", {"filters": {"user_id": "*"}}, rows)
    assert [got["memory"] for got in answer["results"]] == ["memory 2"]
    assert front.server.asked()[0] == "GET /memories?top_k=1000"
    body = {"filters": {"user_id": "*"}, "show_expired": True}
    _, answer = await front("POST /v3/memories/", body, rows)
    assert [got["memory"] for got in answer["results"]] == ["memory 1", "memory 2"]


async def test_get_by_id(front: Front) -> None:
    """The server's 200 null is the platform's 404; an id that is no UUID is refused before the server sees it."""
    _, answer = await front(f"GET /v1/memories/{ID}/?org_id=o", None, ok(row(score=None, run_id="r1")))
    assert answer["session_id"] == "r1"
    assert "score" not in answer
    assert await front(f"GET /v1/memories/{ID}/", None, ok(None)) == (404, {"error": "Memory not found!"})
    asked = len(front.server.received)
    refused = (400, {"error": "memory_id should be a valid UUID"})
    assert await front("GET /v1/memories/abc/", None) == refused
    assert await front("GET /v1/memories/a%2Fb%20c%3Fd/", None) == refused
    assert len(front.server.received) == asked


async def test_history_has_the_owner_of_the_memory(front: Front) -> None:
    """The server's history names no owner; ours comes from the row, so that the scope of each change can be checked."""
    change = {
        "id": "h1",
        "memory_id": ID,
        "old_memory": None,
        "new_memory": "x",
        "event": "ADD",
        "role": "user",
    }
    _, answer = await front(f"GET /v1/memories/{ID}/history/", None, ok(row(run_id="r1")), ok([change]))
    assert answer[0]["user_id"] == "u1"
    assert answer[0]["session_id"] == "r1"
    assert answer[0]["input"] == []
    _, answer = await front(f"GET /v1/memories/{ID}/history/", None, ok(None), ok([change]))
    assert answer[0]["user_id"] is None
    assert (await front(f"GET /v1/memories/{ID}/history/", None, ok(None), ok([])))[0] == 404


async def test_entities(front: Front) -> None:
    """The client iterates type and name; the server calls the name id."""
    _, answer = await front(
        "GET /v1/entities/", None, ok([{"id": "u1", "type": "user", "total_memories": 3}])
    )
    assert answer["count"] == 1
    assert answer["results"][0]["name"] == "u1"
    assert answer["results"][0]["total_memories"] == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"results": [',
        b'{"results": null}',
        b"[]",
        b'{"results": [{"memory": "no id"}]}',
        b'{"results": [{"id": "x", "metadata": []}]}',
        b"[" * 100_000,
        b'{"results": [{"id": "\xff"}]}',
    ],
)
async def test_an_answer_that_makes_no_sense_is_not_half_used(front: Front, body: bytes) -> None:
    """Truncated, wrong or hostile JSON from the server is an UpstreamError, never an answer."""
    request = WireRequest(
        method="POST", path="/v3/memories/search/", body=b'{"query":"q","filters":{"user_id":"u1"}}'
    )
    with pytest.raises(UpstreamError) as failed:
        await front.raw(request, WireResponse(status=200, body=body))
    assert (failed.value.status, failed.value.code) == (502, "upstream_invalid")


async def test_redirects_are_no_answer(front: Front) -> None:
    """The server redirects unknown addresses to its docs; that is not followed."""
    with pytest.raises(UpstreamError):
        await front("GET /v1/entities/", None, WireResponse(status=307, headers=(("Location", "/docs"),)))


async def test_refusals_of_the_server_reach_the_caller(front: Front) -> None:
    """Status, JSON and retry advice are kept; a page of HTML becomes JSON without its text."""
    limited = WireResponse(status=429, headers=(("Retry-After", "7"),), body=b'{"detail": "slow down"}')
    request = WireRequest(method="GET", path="/v1/entities/")
    response = await front.raw(request, limited)
    assert (response.status, response.body) == (429, b'{"detail": "slow down"}')
    assert ("Retry-After", "7") in response.headers
    response = await front.raw(request, WireResponse(status=500, body=b"<html>secret"))
    assert response.status == 500
    assert b"secret" not in response.body
    assert response.body.startswith(b"{")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"[" * 100_000, b"\xff"])
async def test_a_callers_bad_body_is_a_400(front: Front, body: bytes) -> None:
    """Whatever arrives as a body, the caller is told, and the server is not asked."""
    response = await front.raw(WireRequest(method="POST", path="/v3/memories/search/", body=body))
    assert response.status == 400
    assert front.server.received == []
