"""A process of its own that appends to a log file: `appender.py PATH SCOPE COUNT`.

Prints `<operation> <offset>` for each acknowledged append, and `done` at the end. 32 producers at once; the operation
ids are `<scope>-<number>`, so that a run can be repeated after a kill.
"""

import asyncio
import sys

from firewall.core.events import Held, ScopeKey
from firewall.log.sqlite import SqliteLog
from tests.log.keys import SIGNER

PRODUCERS = 32


async def run(path: str, scope: str, count: int) -> None:
    log = await SqliteLog.open(path, signer=SIGNER)
    key = ScopeKey("acme", scope)
    numbers = iter(range(count))

    async def produce() -> None:
        for number in numbers:
            name = f"{scope}-{number}"
            event = Held(
                upstream="mem0",
                memory_id=name,
                digest="d",
                reasons=("injection",),
                surface="drop_in",
                at=float(number),
            )
            appended = await log.append(key, [event], operation=name, body_digest="d")
            print(name, appended.offset, flush=True)  # noqa: T201 - the acknowledgement

    await asyncio.gather(*(produce() for _ in range(PRODUCERS)))
    await log.close()
    print("done", flush=True)  # noqa: T201 - the acknowledgement


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
