"""How many records a second the embedded log acknowledges: 64, 256 and 1,024 producers, each awaiting its append, seals on, on the event
loop that memfw serves with.

python -m tests.benchmarks.log_append [seconds] [records an append]
"""

import asyncio
import itertools
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop

from firewall.core.events import Held, ScopeKey
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_file import Durability, SqliteSettings
from tests.log.keys import SIGNER

#: One commit takes all that waits: what it costs is shared by as many as ask at a time.
PRODUCERS = (64, 256, 1024)


class AppendRate(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the bench: records acknowledged a second, and CPU microseconds for each."""

    durability: str
    per_append: int
    records_per_second: float
    cpu_us_per_record: float


async def measure(
    durability: Durability, *, producers: int = 64, seconds: float = 2.0, per_append: int = 1
) -> AppendRate:
    """Append for so many seconds to a new file, and check that all that was acknowledged is there."""
    with tempfile.TemporaryDirectory() as directory:
        log = await SqliteLog.open(
            Path(directory) / "log.db", signer=SIGNER, settings=SqliteSettings(durability=durability)
        )
        key, stored = ScopeKey("acme", "checkout"), 0
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

        async def produce() -> None:
            nonlocal stored
            while time.perf_counter() < until:
                await log.append(key, events)
                stored += per_append

        await asyncio.gather(*(produce() for _ in range(producers)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        (last,) = await log.position()
        await log.close()
    if last != stored:
        raise AssertionError(f"{stored} records acknowledged, {last} there")
    return AppendRate(
        durability=durability,
        per_append=per_append,
        records_per_second=stored / wall,
        cpu_us_per_record=cpu / stored * 1e6,
    )


async def main(seconds: float, per_append: int) -> None:
    durabilities: tuple[Durability, ...] = ("commit", "process")
    for producers, durability in itertools.product(PRODUCERS, durabilities):
        rate = await measure(durability, producers=producers, seconds=seconds, per_append=per_append)
        print(
            f"log append, {producers} producers, {per_append} a call, durability {durability}: "
            f"{rate.records_per_second:,.0f} records/s, {rate.cpu_us_per_record:.1f} us CPU each"
        )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    uvloop.run(main(float(arguments[0]) if arguments else 2.0, int(arguments[1]) if arguments[1:] else 1))
