"""The two clients: `Memfw` for those who await, `MemfwSync` for those who do not. Their calls are declared in `calls`."""

from types import TracebackType
from typing import Self

import aiohttp

from firewall.client.calls import ExecutionCalls, MemoryCalls, SkillCalls
from firewall.client.face import AsyncFace, LoopThread, SyncFace
from firewall.client.wire import TIMEOUT_SECONDS, Wire


class Execution(AsyncFace, ExecutionCalls):
    """`memfw.execution`."""


class Skills(AsyncFace, SkillCalls):
    """`memfw.skills`."""


class Memfw(AsyncFace, MemoryCalls):
    """A memfw at `base_url`. `tenant_id` and `scope` are said with every request that does not say its own.

    Use it as an async context manager, or `close` it.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        tenant_id: str | None = None,
        scope: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        wire = Wire(base_url, key=key, tenant_id=tenant_id, scope=scope, timeout=timeout, session=session)
        super().__init__(wire)
        self.execution = Execution(wire)
        self.skills = Skills(wire)

    async def close(self) -> None:
        """Let the connections go; a session that was given stays open."""
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class SyncExecution(SyncFace, ExecutionCalls):
    """`memfw.execution`, waited for."""


class SyncSkills(SyncFace, SkillCalls):
    """`memfw.skills`, waited for."""


class MemfwSync(SyncFace, MemoryCalls):
    """The same calls for code without an event loop; may be shared by threads. Use it as a context manager, or `close` it."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        tenant_id: str | None = None,
        scope: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        wire = Wire(base_url, key=key, tenant_id=tenant_id, scope=scope, timeout=timeout)
        thread = LoopThread()
        super().__init__(wire, thread)
        self.execution = SyncExecution(wire, thread)
        self.skills = SyncSkills(wire, thread)

    def close(self) -> None:
        """Let the connections and the thread go. Twice is once."""
        self._thread.end(self._wire.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
