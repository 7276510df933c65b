"""Ways out of one's scope, each tried for real: by body, header, query, path, metadata, filter, cursor and id.

There is a team with memory, decisions and held items of its own, and there are two who want them: a reviewer of another
tenant, and one of the same tenant who has another scope. Each attempt is refused, tells nothing, also not whether there is
anything, and writes nothing, here or at the upstream.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from tests.server.asking import Json
from tests.server.escape_world import GOVERN, HANDOFF, KEYS, SECRET, World, inhabited, written

ATTACKERS = ("foreign", "beside")


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `by` is what carries the foreign name, `status` what refuses it; for `who` that is an escape. `decides`: it
    would change something for the team itself."""

    by: str
    method: str = "POST"
    path: str | Callable[[World], str]
    body: Json | Callable[[World], Json] | None = None
    headers: Mapping[str, str] = {}
    status: int = 403
    who: tuple[str, ...] = ATTACKERS
    decides: bool = False

    def asked(self, world: World) -> tuple[str, bytes | None]:
        path = self.path if isinstance(self.path, str) else self.path(world)
        body = self.body(world) if callable(self.body) else self.body
        return path, None if body is None else msgspec.json.encode(body)

    @property
    def label(self) -> str:
        path = self.path if isinstance(self.path, str) else self.path(BLANK)
        return f"{self.by}: {self.method} {path}"


BLANK = World(
    running=None,  # type: ignore[arg-type]
    double=None,  # type: ignore[arg-type]
    node="NODE",
    handoff="HANDOFF",
    guide="GUIDE",
    decision="DECISION",
    held="HELD",
    cursor="CURSOR",
)

#: Every native route that names a scope in its body, with a body that is otherwise right.
BODIES: dict[str, Json] = {
    "/v1/memory/govern": GOVERN,
    "/v1/observe": {"execution": {"client_id": "c", "title": "planted", "outcome": "failed"}},
    "/v1/guide": {"query_text": "vault"},
    "/v1/recall": {"query": "vault"},
    "/v1/feedback": {
        "run_id": "r",
        "outcome": "positive",
        "reason": "r",
        "used_surface": "explicit_host_assertion",
        "used_memory_ids": ["x"],
    },
    "/v1/handoff/store": HANDOFF,
    "/v1/handoff/recover": {"anchor": "task:vault"},
    "/v1/memory/resolve": {"memory_ids": ["x"]},
    "/v1/memory/anchor/payload/rehydrate": {"anchor_id": "x"},
    "/v1/rehydrate": {"reason": "r", "memory_ids": ["x"]},
    "/v1/forget": {"operation": "suppress", "reason": "r", "memory_ids": ["x"]},
    "/v1/operator/snapshot": {"run_id": "r", "task_signature": "t"},
    "/v1/audit/flight-recorder": {"run_id": "r"},
    "/v1/audit/memory-decision-report": {"guide_trace_id": "x"},
    "/v1/debug/memory-decision-trace": {"guide_trace_id": "x"},
    "/v1/measure": {
        "task": {"task_id": "t", "run_id": "r", "task_signature": "t"},
        "product_trace": {"after_guide": {"guide_trace_id": "x"}},
    },
    "/v1/skills/candidates": {"measure_result": {}},
    "/v1/quarantine/release": {"ids": ["x"], "findings": ["x"], "dry_run": True},
    "/v1/quarantine/confirm": {"ids": ["x"], "dry_run": True},
    "/v1/quarantine/expire": {"ids": ["x"], "dry_run": True},
}

NATIVE = [
    *(
        Attempt(by="tenant in the body", path=path, body={**body, "tenant_id": "acme"}, who=("foreign",))
        for path, body in BODIES.items()
    ),
    *(
        Attempt(by="scope in the body", path=path, body={**body, "scope": "checkout"})
        for path, body in BODIES.items()
    ),
    *(
        Attempt(by="both in the body", path=path, body={**body, "tenant_id": "acme", "scope": "checkout"})
        for path, body in BODIES.items()
    ),
    *(Attempt(by="every scope", path=path, body={**body, "scope": "*"}) for path, body in BODIES.items()),
    *(
        Attempt(by="header", path=path, body={**body, "scope": "checkout"}, headers={"X-Tenant-Id": "acme"})
        for path, body in BODIES.items()
    ),
    *(
        Attempt(by="query", method="GET", path=f"{path}?{query}")
        for path in ("/v1/quarantine", "/v1/quarantine/x", "/v1/skills/candidates")
        for query in ("tenant_id=acme&scope=checkout", "scope=checkout", "scope=*")
    ),
]


