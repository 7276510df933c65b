"""Zep over HTTP, as its clients speak: every recorded request of three of them through a whole memfw, and what is kept from whom."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.zep import ZepDialect
from tests.backends.zep_double import COMMUNITY, ZEP_3, ZEP_4, Exchange, ZepDouble, exchanges, zep_double
from tests.conformance.clients import Reply, ask
from tests.conformance.zep_clients import ADMIN, AGENT, GRAPH, PINNED, POISON, mounted
from tests.stamps import unstamped

SLASHED = "thread.get_user_context[template]"
EDGE: Mapping[str, Any] = {
    "uuid": "e1",
    "created_at": "2026-01-05T10:00:00Z",
    "name": "USES",
    "fact": "The checkout team uses the new adapter",
    "source_node_uuid": "n1",
    "target_node_uuid": "n2",
}
OVER = {
    **EDGE,
    "uuid": "e0",
    "fact": "The checkout team uses the old adapter",
    "invalid_at": "2026-01-01T00:00:00Z",
}
BAD = {**EDGE, "uuid": "e-bad", "name": "SAYS", "fact": POISON}


@pytest.fixture
async def double() -> AsyncIterator[ZepDouble]:
    """The recorded service."""
    async with zep_double(ZEP_3, ZEP_4, COMMUNITY) as running:
        yield running


@pytest.fixture
async def base(tmp_path: Path, double: ZepDouble) -> AsyncIterator[str]:
    """memfw before it; the pinned caller is user u1, in the words of both generations."""
    pin = {"user_id": "u1", "user_uuid": "uu1"}
    async with mounted(tmp_path, double.url, ZepDialect("memory"), pin=pin) as url:
        yield url


async def sent(base: str, key: str, line: str, body: object = None, *more: tuple[str, str]) -> Reply:
    method, target = line.split(" ", 1)
    headers = [("Authorization", f"Api-Key {key}"), *more]
    return await ask(base, method, target, headers=headers, body=body)


def but_for_what_is_over(value: Any) -> Any:
    """A recorded answer as memfw gives it: the one fact of it that is over is missing, object and line."""
    if isinstance(value, list):
        return [
            but_for_what_is_over(part)
            for part in value
            if not (isinstance(part, dict) and part.get("invalid_at"))
        ]
    if isinstance(value, dict):
        return {key: but_for_what_is_over(part) for key, part in value.items() if key != "firewall"}
    if isinstance(value, str) and "<FACTS>" in value:
        return "\n".join(line for line in value.split("\n") if "legacy adapter" not in line)
    return value


@pytest.mark.parametrize("cassette", [ZEP_3, ZEP_4, COMMUNITY])
async def test_every_recorded_request_is_answered(double: ZepDouble, base: str, cassette: str) -> None:
    """With the recorded values but for what is over; the service gets the request as the client sent it."""
    compared = 0
    for each in exchanges(cassette):
        if each.name == SLASHED and "slash" in each.target:
            continue
        double.answer(f"{each.method} {each.target}", each.answered, content_type=each.content_type)
        double.received.clear()
        kept = [
            (name, value)
            for name, value in each.headers
            if name not in {"authorization", "host", "content-length"}
        ]
        reply = await sent(base, ADMIN, f"{each.method} {each.target}", each.sent, *kept)
        assert reply.status == each.status, each.name
        (arrived,) = double.received
        assert (arrived.method, arrived.target) == (each.method, each.target)
        assert unlimited(unstamped(arrived.body)) == unlimited(each.sent)
        assert arrived.headers["authorization"] == f"Api-Key {ADMIN}"
        for name in ("user-agent", "x-fern-sdk-version", "idempotency-key"):
            assert arrived.headers.get(name) == dict(each.headers).get(name)
        compare(each, reply)
        compared += 1
    assert compared == {ZEP_3: 74, ZEP_4: 68, COMMUNITY: 12}[cassette]


def unlimited(body: Any) -> Any:
    return {key: part for key, part in body.items() if key != "limit"} if isinstance(body, dict) else body


def compare(each: Exchange, reply: Reply) -> None:
    if each.content_type == "text/event-stream":
        assert reply.headers["content-type"] == "text/event-stream"
        return
    value = but_for_what_is_over(reply.json)
    wanted = but_for_what_is_over(each.value)
    if "answer" in wanted and not value["answer"]:
        wanted["answer"] = None
    assert value == wanted, each.name


async def test_an_id_with_a_slash_is_refused(double: ZepDouble, base: str) -> None:
    """The 3.x client does not encode it: it could be another route, or another tenant's."""
    target = next(each.target for each in exchanges(ZEP_3) if each.name == SLASHED)
    reply = await sent(base, AGENT, f"GET {target}")
    assert (reply.status, reply.json["firewall"]["code"]) == (403, "unknown_route")
    assert double.received == []


SEARCH = "POST /api/v2/graph/search"


async def test_top_k_is_filled(double: ZepDouble, base: str) -> None:
    """Seven poisoned of seventeen are nearest: the five that were asked for come, in the upstream's order."""
    good = [
        {**EDGE, "uuid": f"g{number}", "name": f"N{number}", "fact": f"Good fact number {number}"}
        for number in range(10)
    ]
    rows = [{**BAD, "uuid": f"b{number}", "fact": f"{POISON} {number}"} for number in range(7)] + good
    double.answer(SEARCH, {"edges": rows[:15]}, {"edges": rows})
    reply = await sent(base, AGENT, SEARCH, {"query": "q", "user_id": "u1", "limit": 5})
    assert reply.json["edges"] == good[:5]
    assert [asked.body["limit"] for asked in double.received] == [15]
    reply = await sent(base, AGENT, SEARCH, {"query": "q", "user_id": "u1", "limit": 9})
    assert reply.json["edges"] == good[:9]


