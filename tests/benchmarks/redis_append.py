"""How many records a second the shared log acknowledges on one local Redis: 64 producers, each awaiting its append, seals on,
on the event loop that memfw serves with.

python -m tests.benchmarks.redis_append [seconds] [records an append]
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop

from firewall.core.chain import SealSigner
from firewall.core.events import Held, ScopeKey
from firewall.keyring import KeyRing, new_key
from firewall.log.redis import RedisLog
from tests.log.redis_servers import running, server_binary

PRODUCERS = 64


class AppendRate(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the bench: records acknowledged a second, CPU microseconds of ours for each, records in a seal."""

    scopes: int
    per_append: int
    records_per_second: float
    cpu_us_per_record: float
    records_per_seal: float


async def measure(
    url: str, signer: SealSigner, *, scopes: int, seconds: float = 2.0, per_append: int = 1
) -> AppendRate:
    """Append for so many seconds to an empty store, and check that all that was acknowledged is there and sealed."""
    log, stored = await RedisLog.open(url, signer=signer), 0
    keys = [ScopeKey("acme", f"scope-{number}") for number in range(scopes)]
    event = Held(
        upstream="mem0",
        memory_id="0a1b2c3d-0000-4000-8000-000000000000",
        digest="0123456789abcdef0123456789abcdef",
        reasons=("injection:override",),
        surface="drop_in",
        at=1.0,
    )
    events = [event] * per_append
    wall, cpu = time.perf_counter(), time.process_time()
    until = wall + seconds

    async def produce(key: ScopeKey) -> None:
        nonlocal stored
        while time.perf_counter() < until:
            await log.append(key, events)
            stored += per_append

    await asyncio.gather(*(produce(keys[number % scopes]) for number in range(PRODUCERS)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    there, seals = 0, 0
    async for things in log.stored():
        there += len(things)
    async for page in log.seals():
        seals += len(page)
    await log.close()
    if there != stored:
        raise AssertionError(f"{stored} records acknowledged, {there} there")
    return AppendRate(
        scopes=scopes,
        per_append=per_append,
        records_per_second=stored / wall,
        cpu_us_per_record=cpu / stored * 1e6,
        records_per_seal=stored / seals,
    )


async def main(seconds: float, per_append: int) -> None:
    if server_binary() is None:
        print("redis append: no redis-server here")
        return
    signer = KeyRing([new_key(time.time())]).signer()
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        for scopes in (1, 16, 64):
            rate = await measure(
                server.url(f"prefix=bench{scopes}"),
                signer,
                scopes=scopes,
                seconds=seconds,
                per_append=per_append,
            )
            print(
                f"redis append, {PRODUCERS} producers in {scopes} scopes, {per_append} a call: "
                f"{rate.records_per_second:,.0f} records/s, {rate.cpu_us_per_record:.1f} us CPU each, "
                f"{rate.records_per_seal:.1f} records a seal"
            )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    uvloop.run(main(float(arguments[0]) if arguments else 2.0, int(arguments[1]) if arguments[1:] else 1))