def _decision(word: str) -> Callable[[World], str]:
    return lambda world: f"/v1/quarantine/{world.held}/{word}"


#: What is somebody else's looks like what never was: where one id is asked for, and where an answer lists what it did not
#: find (200 of `resolve`).
IDS = [
    Attempt(by="decision id", method="GET", path=lambda w: f"/v1/decisions/{w.decision}", status=404),
    Attempt(by="quarantine id", method="GET", path=lambda w: f"/v1/quarantine/{w.held}", status=404),
    *(
        Attempt(
            by="quarantine id",
            path=_decision(word),
            body=body,
            status=404,
            decides=True,
        )
        for word, body in (("release", {"findings": ["injection"]}), ("confirm", {}), ("expire", {}))
    ),
    Attempt(by="cursor", method="GET", path=lambda w: f"/v1/quarantine?cursor={w.cursor}", status=400),
    Attempt(
        by="cursor",
        method="GET",
        path=lambda w: f"/v1/quarantine?cursor={w.cursor}&tenant_id=acme&scope=checkout",
        status=403,
    ),
    Attempt(
        by="memory id",
        path="/v1/forget",
        body=lambda w: {**BODIES["/v1/forget"], "memory_ids": [w.node]},
        status=404,
    ),
    Attempt(
        by="memory id",
        path="/v1/rehydrate",
        body=lambda w: {**BODIES["/v1/rehydrate"], "memory_ids": [w.node]},
        status=404,
    ),
    Attempt(
        by="anchor id",
        path="/v1/memory/anchor/payload/rehydrate",
        body=lambda w: {"anchor_id": w.node},
        status=404,
    ),
    Attempt(
        by="handoff id",
        path="/v1/handoff/recover",
        body=lambda w: {"handoff_id": w.handoff},
        status=404,
    ),
    Attempt(
        by="uri",
        path="/v1/handoff/recover",
        body=lambda w: {"handoff_uri": f"aionis://acme/checkout/handoff/{w.handoff}"},
        status=404,
    ),
    Attempt(by="memory id", path="/v1/memory/resolve", body=lambda w: {"memory_ids": [w.node]}, status=200),
    Attempt(
        by="uri",
        path="/v1/memory/resolve",
        body=lambda w: {"uris": [f"aionis://acme/checkout/event/{w.node}"]},
        status=200,
    ),
    Attempt(
        by="guide id",
        path="/v1/audit/flight-recorder",
        body=lambda w: {"guide_trace_id": w.guide},
        status=404,
    ),
    Attempt(
        by="guide id",
        path="/v1/audit/memory-decision-report",
        body=lambda w: {"guide_trace_id": w.guide},
        status=404,
    ),
]

