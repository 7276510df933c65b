"""A Mem0 inside this process: an `Upstream` in the bare shape of the open-source server over a `mem0.Memory`.

Mem0's local store is not thread-safe and its import takes seconds, so one worker thread makes the `Memory` (at the first
request, never before) and performs every call, one after the other. The queue before it is bounded; a request that is
late or given up while it waits is not performed at all. The embedded flavor is `OssUpstream(EmbeddedMem0(factory))`.
"""

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from adapters.mem0.embedded_routes import InvalidRequestError, MemoryLike, ProviderError, handle
from adapters.mem0.oss_wire import reply
from firewall.errors import CallerError, UpstreamError
from firewall.ports import WireRequest, WireResponse

logger = logging.getLogger(__name__)


class EmbeddedMem0:
    """An `Upstream` that takes no credential: whoever reaches it is inside the process."""

    def __init__(
        self,
        factory: Callable[[], MemoryLike],
        *,
        max_waiting: int = 256,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex[:8],
    ) -> None:
        self._factory = factory
        self._new_id = new_id
        self._free = threading.BoundedSemaphore(max_waiting)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mem0")
        self._memory: MemoryLike | None = None  # the worker's; no other thread touches it
        self._started = False
        self._closed = False

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:  # noqa: ARG002
        """The server's answer; nothing is tried twice. A write that is late may still be performed if it had begun."""
        if self._closed:
            raise UpstreamError(503, "upstream_closed", "the embedded Mem0 is closed")
        if not self._free.acquire(blocking=False):
            raise UpstreamError(
                503, "upstream_overloaded", "too many requests wait for Mem0", retry_after=1.0
            )
        job = self._worker.submit(self._perform, request)
        job.add_done_callback(lambda _: self._free.release())
        return await self._outcome(job, request, deadline)

    async def _outcome(
        self, job: Future[WireResponse], request: WireRequest, deadline: float
    ) -> WireResponse:
        waiting = asyncio.wrap_future(job)
        try:
            await asyncio.wait({waiting}, timeout=deadline)
            if not waiting.done():
                raise UpstreamError(504, "upstream_timeout", "the embedded Mem0 took too long")
            if waiting.cancelled():
                raise UpstreamError(503, "upstream_closed", "the embedded Mem0 is closed")
            error = waiting.exception()
            return waiting.result() if error is None else self._refusal(error, request)
        finally:
            job.cancel()  # at once: what has not begun must not happen after our answer
            waiting.cancel()

    def _perform(self, request: WireRequest) -> WireResponse:
        if self._memory is None:
            self._memory = self._factory()
            self._started = True
        return handle(self._memory, request)

    def _refusal(self, error: BaseException, request: WireRequest) -> WireResponse:
        """What the real server would answer for what the Memory raised. Foreign messages can hold memory text."""
        if not isinstance(error, Exception):
            raise error
        if not self._started:
            hint = ": install memfw[mem0]" if isinstance(error, ModuleNotFoundError) else ""
            reason = f"the embedded Mem0 does not start ({type(error).__name__}){hint}"
            raise UpstreamError(503, "upstream_away", reason) from error
        if isinstance(error, InvalidRequestError):
            return reply({"detail": error.detail}, status=422)
        if isinstance(error, CallerError):
            return reply({"detail": error.message}, status=error.status)
        if _is_client_error(error):
            message = str(getattr(error, "message", error))
            return reply({"detail": message}, status=404 if "not found" in message else 400)
        reference = self._new_id()
        if not isinstance(error, ProviderError):
            logger.warning("mem0 failed: %s %s: %s", request.method, reference, type(error).__name__)
        body = {"detail": "Upstream provider error.", "code": "unknown", "request_id": reference}
        return reply(body, status=502)

    async def close(self) -> None:
        """Waits for the call that is being performed; what waits behind it is refused and never performed."""
        if self._closed:
            return
        self._closed = True
        self._worker.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._worker.shutdown(wait=True)
        if self._memory is not None:
            self._memory.close()
            self._memory = None


def _is_client_error(error: Exception) -> bool:
    """Mem0's own refusals: a plain ValueError or its ValidationError. Subclasses come from other packages."""
    kind = type(error)
    return kind is ValueError or (kind.__name__ == "ValidationError" and kind.__module__ == "mem0.exceptions")
