"""A real Mem0 without a network, as the backends that memfw meets.

`embedded_mem0` is a real `mem0.Memory` (Qdrant in memory, hashing embedder) in the bare shape; `oss_front` puts it on a
port as the open-source server, with its key check; `platform_front` puts the platform's shape before it. The shapes are
held against the recording of the real server.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from adapters.mem0.embedded import EmbeddedMem0
from adapters.mem0.embedded_routes import MemoryLike
from adapters.mem0.offline import embedded_factory, offline_config
from adapters.mem0.oss import OssUpstream
from firewall.ports import Upstream, WireRequest, WireResponse, header
from tests.backends.serving import served

KEY = "m0-test-key"
UNAUTHENTICATED = {"detail": "Authentication required. Provide a Bearer token or X-API-Key header."}


def embedded_mem0() -> EmbeddedMem0:
    """A fresh, empty, real Mem0; its Memory is made at the first request."""
    return EmbeddedMem0(embedded_factory(offline_config()))


class EchoingModel:
    """A language model that finds one fact in every conversation."""

    def __init__(self, fact: str) -> None:
        self._answer = msgspec.json.encode(
            {"memory": [{"id": "0", "text": fact, "attributed_to": "user"}]}
        ).decode()

    def generate_response(self, *_args: object, **_options: object) -> str:
        return self._answer


def inferring_mem0(fact: str) -> EmbeddedMem0:
    """A real Mem0 that infers: `fact` from whatever is added."""

    def make() -> MemoryLike:
        memory: Any = embedded_factory(offline_config())()
        memory.llm = EchoingModel(fact)
        inferring: MemoryLike = memory
        return inferring

    return EmbeddedMem0(make)


class KeyGate:
    """The key check of the open-source server before an `Upstream` that has none: a `Token` is no credential to it."""

    def __init__(self, inner: Upstream, key: str = KEY) -> None:
        self._inner = inner
        self._key = key
        self.received: list[WireRequest] = []

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        """The inner answer, or the server's 401."""
        self.received.append(request)
        bearer = header(request.headers, "Authorization")
        if header(request.headers, "X-API-Key") != self._key and bearer != f"Bearer {self._key}":
            return WireResponse(
                status=401,
                headers=(("Content-Type", "application/json"), ("WWW-Authenticate", "Bearer")),
                body=msgspec.json.encode(UNAUTHENTICATED),
            )
        return await self._inner.send(request, deadline=deadline, retry=retry)

    async def close(self) -> None:
        await self._inner.close()


@asynccontextmanager
async def oss_front(inner: Upstream | None = None, *, key: str = KEY) -> AsyncIterator[str]:
    """The URL of a self-hosted Mem0 server: a real Mem0 behind the bare REST routes."""
    async with served(KeyGate(inner or embedded_mem0(), key)) as url:
        yield url


@asynccontextmanager
async def platform_front(inner: Upstream | None = None) -> AsyncIterator[str]:
    """The URL of a Mem0 platform as far as a self-hosted one can be one: what a `MemoryClient` takes as its host."""
    async with served(OssUpstream(inner or embedded_mem0())) as url:
        yield url
