"""`POST /v1/memory/govern` over real HTTP: the contract's worked example, its refusals, its bounds."""

import json

import aiohttp
import msgspec
import pytest

from firewall.errors import StateError
from tests.server.asking import GOVERN, WORKED, asking, refusal
from tests.server.conftest import KEYS, Reopened
from tests.sidecar import Sidecar

JSON = {"Content-Type": "application/json"}
TEAM = {"Memfw-Key": KEYS["TEAM_KEY"]}


async def test_the_worked_example(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Current is used, unlabelled inspected, failed blocked, evidence a pointer; the headers say the same."""
    async with http.post(keyless.url + GOVERN, json=WORKED) as response:
        body = await response.json()
        assert response.status == 200
    context = body["agent_context"]
    assert context["use_now_memory_ids"] == ["mem0:cur"]
    assert context["inspect_before_use_memory_ids"] == ["mem0:note"]
    assert context["do_not_use_memory_ids"] == ["mem0:old"]
    assert [hint["memory_id"] for hint in context["rehydrate_hints"]] == ["mem0:log"]
    assert body["contract_version"] == "aionis_memory_admission_gateway_result_v1"
    assert body["memory_firewall"]["blocked_count"] == 1
    assert len(body["memory_admission_records"]["entries"]) == 4
    assert (body["tenant_id"], body["scope"], body["run_id"]) == ("default", "default", "run-7")
    assert response.headers["Memfw-Decision-Id"] == body["firewall"]["decision_id"]
    assert response.headers["Memfw-Policy"] == body["firewall"]["policy"]
    assert response.headers["Memfw-Mode"] == "firewall"
    assert response.headers["Memfw-Admitted"] == "1"
    assert response.headers["Memfw-Withheld"] == "3"


BAD_BODIES = {
    "unknown field": ({**WORKED, "surprise": 1}, {"surprise"}),
    "missing candidates": ({"query_text": "q"}, {"candidates"}),
    "blank query": ({**WORKED, "query_text": "  "}, {"query_text"}),
    "no candidate": ({**WORKED, "candidates": []}, {"candidates"}),
    "wrong types": ({"query_text": 7, "candidates": "none"}, {"query_text", "candidates"}),
    "a mode that there is not": ({**WORKED, "mode": "lenient"}, {"mode"}),
    "deep in a candidate": (
        asking(1, candidates=[{"external_memory_id": "", "source_backend": "mem0", "text": 3, "more": 1}]),
        {"candidates.0.external_memory_id", "candidates.0.text", "candidates.0.more"},
    ),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_every_issue_is_named(http: aiohttp.ClientSession, keyless: Sidecar, name: str) -> None:
    """A body that does not fit the schema is 400 with all its problems by path."""
    body, paths = BAD_BODIES[name]
    async with http.post(keyless.url + GOVERN, json=body) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert {issue["path"] for issue in refused["issues"]} == paths
    assert all(issue["message"] for issue in refused["issues"])


NO_JSON = {
    "empty": b"",
    "cut": b'{"query_text": "q", "candidates": [',
    "not UTF-8": b'{"query_text": "\xff\xfe", "candidates": []}',
    "a lone surrogate": b'{"query_text": "\\ud800", "candidates": []}',
    "nested a hundred thousand deep": b"[" * 100_000 + b"]" * 100_000,
    "two documents": b"{} {}",
    "not a number": b'{"query_text": NaN}',
    "a list": b"[]",
    "null": b"null",
}


@pytest.mark.parametrize("name", NO_JSON)
async def test_what_is_no_request_is_refused(
    http: aiohttp.ClientSession, keyless: Sidecar, name: str
) -> None:
    """Broken, deep and foreign documents get the one error shape, and memfw stays up."""
    async with http.post(keyless.url + GOVERN, data=NO_JSON[name], headers=JSON) as response:
        await refusal(response, 400, "invalid_request")
    async with http.get(keyless.url + "/healthz") as response:
        assert response.status == 200


async def test_deep_metadata_is_refused(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Metadata is the one free object; its depth is bounded and named."""
    deep: object = "end"
    for _ in range(40):
        deep = {"in": deep}
    body = asking(1)
    body["candidates"][0]["metadata"] = {"in": deep}
    async with http.post(keyless.url + GOVERN, json=body) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert refused["issues"][0]["path"] == "candidates.0.metadata"


async def test_an_error_repeats_no_value(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """What was sent does not come back in an error message."""
    body = asking(1)
    body["candidates"][0] |= {"text": ["sk-live-SECRET"], "lifecycle_hint": "sk-live-SECRET"}
    async with http.post(keyless.url + GOVERN, json=body) as response:
        assert response.status == 400
        assert "SECRET" not in await response.text()


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
async def test_a_compressed_body_is_refused(
    http: aiohttp.ClientSession, keyless: Sidecar, encoding: str
) -> None:
    """A body in a content encoding is 415 unread: no bomb is unpacked."""
    headers = {**JSON, "Content-Encoding": encoding}
    async with http.post(keyless.url + GOVERN, data=b"\x1f\x8b" * 10, headers=headers) as response:
        await refusal(response, 415, "encoding_unsupported")


async def test_ten_thousand_candidates(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The limit itself is served: every candidate is judged, or all are withheld as late."""
    async with http.post(keyless.url + GOVERN, json=asking(10_000)) as response:
        body = await response.json()
        assert response.status == 200
    assert body["firewall"]["counts"]["considered"] == 10_000


async def test_one_more_than_the_limit(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """10,001 candidates are 413."""
    async with http.post(keyless.url + GOVERN, json=asking(10_001)) as response:
        await refusal(response, 413, "too_many_candidates")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_above_the_limit(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened, *, chunked: bool
) -> None:
    """A body beyond the bytes of the config is 413, whether it says its length or not."""
    big = json.dumps(asking(100)).encode()
    async with reopened(keyless.house, max_body=2_000) as url:

        async def pieces() -> object:
            for start in range(0, len(big), 500):
                yield big[start : start + 500]

        async with http.post(url + GOVERN, data=pieces() if chunked else big, headers=JSON) as response:
            await refusal(response, 413, "body_too_large")


async def test_a_late_adjudication_admits_nothing(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened
) -> None:
    """Past the deadline the answer is whole, blocks every memory, says so, and is counted."""
    seconds = iter(range(1_000_000))
    services = msgspec.structs.replace(keyless.house.services, monotonic=lambda: float(next(seconds)))
    async with reopened(keyless.house, services=services) as url:
        async with http.post(url + GOVERN, json=asking(401)) as response:
            body = await response.json()
            assert response.status == 200
        async with http.get(url + "/metrics") as response:
            exposed = await response.text()
    assert body["firewall"]["degraded"] == "deadline"
    assert body["agent_context"]["use_now_memory_ids"] == []
    assert len(body["agent_context"]["do_not_use_memory_ids"]) == 401
    assert 'memfw_degraded_total{cause="deadline"} 1.0' in exposed


async def test_without_state_nothing_is_admitted(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scope whose state cannot be had falls to its fail mode: blocked, and the cause named."""

    class Away:
        """Projections whose log is gone."""

        def state(self, key: object) -> None:
            return None

        async def load(self, key: object) -> object:
            raise StateError("log_unavailable", "told to fail")

        def staleness(self) -> float:
            return 0.0

    services = msgspec.structs.replace(keyless.house.services, projections=Away())
    async with (
        reopened(keyless.house, services=services) as url,
        http.post(url + GOVERN, json=WORKED) as response,
    ):
        body = await response.json()
        assert response.status == 200
    assert body["firewall"]["degraded"] == "log_unavailable"
    assert body["agent_context"]["use_now_memory_ids"] == []


@pytest.mark.parametrize("field", ["tenant_id", "scope"])
async def test_a_foreign_boundary_is_denied(http: aiohttp.ClientSession, keyed: Sidecar, field: str) -> None:
    """A body that names a tenant or scope of others is 403."""
    async with http.post(keyed.url + GOVERN, json={**WORKED, field: "globex"}, headers=TEAM) as response:
        await refusal(response, 403, "scope_denied")


async def test_a_scope_of_ones_own_is_served(http: aiohttp.ClientSession, keyed: Sidecar) -> None:
    """A principal's further scopes are open to it by name; home is the first."""
    for asked, answered in ((None, "checkout"), ("billing", "billing")):
        fields = {} if asked is None else {"scope": asked}
        async with http.post(keyed.url + GOVERN, json={**WORKED, **fields}, headers=TEAM) as response:
            body = await response.json()
        assert (body["tenant_id"], body["scope"]) == ("acme", answered)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "key_required"),
        ({"Authorization": "Basic k-team"}, 401, "key_required"),
        ({"Authorization": "Bearer "}, 401, "key_required"),
        ({"X-Api-Key": "k-nobody"}, 403, "key_unknown"),
        ({"Authorization": "Bearer k-vendor"}, 403, "key_unknown"),
        ({"X-Api-Key": "k-nobody", "Authorization": "Bearer k-team"}, 403, "key_unknown"),
    ],
)
async def test_who_is_not_let_in(
    http: aiohttp.ClientSession, keyed: Sidecar, headers: dict[str, str], status: int, code: str
) -> None:
    """No key is 401; an unknown one is 403, and so is one that opens only the drop-in mounts."""
    async with http.post(keyed.url + GOVERN, json=WORKED, headers=headers) as response:
        await refusal(response, status, code)


@pytest.mark.parametrize("name", ["Memfw-Key", "X-Api-Key", "Authorization"])
async def test_where_a_key_may_stand(http: aiohttp.ClientSession, keyed: Sidecar, name: str) -> None:
    """A key goes in any of three headers; the claim of trust counts up to what the principal may say."""
    value = "bearer k-team" if name == "Authorization" else "k-team"
    async with http.post(keyed.url + GOVERN, json=WORKED, headers={name: value}) as response:
        body = await response.json()
        assert response.status == 200
    assert body["agent_context"]["use_now_memory_ids"] == []
