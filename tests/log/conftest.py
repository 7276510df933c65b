"""The implementations that the contract suite runs on. A new one adds one `Backend`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_file import SqliteSettings
from firewall.ports import EvidenceLog

#: Short pauses: tests wait for what happens, and this bounds how long that takes.
QUICK = SqliteSettings(retry_pause=0.02, heartbeat=0.05, decision_delay=0.01, busy_timeout=10)

Opens = Callable[[], Awaitable[EvidenceLog]]


@dataclass
class Backend:
    """One implementation of the port, empty at first."""

    name: str
    opens: Opens
    opened: list[EvidenceLog] = field(default_factory=list)

    async def open(self) -> EvidenceLog:
        log = await self.opens()
        self.opened.append(log)
        return log


def _make(name: str, directory: Path) -> Backend:
    match name:
        case "sqlite-file":
            url = f"sqlite:///{directory}/log.db"
        case "sqlite-memory":
            url = "sqlite:///:memory:"
        case _:
            raise LookupError(name)

    async def opens() -> EvidenceLog:
        return await SqliteLog.open(url, settings=QUICK)

    return Backend(name, opens)


@pytest.fixture(params=["sqlite-file", "sqlite-memory"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Each implementation of the evidence log in turn; what a test opened is closed after it."""
    made = _make(request.param, tmp_path)
    yield made
    for log in made.opened:
        await log.close()


@pytest.fixture(params=["sqlite-file"])
async def shared(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Each implementation that can be opened several times, also by several processes, and outlives them."""
    made = _make(request.param, tmp_path)
    yield made
    for log in made.opened:
        await log.close()


@pytest.fixture
async def log(backend: Backend) -> EvidenceLog:
    """An open, empty log."""
    return await backend.open()


@pytest.fixture(autouse=True)
def _no_blocking() -> Iterator[None]:
    """A blocking call of the log's room on the event loop fails the test."""
    with blockbuster_ctx("firewall.log"):
        yield
