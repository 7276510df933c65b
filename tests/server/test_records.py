"""Reading back: `GET /v1/decisions/{id}` for both doors, and `GET /v1/policy`."""

from pathlib import Path

import aiohttp
import pytest

from tests.backends.mem0_double import PLATFORM_2, platform_double
from tests.server.asking import GOVERN, WORKED, refusal
from tests.server.conftest import KEYS, TEAM
from tests.sidecar import Sidecar, mem0_at, sidecar

MINE = {"Memfw-Key": KEYS["TEAM_KEY"]}
THEIRS = {"Memfw-Key": KEYS["OTHER_KEY"]}


async def _governed(http: aiohttp.ClientSession, url: str, **fields: object) -> str:
    async with http.post(url + GOVERN, json={**WORKED, **fields}, headers=MINE) as response:
        assert response.status == 200
        return response.headers["Memfw-Decision-Id"]


async def test_a_govern_receipt_is_kept(http: aiohttp.ClientSession, keyed: Sidecar) -> None:
    """The receipt says who asked, under which policy, and why each memory is not plainly used; it holds no text."""
    decision = await _governed(http, keyed.url)
    await keyed.house.log.flush()
    async with http.get(f"{keyed.url}/v1/decisions/{decision}", headers=MINE) as response:
        text = await response.text()
        receipt = await response.json()
        assert response.status == 200
    assert receipt["decision_id"] == decision
    assert (receipt["tenant"], receipt["scope"], receipt["principal"]) == ("acme", "checkout", "team")
    assert (receipt["surface"], receipt["mode"], receipt["format"]) == ("govern", "firewall", 1)
    assert {entry["id"] for entry in receipt["entries"]} >= {"mem0:old", "mem0:log", "mem0:note"}
    assert receipt["counts"]["considered"] == 4
    assert all(candidate["text"] not in text for candidate in WORKED["candidates"])


async def test_a_drop_in_receipt_is_kept(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """The decision behind a governed answer is found by the id that the answer's header gave."""
    async with platform_double(PLATFORM_2) as double:
        rows = [{"id": "m1", "memory": "likes tea", "user_id": "u1"}]
        double.answer("POST", "/v3/memories/search/", {"results": rows})
        config = {"upstreams": mem0_at(double.url), "principals": [TEAM]}
        async with sidecar(tmp_path, config, environ=KEYS) as running:
            query = {"query": "q", "filters": {"user_id": "u1"}}
            headers = {"Authorization": f"Token {KEYS['TEAM_KEY']}"}
            url = f"{running.mem0}/v3/memories/search/"
            async with http.post(url, json=query, headers=headers) as response:
                assert response.status == 200
                decision = response.headers["Memfw-Decision-Id"]
            await running.house.log.flush()
            async with http.get(f"{running.url}/v1/decisions/{decision}", headers=MINE) as response:
                receipt = await response.json()
    assert (receipt["surface"], receipt["upstream"]) == ("drop_in", "mem0")
    assert receipt["counts"]["admitted"] == 1


async def test_a_decision_of_another_tenant(http: aiohttp.ClientSession, keyed: Sidecar) -> None:
    """A foreign decision looks exactly like one that never was."""
    decision = await _governed(http, keyed.url)
    await keyed.house.log.flush()
    async with http.get(f"{keyed.url}/v1/decisions/{decision}", headers=THEIRS) as response:
        foreign = await refusal(response, 404, "decision_not_found")
    async with http.get(f"{keyed.url}/v1/decisions/{'0' * 32}", headers=THEIRS) as response:
        assert await response.json() == foreign


@pytest.mark.parametrize(
    "wanted",
    ["nope", "x" * 65, "x" * 5_000, "%27%20or%201=1--", "%00", "%F0%9F%92%A5", "..%2F..%2Fetc", "%FF"],
)
async def test_an_id_that_is_none(http: aiohttp.ClientSession, keyed: Sidecar, wanted: str) -> None:
    """Whatever stands where an id should is a 404 in the one error shape."""
    import yarl

    url = yarl.URL(f"{keyed.url}/v1/decisions/{wanted}", encoded=True)
    async with http.get(url, headers=MINE) as response:
        await refusal(response, 404, "decision_not_found")


async def test_decisions_want_a_key(http: aiohttp.ClientSession, keyed: Sidecar) -> None:
    """Without a key there is nothing to read back."""
    async with http.get(f"{keyed.url}/v1/decisions/{'0' * 32}") as response:
        await refusal(response, 401, "key_required")


async def test_the_policy_in_force(http: aiohttp.ClientSession, keyed: Sidecar) -> None:
    """Name, revision and every setting with its default; the label is that of the receipts."""
    async with http.get(keyed.url + "/v1/policy", headers=MINE) as response:
        body = await response.json()
        assert response.status == 200
    assert f"{body['name']}@{body['revision']}" == keyed.house.services.policy().label
    assert body["mode"] == "standard"
    assert body["policy"]["limits"]["candidates"] == 10_000
    async with http.get(keyed.url + "/v1/policy") as response:
        await refusal(response, 401, "key_required")


async def test_defect_14_one_list_of_routes(keyless: Sidecar, http: aiohttp.ClientSession) -> None:
    """`GET /v1/routes` lists what this process serves: each path of it is one that is answered by its method."""
    async with http.get(f"{keyless.url}/v1/routes") as answer:
        listed = {(row["method"], row["path"]) for row in (await answer.json())["routes"]}
    assert {("POST", "/v1/observe"), ("POST", "/v1/guide"), ("GET", "/v1/routes")} <= listed
    for method, path in sorted(listed):
        target = path.replace("{decision_id}", "x").replace("{candidate_id}", "x")
        async with http.request(method, f"{keyless.url}{target}") as answer:
            assert answer.status not in {405, 501}
            assert answer.status != 404 or "{" in path, path
