"""The governed hop of every dialect against a plain aiohttp pass-through, interleaved in one run.

    python -m tests.benchmarks.hop [MOUNT ...]

All targets are up at once; each round takes them in a shuffled order; the result is the median of the rounds' ratios.
"""

import asyncio
import itertools
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.benchmarks.load import Check, Slice, run_slice
from tests.benchmarks.processes import cpu_seconds, free_port, process, resident_mb
from tests.benchmarks.wires import INDEX_KEY, POISON_EVERY, SIZES, WIRES, Site, Wire

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    port: int
    pid: int


@dataclass(slots=True)
class Row:
    """Ratios to the yardstick, a value a round."""

    cpu: list[float]
    p50: list[float]
    micros: list[float]


def request(wire: Wire, target: Target, site: Site, candidates: int) -> bytes:
    body = wire.request(candidates)
    return (
        f"POST {wire.path_for(target.name, site)} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nAccept: */*\r\n"
        "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nUser-Agent: bench\r\n"
        "Authorization: Token m0-bench\r\nApi-Key: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def check_for(wire: Wire, target: str, candidates: int) -> Check:
    """The answer is whole; through memfw the poisoned tenth is gone and the receipt is there."""
    governed = target == "memfw"
    admitted = candidates - candidates // POISON_EVERY if governed else candidates
    counted = f'"{wire.counted}":'.encode()

    def check(head: bytes, body: bytes) -> None:
        assert head.startswith(b"HTTP/1.1 200"), (head, body[:300])
        assert body.count(counted) == admitted, (wire.name, target, body[:300])
        assert governed == (b"Memfw-Decision-Id" in head)
        assert governed != (b"evil.example" in body)

    return check


@contextmanager
def targets() -> Iterator[tuple[Site, list[Target]]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream, yardstick, memfw = free_port(), free_port(), free_port()
        site = Site(f"http://127.0.0.1:{upstream}", folder)
        config = folder / "memfw.yaml"
        whole = {
            "listen": {"host": "127.0.0.1", "port": memfw},
            "state": {"url": f"sqlite:///{folder}/memfw.db"},
            "upstreams": {wire.mount: dict(wire.config(site)) for wire in WIRES},
            "log": {"level": "info"},
        }
        config.write_text(yaml.safe_dump(whole), encoding="utf-8")
        os.environ["BENCH_INDEX_KEY"] = INDEX_KEY
        pids = [
            stack.enter_context(process(["-m", "tests.benchmarks.canned_upstream", str(upstream)], upstream)),
            stack.enter_context(
                process(["-m", "tests.benchmarks.yardstick", str(yardstick), str(upstream)], yardstick)
            ),
            stack.enter_context(process(["-m", "firewall.cli", "serve", "--config", str(config)], memfw)),
        ]
        yield (
            site,
            [
                Target("direct", upstream, pids[0]),
                Target("yardstick", yardstick, pids[1]),
                Target("memfw", memfw, pids[2]),
            ],
        )


async def measure(
    wire: Wire, site: Site, candidates: int, connections: int, everyone: list[Target]
) -> dict[str, Row]:
    rows = {target.name: Row([], [], []) for target in everyone}
    for round_number in range(ROUNDS + 1):
        seen: dict[str, tuple[Slice, float]] = {}
        for target in random.sample(everyone, len(everyone)):
            before = cpu_seconds(target.pid)
            result = await run_slice(
                target.port,
                request(wire, target, site, candidates),
                check_for(wire, target.name, candidates),
                connections=connections,
                seconds=SECONDS,
            )
            seen[target.name] = (result, (cpu_seconds(target.pid) - before) / max(1, result.requests))
        if round_number == 0:
            continue  # warm-up
        base, base_cpu = seen["yardstick"]
        for name, (result, cpu) in seen.items():
            rows[name].cpu.append(cpu / base_cpu)
            rows[name].p50.append(result.percentile(0.5) / base.percentile(0.5))
            rows[name].micros.append(cpu * 1e6)
    return rows


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}..{max(values):.2f})"


def main() -> None:
    print(
        f"hop: {ROUNDS} rounds of {SECONDS} s a target, ratios to a plain aiohttp pass-through of the same round"
    )
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    head = ("dialect", "candidates", "connections", "target", "CPU us/req", "CPU ratio", "p50 ratio")
    print("{:>20} {:>10} {:>11} {:>10} {:>11} {:>20} {:>20}".format(*head))
    chosen = [wire for wire in WIRES if not sys.argv[1:] or wire.mount in sys.argv[1:]]
    with targets() as (site, everyone):
        for wire, candidates in itertools.product(chosen, SIZES):
            for connections in wire.connections:
                rows = asyncio.run(measure(wire, site, candidates, connections, everyone))
                for name, row in rows.items():
                    micros = statistics.median(row.micros)
                    print(
                        f"{wire.name:>20} {candidates:>10} {connections:>11} {name:>10} {micros:>11.1f}"
                        f" {spread(row.cpu):>20} {spread(row.p50):>20}",
                        flush=True,
                    )
        print(f"memfw resident after the run: {resident_mb(everyone[2].pid):.0f} MB")


if __name__ == "__main__":
    main()
