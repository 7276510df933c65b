"""The two ways in which these tests reach memfw: the vendor's real clients, and requests written by hand.

A request by hand goes out exactly as it was written: no client cleans its path or its headers first.
"""

import asyncio
import http.client
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tests.backends.mem0_calls import perform
from tests.backends.mem0_double import Recording

KINDS = ("MemoryClient", "AsyncMemoryClient")

Call = Callable[..., Awaitable[Any]]


class RealClient:
    """A client of the mem0ai package; sync ones run in a thread, as memfw runs in this loop."""

    def __init__(self, client: Any, *, is_async: bool) -> None:
        self._client = client
        self._is_async = is_async

    async def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """`await client("search", "tea", filters=...)`."""
        sdk = {"method": name, "args": args, "kwargs": kwargs}
        return await self.perform(Recording(name=name, sdk=sdk, requests=(), responses=()))

    async def perform(self, call: Recording) -> Any:
        """Make a recorded call again."""
        if not self._is_async:
            return await asyncio.to_thread(perform, self._client, call)
        outcome = perform(self._client, call)
        return await outcome if asyncio.iscoroutine(outcome) else outcome


@asynccontextmanager
async def real_client(host: str, key: str, kind: str = "MemoryClient") -> AsyncIterator[RealClient]:
    """`kind(api_key=key, host=host)` and nothing else: that is all an agent team changes."""
    import mem0

    client: Any = await asyncio.to_thread(getattr(mem0, kind), api_key=key, host=host)
    is_async = kind == "AsyncMemoryClient"
    try:
        yield RealClient(client, is_async=is_async)
    finally:
        if is_async:
            await client.async_client.aclose()
        else:
            client.client.close()


class Reply(msgspec.Struct, frozen=True):
    """What came back. Header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


Headers = Sequence[tuple[str, str]]


async def ask(
    url: str, method: str, target: str, *, key: str | None = None, headers: Headers = (), body: object = None
) -> Reply:
    """One request on a connection of its own. `body` is sent as JSON, bytes as they are."""
    return await asyncio.to_thread(_exchange, url, method, target, key, headers, body)


def _exchange(url: str, method: str, target: str, key: str | None, headers: Headers, body: object) -> Reply:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        named = {name.lower() for name, _ in headers}
        connection.putrequest(
            method, parts.path + target, skip_host="host" in named, skip_accept_encoding=True
        )
        for name, value in headers:
            connection.putheader(name, value)
        if key is not None:
            connection.putheader("Authorization", f"Token {key}")
        sent = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        if sent and "content-type" not in named:
            connection.putheader("Content-Type", "application/json")
        if "content-length" not in named and (sent or method in {"POST", "PUT", "PATCH"}):
            connection.putheader("Content-Length", str(len(sent)))
        connection.endheaders(sent or None)
        response = connection.getresponse()
        return Reply(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
    finally:
        connection.close()


def without_firewall(value: Any) -> Any:
    """An answer without what memfw adds to it."""
    if isinstance(value, dict):
        return {name: kept for name, kept in value.items() if name != "firewall"}
    return value
