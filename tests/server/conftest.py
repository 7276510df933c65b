"""Whole memfws over real HTTP: keyless, with principals, and with a house that a test has changed."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest
from aiohttp import web

from firewall.server.app import make_runner
from firewall.server.house import House
from tests.server.teams import NOW, TEAM_KEYS, TEAMS
from tests.sidecar import Sidecar, sidecar


class Reopened(Protocol):
    """Serves a copy of a house with some fields changed, under a URL of its own."""

    def __call__(self, house: House, **changes: Any) -> AbstractAsyncContextManager[str]: ...


TEAM = {
    "name": "team",
    "key": "env:TEAM_KEY",
    "tenant": "acme",
    "scopes": ["checkout", "billing"],
    "role": "host",
}
OTHER = {"name": "other", "key": "env:OTHER_KEY", "tenant": "globex", "scopes": ["checkout"], "role": "host"}
VENDOR = {"name": "vendor", "key": "env:VENDOR_KEY", "tenant": "acme", "upstream_key": True}
KEYS = {"TEAM_KEY": "k-team", "OTHER_KEY": "k-other", "VENDOR_KEY": "k-vendor"}


@pytest.fixture
async def keyless(tmp_path: Path) -> AsyncIterator[Sidecar]:
    """memfw as it is without any config."""
    async with sidecar(tmp_path, {}, environ={}) as running:
        yield running


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Sidecar]:
    """memfw with two tenants, and a key that is an upstream's own."""
    config = {"principals": [TEAM, OTHER, VENDOR]}
    async with sidecar(tmp_path, config, environ=KEYS) as running:
        yield running


@pytest.fixture
async def teamed(tmp_path: Path) -> AsyncIterator[Sidecar]:
    """memfw with two teams, a reviewer and an agent of its own, all of one tenant and scope; the clock stands still."""
    async with sidecar(tmp_path, {"principals": TEAMS}, environ=TEAM_KEYS, now=lambda: NOW) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def reopened() -> Reopened:
    """Serves a changed copy of a house under a URL of its own."""

    @asynccontextmanager
    async def serve(house: House, **changes: Any) -> AsyncIterator[str]:
        runner = make_runner(dataclasses.replace(house, **changes), shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    return serve
