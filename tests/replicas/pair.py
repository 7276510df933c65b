"""Two sidecars in front of one upstream, on one store: asked by hand, with the lag between them measured."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.backends.mem0_double import PLATFORM_2, PlatformDouble, platform_double
from tests.sidecar import Sidecar, mem0_at, sidecar

LEGACY = "src/checkout/legacyAdapter.ts"
#: How long a test waits for what has to come at all; how quickly it has to is asserted of the lags.
PATIENCE = 20.0

ROWS = (
    {"id": "m1", "memory": "use the legacy adapter for checkout", "user_id": "u1"},
    {"id": "m2", "memory": "checkout opens at noon", "user_id": "u1"},
)


def failed_step(number: int = 0, **fields: object) -> dict[str, object]:
    """A body for `/v1/observe`: the legacy adapter was tried, and failed."""
    return {
        "agent_role": "worker",
        "memory_lane": "shared",
        "execution": {
            "client_id": f"step-{number}",
            "task_signature": "checkout-migration",
            "title": f"Legacy adapter rejected {number}",
            "outcome": "failed",
            "target_files": [LEGACY],
        },
        **fields,
    }


class Side:
    """One sidecar, as a client sees it."""

    def __init__(self, url: str, session: aiohttp.ClientSession, house: Sidecar | None = None) -> None:
        self.url = url
        self._session = session
        self._inside = house

    @property
    def inside(self) -> Sidecar:
        """Where it runs in this process."""
        assert self._inside is not None
        return self._inside

    async def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers and the decoded body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, self.url + path, json=body, headers=named) as answer:
            return answer.status, answer.headers, await answer.json(content_type=None)

    async def search(self, **headers: str) -> tuple[Mapping[str, str], Any]:
        """What an unchanged client gets for its search; it is always answered."""
        query = {"query": "how do we do checkout?", "filters": {"user_id": "u1"}}
        status, said, body = await self.ask("POST", "/mem0/v3/memories/search/", query, **headers)
        assert status == 200, body
        return said, body

    async def admitted(self, **headers: str) -> set[str]:
        """The ids of the rows that came through."""
        return {row["id"] for row in (await self.search(**headers))[1]["results"]}

    async def observe(self, body: Mapping[str, object]) -> tuple[int, Mapping[str, str], Any]:
        return await self.ask("POST", "/v1/observe", body)

    async def observed(self, body: Mapping[str, object]) -> str:
        """The offset from which on a read sees it."""
        status, headers, answer = await self.observe(body)
        assert status == 200, answer
        return headers["Memfw-After"]


async def until(holds: Callable[[], Awaitable[bool]]) -> float:
    """Ask until it holds; the seconds that took."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110  it is the other sidecar that we wait for
            await asyncio.sleep(0.005)
    return time.monotonic() - began


@asynccontextmanager
async def upstream() -> AsyncIterator[PlatformDouble]:
    """The one store of memories that both sides stand in front of."""
    async with platform_double(PLATFORM_2) as double:
        double.answer("POST", "/v3/memories/search/", {"results": list(ROWS)})
        double.answer("POST", "/v1/feedback/", {"id": 1, "feedback": "VERY_NEGATIVE"})
        yield double


@asynccontextmanager
async def side(
    folder: Path,
    url: str,
    settings: Mapping[str, object],
    *,
    policy: Mapping[str, object] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Side]:
    """A sidecar in this process, in front of the upstream at `url`; `settings` say where its state is."""
    folder.mkdir(exist_ok=True)
    config = {"upstreams": mem0_at(url), **settings}
    async with (
        sidecar(folder, config, policy=policy, monotonic=monotonic) as running,
        aiohttp.ClientSession() as session,
    ):
        yield Side(running.url, session, running)
