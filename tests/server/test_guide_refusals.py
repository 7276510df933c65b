"""What `POST /v1/guide` refuses: bodies that do not fit, documents that are none, keys, scopes and roles of others."""

from typing import Any

import aiohttp
import pytest

from tests.server.asking import Json, refusal
from tests.server.conftest import KEYS, Reopened
from tests.sidecar import Sidecar

GUIDE = "/v1/guide"
KEY = {"Memfw-Key": KEYS["TEAM_KEY"]}

DEEP: Any = {}
for _ in range(40):
    DEEP = {"deeper": DEEP}

BAD_BODIES: dict[str, tuple[object, set[str]]] = {
    "missing query": ({}, {"query_text"}),
    "blank query": ({"query_text": " \n"}, {"query_text"}),
    "unknown field": ({"query_text": "q", "surprise": 1}, {"surprise"}),
    "wrong types": (
        {"query_text": 7, "limit": "10", "include_packets": 1, "tool_candidates": "npm", "context": []},
        {"query_text", "limit", "include_packets", "tool_candidates", "context"},
    ),
    "a mode that there is not": ({"query_text": "q", "context_mode": "huge"}, {"context_mode"}),
    "a role that there is not": ({"query_text": "q", "agent_role": "king"}, {"agent_role"}),
    "a limit out of bounds": ({"query_text": "q", "limit": 201}, {"limit"}),
    "no limit": ({"query_text": "q", "limit": 0}, {"limit"}),
    "budgets out of bounds": (
        {"query_text": "q", "context_token_budget": 256_001, "context_char_budget": 1_000_001},
        {"context_token_budget", "context_char_budget"},
    ),
    "a query that is too long": ({"query_text": "q" * 70_000}, {"query_text"}),
    "too many tools": (
        {"query_text": "q", "tool_candidates": [f"t{n}" for n in range(257)]},
        {"tool_candidates"},
    ),
    "too many sources": ({"query_text": "q", "sources": [f"s{n}" for n in range(9)]}, {"sources"}),
    "an owner for nobody": ({"query_text": "q", "source_owners": {"mem0": {"user_id": "u"}}}, {""}),
    "a source twice": ({"query_text": "q", "sources": ["mem0", "mem0"]}, {"sources"}),
    "a task that is no text": (
        {"query_text": "q", "context": {"task_signature": 3}},
        {"context.task_signature"},
    ),
    "a context too deep": ({"query_text": "q", "context": DEEP}, {"context"}),
    "a trajectory too deep": ({"query_text": "q", "trajectory": DEEP}, {"trajectory"}),
    "a list": ([], {""}),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_every_issue_is_named(http: aiohttp.ClientSession, keyless: Sidecar, name: str) -> None:
    """A body that does not fit is 400 with all its problems by path, and none of its values."""
    body, paths = BAD_BODIES[name]
    async with http.post(keyless.url + GUIDE, json=body) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert {issue["path"] for issue in refused["issues"]} == paths


@pytest.mark.parametrize("raw", [b"", b"{", b'{"query_text": "\xff"}', b"[" * 100_000, b"{} {}"])
async def test_what_is_no_request_is_refused(
    http: aiohttp.ClientSession, keyless: Sidecar, raw: bytes
) -> None:
    """Broken documents get the one error shape."""
    async with http.post(keyless.url + GUIDE, data=raw) as response:
        await refusal(response, 400, "invalid_request")


async def test_a_body_that_is_too_large(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened
) -> None:
    """413 in the one error shape."""
    async with (
        reopened(keyless.house, max_body=1_000) as url,
        http.post(url + GUIDE, json={"query_text": "q" * 2_000}) as response,
    ):
        await refusal(response, 413, "body_too_large")


async def test_keys_and_scopes(http: aiohttp.ClientSession, keyed: Sidecar) -> None:
    """No key, an unknown one, a foreign scope or tenant, and a role that the key may not act in are all refused."""
    url = keyed.url + GUIDE
    async with http.post(url, json={"query_text": "q"}) as response:
        await refusal(response, 401, "key_required")
    async with http.post(url, json={"query_text": "q"}, headers={"Memfw-Key": "guess"}) as response:
        await refusal(response, 403, "key_unknown")
    for foreign in ({"scope": "payroll"}, {"tenant_id": "globex"}):
        async with http.post(url, json={"query_text": "q", **foreign}, headers=KEY) as response:
            await refusal(response, 403, "scope_denied")
    async with http.post(url, json={"query_text": "q", "agent_role": "reviewer"}, headers=KEY) as response:
        await refusal(response, 403, "role_denied")
    async with http.post(url, json={"query_text": "q", "scope": "checkout"}, headers=KEY) as response:
        answer: Json = await response.json()
    assert (response.status, answer["tenant_id"]) == (200, "acme")


async def test_an_offset_that_is_not_there_yet(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """A header that is no offset is the caller's mistake."""
    async with http.post(
        keyless.url + GUIDE, json={"query_text": "q"}, headers={"Memfw-After": "soon"}
    ) as response:
        await refusal(response, 400, "invalid_header")
