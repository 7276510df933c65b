"""The log that a URL names: a file of this host, or a store that replicas share."""

import time
from collections.abc import Callable

from firewall.core.chain import SealSigner
from firewall.log.redis_url import is_redis
from firewall.log.sqlite import SqliteLog
from firewall.ports import EvidenceStore


async def open_log(
    url: str,
    *,
    signer: SealSigner,
    clock: Callable[[], float] = time.time,
    ids: Callable[[], str] | None = None,
) -> EvidenceStore:
    """Open it. ConfigError for a URL that names none, StateError for one that cannot be used."""
    if is_redis(url):
        from firewall.log.redis import RedisLog  # redis-py is loaded only where it is used

        return await RedisLog.open(url, signer=signer, clock=clock, ids=ids)
    return await SqliteLog.open(url, signer=signer, clock=clock, ids=ids)
