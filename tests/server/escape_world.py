"""What there is to be had in the tests of escapes: a team at work, and two who are not of it."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from firewall.core.events import Held, ScopeKey
from tests.backends.mem0_double import PlatformDouble, platform_double
from tests.server.asking import Json
from tests.sidecar import Sidecar, sidecar

HOME = ScopeKey("acme", "checkout")
SECRET = "the violet vault opens at noon"
NOWHERE = "f" * 32
KEYS = {"TEAM": "k-team", "FOREIGN": "k-foreign", "BESIDE": "k-beside"}


def principal(name: str, tenant: str, scope: str) -> dict[str, object]:
    """A reviewer: whom nothing but the scope holds back."""
    return {
        "name": name,
        "key": f"env:{name.upper()}",
        "tenant": tenant,
        "scopes": [scope],
        "role": "reviewer",
        "max_trust": "trusted",
        "may_act_as": ["verifier", "reviewer"],
    }


def pinned(entry: dict[str, object]) -> dict[str, object]:
    pin = {
        "mem0": {"user_id": "mallory"},
        "zep": {"user_id": "mallory"},
        "vectors": {"index": "mine", "namespace": "m"},
    }
    return {**entry, "pin": pin}


PRINCIPALS = [
    principal("team", "acme", "checkout"),
    pinned(principal("foreign", "globex", "research")),
    pinned(principal("beside", "acme", "billing")),
]


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to be had: a running memfw, its upstream, and the ids of what is the team's."""

    running: Sidecar
    double: PlatformDouble
    node: str
    handoff: str
    guide: str
    decision: str
    held: str
    cursor: str

    def without(self) -> "World":
        """The same with ids that never were."""
        return msgspec.structs.replace(
            self,
            node=NOWHERE,
            handoff=NOWHERE,
            guide=NOWHERE,
            decision=NOWHERE,
            held=NOWHERE,
            cursor="x" * 40,
        )


HANDOFF: Json = {"anchor": "a", "handoff_kind": "task_handoff", "summary": "s", "handoff_text": "t"}
GOVERN: Json = {
    "query_text": "q",
    "candidates": [{"external_memory_id": "1", "source_backend": "m", "text": "t"}],
}
_ROW = {"id": "alices", "memory": SECRET, "user_id": "alice"}


@asynccontextmanager
async def inhabited(folder: Path, http: aiohttp.ClientSession) -> AsyncIterator[World]:
    """A memfw in which the team has been at work."""
    async with platform_double() as double:
        double.answer("POST", "/v3/memories/search/", {"results": [_ROW]})
        for target in ("/v1/memories/alices/", "/v1/memories/alices/history/", "/v1/memories/?user_id=alice"):
            double.answer("GET", target, [_ROW] if "=" in target or "history" in target else _ROW)
        upstreams = {
            "mem0": {"dialect": "mem0", "url": double.url},
            "zep": {"dialect": "zep", "url": double.url},
            "vectors": {"dialect": "pinecone", "url": double.url},
        }
        config = {"upstreams": upstreams, "principals": PRINCIPALS}
        async with sidecar(folder, config, environ=KEYS) as running:

            async def post(path: str, body: Json) -> tuple[Any, Mapping[str, str]]:
                async with http.post(running.url + path, json=body, headers={"Memfw-Key": "k-team"}) as got:
                    assert got.status == 200, await got.text()
                    return await got.json(), got.headers

            step = {
                "client_id": "s1",
                "title": "Vault",
                "summary": SECRET,
                "outcome": "failed",
                "target_files": ["v.py"],
            }
            observed, _ = await post("/v1/observe", {"execution": step})
            handoff, _ = await post(
                "/v1/handoff/store",
                {**HANDOFF, "anchor": "task:vault", "handoff_text": SECRET},
            )
            guide, _ = await post("/v1/guide", {"query_text": "vault"})
            _, headers = await post("/v1/memory/govern", GOVERN)
            held = [
                Held(
                    upstream="mem0",
                    memory_id=f"m{n}",
                    digest="d",
                    reasons=("injection:override",),
                    surface="drop_in",
                    at=1.0,
                )
                for n in range(2)
            ]
            await running.house.services.projections.append(HOME, held)
            own = {"Memfw-Key": "k-team"}
            async with http.get(f"{running.url}/v1/quarantine?limit=1", headers=own) as got:
                listed = await got.json()
            trace = re.search(r'"guide_trace_id":\s*"([^"]+)"', msgspec.json.encode(guide).decode())
            assert trace is not None
            yield World(
                running=running,
                double=double,
                node=observed["memory_write"]["nodes"][0]["id"],
                handoff=handoff["handoff"]["id"],
                guide=trace[1],
                decision=headers["Memfw-Decision-Id"],
                held=listed["items"][0]["id"],
                cursor=listed["cursor"],
            )


async def written(world: World) -> list[object]:
    """All that the team's scope holds, and every write that reached the upstream."""
    records = await world.running.house.log.read(HOME, limit=10_000)
    searches = ("/search/", "/search", "/graph/search")
    sent = [
        (request.method, request.target)
        for request in world.double.received
        if request.method != "GET" and not request.target.partition("?")[0].endswith(searches)
    ]
    return [[record.event for record in records], sent]
