"""The governed hop against a plain aiohttp pass-through, interleaved in one run.

All targets are up at once; each round takes them in a shuffled order; the result is the median of the rounds' ratios.
"""

import asyncio
import json
import os
import random
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load import Check, Slice, run_slice
from tests.benchmarks.processes import cpu_seconds, free_port, process, resident_mb

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    port: int
    pid: int
    prefix: str


@dataclass(slots=True)
class Row:
    """Ratios to the yardstick, a value a round."""

    cpu: list[float]
    p50: list[float]
    micros: list[float]


def request(port: int, prefix: str, candidates: int) -> bytes:
    body = json.dumps(
        {"query": "how do we deploy", "filters": {"user_id": f"u{candidates}"}, "top_k": candidates}
    )
    return (
        f"POST {prefix}/v3/memories/search/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n"
        "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nUser-Agent: bench\r\n"
        "Authorization: Token m0-bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def check_for(target: str, candidates: int) -> Check:
    """The answer is whole; through memfw the poisoned tenth is gone and the receipt is there."""
    governed = target == "memfw"
    admitted = candidates - candidates // 10 if governed else candidates

    def check(head: bytes, body: bytes) -> None:
        assert head.startswith(b"HTTP/1.1 200"), head
        assert body.count(b'"memory":') + body.count(b'"memory" :') == admitted, (target, body[:300])
        assert governed == (b"Memfw-Decision-Id" in head)
        assert governed != (b"evil.example" in body)

    return check


@contextmanager
def targets() -> Iterator[list[Target]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream, yardstick, memfw = free_port(), free_port(), free_port()
        config = folder / "memfw.yaml"
        config.write_text(
            f"listen: {{host: 127.0.0.1, port: {memfw}}}\n"
            f'state: {{url: "sqlite:///{folder}/memfw.db"}}\n'
            f'upstreams: {{mem0: {{dialect: mem0, flavor: platform, url: "http://127.0.0.1:{upstream}"}}}}\n'
            "log: {level: info}\n"
        )
        pids = [
            stack.enter_context(process(["-m", "tests.benchmarks.canned_upstream", str(upstream)], upstream)),
            stack.enter_context(
                process(["-m", "tests.benchmarks.yardstick", str(yardstick), str(upstream)], yardstick)
            ),
            stack.enter_context(process(["-m", "firewall.cli", "serve", "--config", str(config)], memfw)),
        ]
        yield [
            Target("direct", upstream, pids[0], ""),
            Target("yardstick", yardstick, pids[1], ""),
            Target("memfw", memfw, pids[2], "/mem0"),
        ]


async def measure(candidates: int, connections: int, everyone: list[Target]) -> dict[str, Row]:
    rows = {target.name: Row([], [], []) for target in everyone}
    for round_number in range(ROUNDS + 1):
        seen: dict[str, tuple[Slice, float]] = {}
        for target in random.sample(everyone, len(everyone)):
            wire = request(target.port, target.prefix, candidates)
            before = cpu_seconds(target.pid)
            result = await run_slice(
                target.port,
                wire,
                check_for(target.name, candidates),
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
    print(
        f"{'candidates':>10} {'connections':>11} {'target':>10} {'CPU us/req':>11} {'CPU ratio':>20} {'p50 ratio':>20}"
    )
    with targets() as everyone:
        for candidates in (10, 100):
            for connections in (1, 32):
                rows = asyncio.run(measure(candidates, connections, everyone))
                for name, row in rows.items():
                    micros = statistics.median(row.micros)
                    print(
                        f"{candidates:>10} {connections:>11} {name:>10} {micros:>11.1f}"
                        f" {spread(row.cpu):>20} {spread(row.p50):>20}"
                    )
        print(f"memfw resident after the run: {resident_mb(everyone[2].pid):.0f} MB")


if __name__ == "__main__":
    main()