async def test_a_search_that_is_too_wide_for_the_upstream(double: ZepDouble, base: str) -> None:
    """It is asked again as the client asked it."""
    double.answer(SEARCH, {"message": "limit"}, status=400)
    reply = await sent(base, AGENT, SEARCH, {"query": "q", "user_id": "u1", "limit": 5})
    assert reply.status == 400
    assert [asked.body["limit"] for asked in double.received] == [15, 5]


async def test_a_pinned_caller_is_asked_whose_thread_it_is(double: ZepDouble, base: str) -> None:
    """A foreign one looks as if it did not exist, for reads and writes, also an empty one; nothing is written to it."""
    for user, messages, status in (
        ("u1", [], 200),
        ("u2", [], 404),
        ("u2", [{"uuid": "m", "content": "hi"}], 404),
    ):
        first = {"messages": messages, "row_count": len(messages), "user_id": user}
        double.answer("GET /api/v2/threads/t1/messages?lastn=1", first)
        double.received.clear()
        for line, body in (
            ("GET /api/v2/threads/t1/context", None),
            ("GET /api/v2/threads/t1/messages", None),
            ("POST /api/v2/threads/t1/messages", {"messages": [{"role": "user", "content": "a plain note"}]}),
            ("DELETE /api/v2/threads/t1", None),
        ):
            double.answer("GET /api/v2/threads/t1/messages", first)
            reply = await sent(base, PINNED, line, body)
            assert reply.status == status, (line, user, reply.body)
        targets = [f"{asked.method} {asked.target}" for asked in double.received]
        assert ("DELETE /api/v2/threads/t1" in targets) is (status == 200)
        assert ("POST /api/v2/threads/t1/messages" in targets) is (status == 200)


async def test_a_pinned_caller_has_no_items_by_id(double: ZepDouble, base: str) -> None:
    """An edge of the older interface states no owner: it is neither read nor deleted."""
    double.answer("GET /api/v2/graph/edge/e1", EDGE)
    for line in ("GET /api/v2/graph/edge/e1", "DELETE /api/v2/graph/edge/e1"):
        reply = await sent(base, PINNED, line)
        assert (reply.status, reply.json["message"]) == (404, "not found")
    assert {asked.method for asked in double.received} == {"GET"}
    assert (await sent(base, AGENT, "GET /api/v2/graph/edge/e1")).status == 200


async def test_a_pinned_caller_of_another_graph(double: ZepDouble, base: str) -> None:
    """403, and nothing was asked; a client does not try it again."""
    for line, body in (
        (SEARCH, {"query": "q", "user_id": "u2"}),
        (f"POST /api/v4/graphs/{GRAPH}/search/edges", {"query": "q"}),
        ("GET /api/v2/users-ordered", None),
    ):
        reply = await sent(base, PINNED, line, body)
        assert reply.status == 403
        assert reply.json["error"]["code"] == "memory_firewall_denied"
        assert reply.json["firewall"]["code"] == "scope_denied"
    assert double.received == []


async def test_a_stream_is_held_back_until_it_is_judged(double: ZepDouble, base: str) -> None:
    """An answer that cites what is over does not go, nor does what led to it."""
    line = "POST /api/v4/graphs/query"
    data = {
        "type": "result",
        "answer": "They use the old adapter",
        "citations": {"edge_uuids": ["e0"]},
        "results": {"edges": [EDGE, OVER]},
    }
    stream = b"".join(
        b"event: %b\ndata: %b\n\n" % (str(part["type"]).encode(), json.dumps(part).encode())
        for part in ({"type": "started"}, {"type": "reasoning", "text": "the old adapter, it seems"}, data)
    )
    double.answer(line, stream, content_type="text/event-stream")
    reply = await sent(base, AGENT, line, {"query": "q", "graph_uuids": [GRAPH], "stream": True})
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.body.startswith(b'event: started\ndata: {"type": "started"}\n\n')
    assert b"it seems" not in reply.body
    result = json.loads(reply.body.rpartition(b"data: ")[2])
    assert result["answer"] is None
    assert result["results"]["edges"] == [EDGE]
    assert {each["id"] for each in result["firewall"]["withheld"]} >= {"e0"}


async def test_a_bare_list_has_its_receipt_in_the_headers(double: ZepDouble, base: str) -> None:
    """There is no object to put it into."""
    line = "POST /api/v2/graph/edge/user/u1"
    double.answer(line, [EDGE, OVER])
    reply = await sent(base, AGENT, line)
    assert reply.json == [EDGE]
    assert (reply.headers["memfw-admitted"], reply.headers["memfw-withheld"]) == ("1", "1")
    assert reply.headers["memfw-decision-id"]


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_an_error_of_the_upstream_goes_on(double: ZepDouble, base: str, status: int) -> None:
    """As it is: the client's own retries are its business."""
    double.answer(SEARCH, {"message": "no"}, status=status)
    reply = await sent(base, AGENT, SEARCH, {"query": "q", "user_id": "u1"})
    assert (reply.status, reply.json) == (status, {"message": "no"})


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"edges":[{"uuid":', b'{"edges":"no"}'])
async def test_an_answer_that_is_not_whole_is_not_passed_on(
    double: ZepDouble, base: str, body: bytes
) -> None:
    """502 in Zep's shape."""
    double.answer(SEARCH, body)
    reply = await sent(base, AGENT, SEARCH, {"query": "q", "user_id": "u1"})
    assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_invalid")