SEARCH = "/mem0/v3/memories/search/"
DROP_IN = [
    *(
        Attempt(by="header", method=method, path=path, body=body, headers={"Memfw-Scope": scope})
        for method, path, body in (
            ("POST", SEARCH, {"query": "vault", "filters": {"user_id": "mallory"}}),
            ("GET", "/mem0/v1/memories/alices/", None),
        )
        for scope in ("checkout", "*")
    ),
    *(
        Attempt(by="filter", path=SEARCH, body={"query": "vault", "filters": filters})
        for filters in (
            {"user_id": "alice"},
            {"user_id": "*"},
            {"OR": [{"user_id": "mallory"}, {"user_id": "alice"}]},
            {"user_id": {"in": ["mallory", "alice"]}},
            {"user_id": "mallory", "AND": [{"user_id": "alice"}]},
            {"user_id": "mallory", "metadata": {"user_id": "alice"}},
        )
    ),
    Attempt(by="filter", method="GET", path="/mem0/v1/memories/?user_id=alice"),
    Attempt(by="filter", method="DELETE", path="/mem0/v1/memories/?user_id=alice"),
    Attempt(
        by="body",
        path="/mem0/v3/memories/add/",
        body={"messages": [{"role": "user", "content": "x"}], "user_id": "alice"},
    ),
    Attempt(
        by="metadata",
        path="/mem0/v3/memories/add/",
        body={
            "messages": [{"role": "user", "content": "x"}],
            "user_id": "mallory",
            "metadata": {"user_id": "alice"},
        },
        status=400,
    ),
    Attempt(by="path", method="GET", path="/mem0/v1/memories/alices/", status=404),
    Attempt(by="path", method="GET", path="/mem0/v1/memories/alices/history/", status=404),
    Attempt(by="path", method="PUT", path="/mem0/v1/memories/alices/", body={"text": "x"}, status=404),
    Attempt(by="path", method="DELETE", path="/mem0/v1/memories/alices/", status=404),
    Attempt(by="path", method="DELETE", path="/mem0/v2/entities/user/alice/"),
    Attempt(
        by="body",
        path="/mem0/v1/feedback/",
        body={"memory_id": "alices", "feedback": "NEGATIVE"},
        status=404,
    ),
    Attempt(by="path", method="GET", path="/zep/api/v2/users/alice"),
    Attempt(by="path", method="DELETE", path="/zep/api/v2/users/alice"),
    Attempt(by="body", path="/zep/api/v2/graph/search", body={"query": "vault", "user_id": "alice"}),
    Attempt(by="body", path="/zep/api/v2/graph", body={"data": "x", "type": "text", "user_id": "alice"}),
    Attempt(by="path", method="GET", path="/vectors/indexes/alices"),
    Attempt(by="path", method="DELETE", path="/vectors/indexes/alices"),
]


async def ask(world: World, http: aiohttp.ClientSession, key: str, attempt: Attempt) -> tuple[int, str]:
    path, data = attempt.asked(world)
    headers = {"Memfw-Key": key, "Content-Type": "application/json", **attempt.headers}
    async with http.request(attempt.method, world.running.url + path, data=data, headers=headers) as response:
        return response.status, await response.text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asking() -> AsyncIterator[aiohttp.ClientSession]:
    """One client for all attempts."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    asking: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One world for all attempts: each must leave it as it was."""
    async with inhabited(tmp_path_factory.mktemp("memfw"), asking) as found:
        yield found


ATTEMPTS = [*NATIVE, *IDS, *DROP_IN]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("attempt", "attacker"),
    [
        pytest.param(attempt, attacker, id=f"{number}: {attempt.label}: {attacker}")
        for number, attempt in enumerate(ATTEMPTS)
        for attacker in attempt.who
    ],
)
async def test_nobody_leaves_their_scope(
    asking: aiohttp.ClientSession, world: World, attempt: Attempt, attacker: str
) -> None:
    """Refused; the same as for what never was; nothing told, nothing written."""
    key = KEYS[attacker.upper()]
    before = await written(world)
    status, text = await ask(world, asking, key, attempt)
    assert status == attempt.status, text
    assert SECRET not in text
    assert await written(world) == before
    never = world.without()
    there, not_there = attempt.asked(world), attempt.asked(never)
    if there != not_there:
        again = await ask(never, asking, key, attempt)
        assert (status, nameless(text, there)) == (again[0], nameless(again[1], not_there))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "attempt", [attempt for attempt in IDS if not attempt.decides], ids=lambda one: one.label
)
async def test_there_was_something_to_be_had(
    asking: aiohttp.ClientSession, world: World, attempt: Attempt
) -> None:
    """The team's own key opens what the others are refused."""
    status, text = await ask(world, asking, KEYS["TEAM"], attempt)
    assert status == 200
    assert text != (await ask(world, asking, KEYS["FOREIGN"], attempt))[1]


def nameless(text: str, asked: tuple[str, bytes | None]) -> str:
    """An answer without what the question itself said."""
    path, body = asked
    words = sorted({*re.findall(r"[\w:/-]{8,}", path + (body or b"").decode())}, key=len, reverse=True)
    for word in words:
        text = text.replace(word, "-")
    return re.sub(r"[0-9a-f]{16,}|\d{4}-\d\d-\d\dT[\d:.]+Z", "-", text)
