"""A closed-loop load over bare connections: cheap enough to leave the machine to what is measured.

Every answer is checked by the caller's function; a benchmark that does not check its answer is void.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Check = Callable[[bytes, bytes], None]


@dataclass(slots=True)
class Slice:
    """What one target did in one slice. Latencies in seconds."""

    requests: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run_slice(port: int, request: bytes, check: Check, *, connections: int, seconds: float) -> Slice:
    """Keep `connections` connections busy for `seconds`, one request each at a time."""
    result = Slice()
    started = time.perf_counter()
    end = started + seconds
    await asyncio.gather(*(_worker(port, request, check, end, result) for _ in range(connections)))
    result.seconds = time.perf_counter() - started
    return result


async def _worker(port: int, request: bytes, check: Check, end: float, result: Slice) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        while (begun := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
            result.latencies.append(time.perf_counter() - begun)
            result.requests += 1
            check(head, body)
    finally:
        writer.close()
        await writer.wait_closed()


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.index(b"content-length:")
    return int(lowered[at + 15 : lowered.index(b"\r\n", at)])
