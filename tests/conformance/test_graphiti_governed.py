"""Graphiti's REST server through a whole memfw: the real recording, groups that are required, superseded facts withheld."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.graphiti import GraphitiDialect
from tests.backends.zep_double import GRAPHITI, ZepDouble, exchanges, zep_double
from tests.conformance.clients import Reply, ask
from tests.conformance.zep_clients import ADMIN, AGENT, PINNED, POISON, mounted

RECORDED = exchanges(GRAPHITI)
CONTRADICTED = max(
    (each for each in RECORDED if each.target == "/search" and each.status == 200),
    key=lambda each: len(each.answered),
)


@pytest.fixture
async def double() -> AsyncIterator[ZepDouble]:
    """The recorded server."""
    async with zep_double(GRAPHITI) as running:
        yield running


@pytest.fixture
async def base(tmp_path: Path, double: ZepDouble) -> AsyncIterator[str]:
    """memfw before it; the pinned caller has the group `checkout`."""
    async with mounted(tmp_path, double.url, GraphitiDialect("memory"), pin={"group_id": "checkout"}) as url:
        yield url


async def sent(base: str, key: str, line: str, body: object = None) -> Reply:
    method, target = line.split(" ", 1)
    return await ask(base, method, target, headers=[("Authorization", f"Bearer {key}")], body=body)


def reports(fact: Any) -> bool:
    """A fact that tells of a failure is counter-evidence too."""
    return "rejected" in fact["fact"]


async def test_every_recorded_request_is_answered(double: ZepDouble, base: str) -> None:
    """With the recorded values but for what is over: real answers of a real server."""
    for each in RECORDED:
        line = f"{each.method} {each.target}"
        double.answer(line, each.answered, status=each.status)
        double.received.clear()
        reply = await sent(base, ADMIN, line, each.sent)
        assert reply.status == each.status, line
        value, wanted = reply.json, each.value
        if isinstance(value, dict):
            value.pop("firewall", None)
        if "facts" in wanted:
            wanted["facts"] = [
                fact for fact in wanted["facts"] if not fact["invalid_at"] and not reports(fact)
            ]
        if isinstance(wanted, list):
            wanted = [episode for episode in wanted if "rejected" not in episode["content"]]
        assert value == wanted, line
        assert [asked.target for asked in double.received][:1] == [each.target]


async def test_the_superseded_fact_is_counter_evidence(double: ZepDouble, base: str) -> None:
    """The server returns it beside the live one; it comes with its text and with what took its place."""
    double.answer("POST /search", CONTRADICTED.answered)
    reply = await sent(base, PINNED, "POST /search", {"query": "q", "group_ids": ["checkout"]})
    facts = {fact["fact"]: fact for fact in reply.json["facts"]}
    assert "checkout-team uses new-adapter" in facts
    withheld = {each["text"]: each for each in reply.json["firewall"]["withheld"]}
    over = withheld.pop("checkout-team uses legacy-adapter")
    assert over["superseded_by"] == facts["checkout-team uses new-adapter"]["uuid"]
    assert [each["reasons"] for each in withheld.values()] == [["text_signal:failed"]]
    assert (reply.headers["memfw-admitted"], reply.headers["memfw-withheld"]) == ("1", "2")


def facts() -> list[dict[str, Any]]:
    """Every other one poisoned."""
    fact = json.loads(CONTRADICTED.answered)["facts"][0]
    return [
        {
            **fact,
            "uuid": f"u{number}",
            "name": f"N{number}",
            "invalid_at": None,
            "expired_at": None,
            "fact": f"{POISON} {number}" if number % 2 else f"Plain fact number {number}",
        }
        for number in range(16)
    ]


async def test_exactly_the_poisoned_facts_are_withheld(double: ZepDouble, base: str) -> None:
    """In their order, and the caller's number of them; however often it is asked."""
    rows = facts()
    double.answer("POST /search", {"facts": rows})
    for _ in range(3):
        reply = await sent(
            base, AGENT, "POST /search", {"query": "q", "group_ids": ["checkout"], "max_facts": 5}
        )
        assert reply.json["facts"] == rows[:10:2]


async def test_an_answer_that_holds_more_than_facts_is_neither_cut_nor_filled_up(
    double: ZepDouble, base: str
) -> None:
    """The caller's number is that of the facts: nobody knows how many of the others there may be."""
    rows = facts()
    double.answer("POST /search", {"facts": rows, "note": "They were found in two graphs."})
    reply = await sent(base, AGENT, "POST /search", {"query": "q", "group_ids": ["checkout"], "max_facts": 5})
    assert reply.json["facts"] == rows[::2]
    assert reply.json["note"] == "They were found in two graphs."
    double.received.clear()
    double.answer("POST /search", {"facts": rows[1:6:2], "note": "They were found in two graphs."})
    reply = await sent(base, AGENT, "POST /search", {"query": "q", "group_ids": ["checkout"], "max_facts": 5})
    assert reply.json["facts"] == []
    assert len(double.received) == 1


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST /search", {"query": "q"}),
        ("POST /search", {"query": "q", "group_ids": ["checkout", "other"]}),
        ("POST /get-memory", {"group_id": "other", "messages": []}),
        ("GET /episodes/other", None),
        ("POST /messages", {"group_id": "other", "messages": []}),
        ("DELETE /group/checkout", None),
        ("POST /clear", None),
        ("GET /docs", None),
    ],
)
async def test_what_a_pinned_caller_may_not_do(double: ZepDouble, base: str, line: str, body: object) -> None:
    """Another group, all groups, administration, what nobody knows: 403, and nothing was asked."""
    reply = await sent(base, PINNED, line, body)
    assert reply.status == 403
    assert reply.json["code"] in {"scope_denied", "admin_only", "unknown_route"}
    assert double.received == []


async def test_a_fact_of_nobody_is_not_deleted(double: ZepDouble, base: str) -> None:
    """It states no group: to a pinned caller there is none."""
    fact = json.loads(CONTRADICTED.answered)["facts"][0]
    double.answer("GET /entity-edge/x", fact)
    double.answer("DELETE /entity-edge/x", {"message": "deleted", "success": True})
    reply = await sent(base, PINNED, "DELETE /entity-edge/x")
    assert (reply.status, reply.json) == (404, {"detail": "edge x not found"})
    assert [asked.method for asked in double.received] == ["GET"]
    assert (await sent(base, AGENT, "DELETE /entity-edge/x")).status == 200
