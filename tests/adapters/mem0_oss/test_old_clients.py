"""Every recorded client in front of a self-hosted Mem0: each request is answered in JSON, or refused for a reason."""

from collections import defaultdict

import aiohttp
import pytest
import yarl

from tests.backends.mem0 import inferring_mem0, platform_front
from tests.backends.mem0_double import PLATFORM_0, PLATFORM_1, PLATFORM_2, PLATFORM_TS, recordings

FACT = "Likes green tea"
STAND_IN = "11111111-1111-4111-8111-111111111111"


# Routes of the hosted service that no self-hosted server has.
HOSTED_ONLY = ("/v1/exports/", "/v1/summary/", "/v2/profiles/", "/api/v1/")


async def outcome(cassette: str) -> dict[int, set[str]]:
    """Which calls were answered with which status by a real Mem0 that holds the memory they ask for."""
    statuses: dict[int, set[str]] = defaultdict(set)
    async with platform_front(inferring_mem0(FACT)) as url, aiohttp.ClientSession() as session:
        body = {"messages": "I like green tea", "user_id": "u1"}
        async with session.post(f"{url}/v3/memories/add/", json=body) as stored:
            (first,) = (await stored.json())["results"]
        for call in recordings(cassette):
            for request in call.requests:
                target = yarl.URL(url + request.target.replace(STAND_IN, first["id"]), encoded=True)
                async with session.request(request.method, target, json=request.body) as got:
                    assert isinstance(await got.json(), dict | list)
                    statuses[got.status].add(call.name)
    return statuses


@pytest.mark.parametrize(
    ("cassette", "beyond", "wrong"),
    [
        (PLATFORM_0, set(), {"get_all filters"}),
        (PLATFORM_1, set(), set()),
        (PLATFORM_TS, set(), set()),
        (
            PLATFORM_2,
            {"add(list, top-level ids)", "get_all(page)", "search(all)", "update(text)"},
            {"get(needs escaping)", "delete_all(options.filters)"},
        ),
    ],
)
async def test_recorded_requests_meet_a_self_hosted_mem0(
    cassette: str, beyond: set[str], wrong: set[str]
) -> None:
    """501 for hosted routes and for parameters `beyond` the server, 400 for Python literals and bad ids, no 5xx."""
    hosted = {
        call.name
        for call in recordings(cassette)
        for request in call.requests
        if request.path.startswith(HOSTED_ONLY) or request.path.endswith("/profile/")
    }
    got = await outcome(cassette)
    assert got.keys() <= {200, 400, 404, 501}
    assert got[501] == hosted | beyond
    assert got[400] == wrong


async def test_inference_is_answered_at_once() -> None:
    """A self-hosted Mem0 infers while the caller waits: the event has succeeded, and the fact can be found."""
    async with platform_front(inferring_mem0(FACT)) as url, aiohttp.ClientSession() as session:
        body = {"messages": "tea please, the green one", "filters": {"user_id": "u1"}}
        async with session.post(f"{url}/v3/memories/add/", json=body) as got:
            answer = await got.json()
        assert answer["status"] == "SUCCEEDED"
        assert [one["data"]["memory"] for one in answer["results"]] == [FACT]
        query = {"query": "green tea", "filters": {"user_id": "u1"}}
        async with session.post(f"{url}/v3/memories/search/", json=query) as got:
            assert [row["memory"] for row in (await got.json())["results"]] == [FACT]
