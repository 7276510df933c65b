"""Our self-hosted front against the recording of the real server: the same statuses and the same shapes."""

import json
from typing import Any

import aiohttp
import pytest

from tests.backends.mem0 import KEY, oss_front
from tests.backends.mem0_double import recordings

# What the front does not offer: it has no model to infer with, no administration and no request log.
LEFT_OUT = {"requests", "configure", "providers", "root"}
# An inferred memory has `attributed_to`, one stored as it is has `role`.
SOMETIMES = {"attributed_to", "role"}


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The recorded value with the ids of this run."""
    text = json.dumps(value)
    for recorded, ours in names.items():
        text = text.replace(recorded, ours)
    return json.loads(text)


def rows_of(body: Any) -> dict[str, dict[str, Any]]:
    rows = body.get("results", []) if isinstance(body, dict) else body
    return {row["id"]: row for row in rows or [] if isinstance(row, dict)}


def labels(row: dict[str, Any]) -> dict[str, Any] | None:
    metadata = row.get("metadata")
    return metadata and {key: value for key, value in metadata.items() if key not in SOMETIMES}


def same_shape(ours: Any, recorded: Any) -> None:
    """Equal keys and kinds at the top; every row that both know has the same keys and metadata."""
    assert type(ours) is type(recorded)
    if isinstance(recorded, dict):
        assert ours.keys() - SOMETIMES == recorded.keys() - SOMETIMES
        assert all(ours[key] == recorded[key] for key in ("message", "memory") if key in recorded)
    both = rows_of(ours).keys() & rows_of(recorded).keys()
    for identifier in both:
        mine, theirs = rows_of(ours)[identifier], rows_of(recorded)[identifier]
        assert mine.keys() - SOMETIMES == theirs.keys() - SOMETIMES
        assert labels(mine) == labels(theirs)
        for key in ("memory", "user_id", "event", "type", "total_memories"):
            assert mine.get(key) == theirs.get(key)


async def test_the_recorded_session_again() -> None:
    """Every recorded request is sent to the front over a real Mem0, in order."""
    names: dict[str, str] = {}
    compared = 0
    async with oss_front() as url, aiohttp.ClientSession() as session:
        for recording in recordings("oss_rest_real.json"):
            if recording.name in LEFT_OUT:
                continue
            (request,), (response,) = recording.requests, recording.responses
            body = renamed(request.body, names)
            if recording.name == "add infer default":
                body["infer"] = False
            headers = {name: value.replace("<API_KEY>", KEY) for name, value in request.headers}
            async with session.request(
                request.method, url + renamed(request.target, names), json=body, headers=headers
            ) as got:
                ours = await got.json()
                status = got.status
            recorded = json.loads(response.body)
            assert status == response.status, recording.name
            if request.method == "POST" and request.target == "/memories" and status == 200:
                new = zip(recorded["results"], ours["results"], strict=True)
                names |= {theirs["id"]: mine["id"] for theirs, mine in new}
            if recording.name == "add infer default":
                continue
            same_shape(ours, renamed(recorded, names)) if status == 200 else None
            if status in (400, 401, 404):
                assert ours == renamed(recorded, names)
            compared += 1
    assert compared >= 25


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"Authorization": f"Token {KEY}"}])
async def test_only_the_servers_own_credentials_open_it(headers: dict[str, str]) -> None:
    """A platform token is nothing to it; a bearer token with the key is."""
    async with oss_front() as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/entities", headers=headers) as refused:
            assert refused.status == 401
        async with session.get(f"{url}/entities", headers={"Authorization": f"Bearer {KEY}"}) as opened:
            assert opened.status == 200
