"""A shared log of a test: on the shared server, with settings of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from firewall.log.redis import RedisLog
from firewall.log.redis_url import RedisSettings
from tests.log.keys import SIGNER


def quick(settings: RedisSettings) -> RedisSettings:
    """Short pauses; timeouts are generous where nothing is meant to fail."""
    return msgspec.structs.replace(
        settings, retry_pause=0.02, heartbeat=0.05, decision_delay=0.01, timeout=10.0, connect_timeout=5.0
    )


@asynccontextmanager
async def opened(
    url: str, *, clock: Callable[[], float] = lambda: 1000.0, **changes: float
) -> AsyncIterator[RedisLog]:
    """Closed in the end."""

    def adjust(settings: RedisSettings) -> RedisSettings:
        return msgspec.structs.replace(quick(settings), **changes)

    log = await RedisLog.open(url, signer=SIGNER, clock=clock, adjust=adjust)
    try:
        yield log
    finally:
        await log.close()
