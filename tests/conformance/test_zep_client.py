"""Zep's real client with only `base_url` changed, through a whole memfw: every recorded call, and what is withheld from it.

Version 3 and version 4 of the client are one package: the tests run on whichever is installed, and `test_zep_replay` sends
what the other one sends.
"""

import json
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from adapters.zep import ZepDialect
from tests.backends.zep_double import ZEP_3, ZEP_4, Exchange, ZepDouble, exchanges, zep_double
from tests.conformance.zep_clients import (
    ADMIN,
    AGENT,
    GRAPH,
    PINNED,
    POISON,
    Call,
    arguments,
    mounted,
    zep_client,
)

zep_cloud = pytest.importorskip("zep_cloud")

MAJOR = int(version("zep-cloud").split(".")[0])
API, CASSETTE = ("/api/v4", ZEP_4) if MAJOR >= 4 else ("/api/v2", ZEP_3)
#: An id with a slash that the client does not encode is two segments.
SLASHED = "thread.get_user_context[template]"
SECOND_PAGES = "cursor=1"
CALLS = [
    each
    for each in exchanges(CASSETTE)
    if not (each.name == SLASHED and "slash" in each.target) and SECOND_PAGES not in each.target
]

LIVE: dict[str, Any] = {
    "uuid": "e-live",
    "created_at": "2026-01-05T10:00:00Z",
    "name": "USES",
    "fact": "The checkout team uses the new adapter",
    "source_node_uuid": "n1",
    "target_node_uuid": "n2",
    "valid_at": "2026-01-05T10:00:00Z",
}
OVER = {
    **LIVE,
    "uuid": "e-over",
    "fact": "The checkout team uses the legacy adapter",
    "target_node_uuid": "n3",
    "valid_at": "2025-06-01T00:00:00Z",
    "invalid_at": "2026-01-05T10:00:00Z",
}
BAD = {**LIVE, "uuid": "e-bad", "name": "SAYS", "fact": POISON}
PIN = {"user_id": "u1", "graph_uuid": GRAPH}


@pytest.fixture
async def double() -> AsyncIterator[ZepDouble]:
    """The recorded service."""
    async with zep_double(CASSETTE) as running:
        yield running


@pytest.fixture
async def base(tmp_path: Path, double: ZepDouble) -> AsyncIterator[str]:
    """What the client takes as its base URL."""
    async with mounted(tmp_path, double.url, ZepDialect("memory"), pin=PIN) as url:
        yield url + API


def search_line() -> str:
    return f"POST /api/v4/graphs/{GRAPH}/search/edges" if MAJOR >= 4 else "POST /api/v2/graph/search"


async def search(call: Call, **owner: str) -> list[Any]:
    if MAJOR >= 4:
        rows: list[Any] = await call("graph.search_edges", GRAPH, query="which adapter?")
        return rows
    found = await call("graph.search", query="which adapter?", **(owner or {"user_id": "u1"}))
    return list(found.edges)


