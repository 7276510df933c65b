"""How the tests of execution memory ask: two teams of one tenant with keys of their own, and a post in few words."""

from typing import Any

import aiohttp

from tests.sidecar import Sidecar

Json = dict[str, Any]

#: 2026-03-01T00:00:00Z: the moment at which the clock of the teams' memfw stands.
NOW = 1_772_323_200.0

TEAMS: list[dict[str, object]] = [
    {
        "name": "red",
        "key": "env:RED",
        "tenant": "acme",
        "scopes": ["checkout"],
        "team": "red",
        "role": "host",
    },
    {
        "name": "blue",
        "key": "env:BLUE",
        "tenant": "acme",
        "scopes": ["checkout"],
        "team": "blue",
        "role": "host",
    },
    {
        "name": "judge",
        "key": "env:JUDGE",
        "tenant": "acme",
        "scopes": ["checkout"],
        "role": "reviewer",
        "may_act_as": ["verifier", "reviewer"],
    },
    {
        "name": "solo",
        "key": "env:SOLO",
        "tenant": "acme",
        "scopes": ["checkout"],
        "agent": "solo-1",
        "role": "agent",
    },
]
TEAM_KEYS = {"RED": "k-red", "BLUE": "k-blue", "JUDGE": "k-judge", "SOLO": "k-solo"}


async def post(
    http: aiohttp.ClientSession, sidecar: Sidecar, path: str, body: object, *, key: str = ""
) -> tuple[int, Json]:
    """The status and the JSON of one POST. `key` names the principal in capitals."""
    headers = {"Memfw-Key": TEAM_KEYS[key]} if key else {}
    async with http.post(sidecar.url + path, json=body, headers=headers) as response:
        answer: Json = await response.json()
        return response.status, answer


async def observed(http: aiohttp.ClientSession, sidecar: Sidecar, body: Json, *, key: str = "") -> str:
    """The id of the first node of an observation."""
    status, answer = await post(http, sidecar, "/v1/observe", body, key=key)
    assert status == 200, answer
    node_id: str = answer["memory_write"]["nodes"][0]["id"]
    return node_id