def found(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": rows, "next_cursor": None, "total_size": len(rows)} if MAJOR >= 4 else {"edges": rows}


def plain(value: Any) -> Any:
    """What a client made of an answer, as JSON, without what memfw adds."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    if hasattr(value, "json"):
        value = json.loads(value.json(by_alias=True))
    if isinstance(value, dict):
        return {key: part for key, part in value.items() if key != "firewall"}
    return value


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_every_recorded_call_round_trips(double: ZepDouble, base: str, is_async: bool) -> None:
    """What the client gets through memfw is what it gets from the service itself, but for what is over."""
    compared = 0
    async with (
        zep_client(double.url + API, ADMIN, is_async=is_async) as direct,
        zep_client(base, ADMIN, is_async=is_async) as governed,
    ):
        for exchange in CALLS:
            wanted, sent = await made(direct, exchange, double)
            got, through = await made(governed, exchange, double)
            assert kept(got) == kept(wanted), exchange.name
            assert [request.target for request in through] == [request.target for request in sent]
            compared += 1
    assert compared == len(CALLS) >= 67


async def made(call: Call, exchange: Exchange, double: ZepDouble) -> tuple[Any, list[Any]]:
    """What a recorded call returns or raises, and what arrived."""
    double.received.clear()
    name, args, kwargs = arguments(exchange)
    if name.endswith(("query", "query_stream")):
        kwargs.pop("stream", None)
    try:
        value = plain(await call(name, *args, **kwargs))
    except zep_cloud.core.api_error.ApiError as error:
        value = [error.status_code, str(error.body)]
    return value, list(double.received)


def kept(value: Any) -> Any:
    """Without what the recordings hold of the superseded fact, as object, as line and as what is null."""
    if isinstance(value, list):
        return [kept(part) for part in value if not _is_over(part)]
    if isinstance(value, dict):
        return {key: kept(part) for key, part in value.items() if part is not None and key != "answer"}
    if isinstance(value, str) and "<FACTS>" in value:
        return "\n".join(line for line in value.split("\n") if "legacy adapter" not in line)
    return value


def _is_over(part: Any) -> bool:
    return isinstance(part, dict) and bool(part.get("invalid_at"))


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_governed_read_withholds_exactly_the_poisoned_items(
    double: ZepDouble, base: str, is_async: bool
) -> None:
    """In their order, with everything else as it was."""
    good = [
        {**LIVE, "uuid": f"e{number}", "name": f"N{number}", "fact": f"Fact number {number}"}
        for number in range(4)
    ]
    rows = [good[0], BAD, good[1], {**BAD, "uuid": "e-bad-2", "attributes": {"note": POISON}}, *good[2:]]
    double.answer(search_line(), found(rows))
    async with zep_client(base, AGENT, is_async=is_async) as call:
        assert [row.fact for row in await search(call)] == [row["fact"] for row in good]


async def test_superseded_facts_are_counter_evidence(double: ZepDouble, base: str) -> None:
    """Withheld with their text and with what took their place; a client that looks finds it beside its answer."""
    double.answer(search_line(), found([LIVE, OVER, BAD]))
    import httpx

    async with httpx.AsyncClient() as session:
        body = {"query": "q"} if MAJOR >= 4 else {"query": "q", "user_id": "u1"}
        answer = await session.post(
            base + search_line().partition(API)[2], json=body, headers={"Authorization": f"Api-Key {AGENT}"}
        )
    withheld = {each["id"]: each for each in answer.json()["firewall"]["withheld"]}
    assert withheld["e-over"]["text"] == OVER["fact"]
    assert withheld["e-over"]["superseded_by"] == "e-live"
    assert "text" not in withheld["e-bad"]
    assert answer.headers["Memfw-Withheld"] == "2"


async def test_a_context_comes_without_what_is_over(double: ZepDouble, base: str) -> None:
    """Line by line; the rest of it byte for byte."""
    name = "thread.get_context" if MAJOR >= 4 else "thread.get_user_context"
    line = next(f"{each.method} {each.target}" for each in CALLS if each.name == name)
    text = f"<FACTS>\n  - good ünï (2026-01-05 10:00:00+00:00 - present)\n  - {POISON} (2026-01-05 - present)\n</FACTS>\n\n"
    double.answer(line, {"context": text})
    async with zep_client(base, AGENT) as call:
        context = (await call(name, *arguments(next(each for each in CALLS if each.name == name))[1])).context
    assert context == "<FACTS>\n  - good ünï (2026-01-05 10:00:00+00:00 - present)\n</FACTS>\n\n"


async def test_a_denial_is_the_clients_own_error(double: ZepDouble, base: str) -> None:
    """403 at once: no client tries it again."""
    async with zep_client(base, PINNED) as call:
        foreign = (
            call("graph.search_edges", "somebody-else", query="q")
            if MAJOR >= 4
            else call("graph.search", query="q", user_id="u2")
        )
        with pytest.raises(zep_cloud.core.api_error.ApiError) as caught:
            await foreign
    assert caught.value.status_code == 403
    assert double.received == []


async def test_a_single_item_that_is_withheld(double: ZepDouble, base: str) -> None:
    """403 with the reason, as the client's error."""
    target = f"/api/v4/graphs/{GRAPH}/edges/e-bad" if MAJOR >= 4 else "/api/v2/graph/edge/e-bad"
    double.answer(f"GET {target}", BAD)
    args = (GRAPH, "e-bad") if MAJOR >= 4 else ("e-bad",)
    async with zep_client(base, AGENT) as call:
        with pytest.raises(zep_cloud.core.api_error.ApiError) as caught:
            await call("graph.edge.get", *args)
    assert caught.value.status_code == 403
    assert "memory_withheld" in str(caught.value.body)
    assert "passwords" not in str(caught.value.body)


@pytest.mark.skipif(MAJOR < 4, reason="this client has no pages")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_no_empty_page_stops_the_pager(double: ZepDouble, base: str, is_async: bool) -> None:
    """The pages of which nothing may be shown are gone over; the client gets the rows after them."""
    rows = [
        LIVE,
        BAD,
        {**BAD, "uuid": "e-bad-2"},
        {**LIVE, "uuid": "e-last", "name": "OTHER", "fact": "Another fact"},
    ]
    line = search_line() + "?page_size=1"
    for number, row in enumerate(rows):
        following = str(number + 1) if number + 1 < len(rows) else None
        page = {"items": [row], "next_cursor": following, "total_size": 4}
        double.answer(line if number == 0 else f"{line}&cursor={number}", page)
    async with zep_client(base, AGENT, is_async=is_async) as call:
        found_rows = await call("graph.search_edges", GRAPH, query="q", page_size=1)
    assert [row.uuid_ for row in found_rows] == ["e-live", "e-last"]
