"""A self-hosted Mem0 behind the platform's wire: what lets a `MemoryClient` talk to a server that it cannot talk to itself.

`OssUpstream` takes requests in the platform's shape (v1, v2, v3), performs 0..n requests on the bare routes of a server
behind it, one after the other within the caller's deadline, and answers in the platform's shape. Requests to the bare
routes go through with their body untouched. The scripts are pure; this file only carries their requests.
"""

import asyncio
import time
import uuid
from collections.abc import Callable

import msgspec

from adapters.mem0.oss_routes import UNSUPPORTED, find, is_platform
from adapters.mem0.oss_wire import AnsweredError, Call, Script, arguments, complaint
from firewall.errors import CallerError, UpstreamError
from firewall.ports import Headers, Upstream, WireRequest, WireResponse

__all__ = ["UNSUPPORTED", "OssUpstream"]

CREDENTIALS = frozenset({"authorization", "x-api-key"})
TRACE = frozenset({"traceparent", "tracestate", "x-request-id", "user-agent"})


class OssUpstream:
    """An `Upstream` in the platform's shape over `inner`, an `Upstream` in the shape of the open-source server."""

    def __init__(
        self,
        inner: Upstream,
        *,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._inner = inner
        self._now = now
        self._new_id = new_id

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        """The platform's answer. `deadline` covers all the requests that it takes, `retry` a bare one."""
        if not is_platform(request.path):
            passed = msgspec.structs.replace(request, headers=server_credential(request.headers))
            return await self._inner.send(passed, deadline=deadline, retry=retry)
        ends = asyncio.get_running_loop().time() + deadline
        try:
            return await self._perform(self._script(request), ends)
        except CallerError as error:
            return complaint(error)
        except AnsweredError as error:
            return error.response

    def _script(self, request: WireRequest) -> Script:
        route, params = find(request.method, request.path)
        call = Call(
            params=params,
            path=request.path,
            query=arguments(request.query),
            body=request.body,
            headers=inner_headers(request.headers),
            now=self._now(),
            event_id=self._new_id(),
        )
        return route.script(call)

    async def _perform(self, script: Script, ends: float) -> WireResponse:
        clock = asyncio.get_running_loop().time
        try:
            wanted = next(script)
            while True:
                try:
                    left = _left(ends - clock())
                    answer = await self._inner.send(wanted, deadline=left, retry=wanted.path == "/search")
                except UpstreamError as error:
                    wanted = script.throw(error)  # a batch has to say how far it came
                else:
                    wanted = script.send(answer)
        except StopIteration as done:
            result: WireResponse = done.value
            return result
        finally:
            script.close()

    async def close(self) -> None:
        await self._inner.close()


def _left(seconds: float) -> float:
    if seconds <= 0:
        raise UpstreamError(504, "upstream_timeout", "the Mem0 server took too long")
    return seconds


def server_credential(headers: Headers) -> Headers:
    """The headers with the platform's `Authorization: Token k` as the server's `X-API-Key: k`; a bearer token stays."""
    return tuple(_as_server_credential(name, value) for name, value in headers)


def _as_server_credential(name: str, value: str) -> tuple[str, str]:
    scheme, _, key = value.partition(" ")
    if name.lower() == "authorization" and scheme.lower() == "token":
        return "X-API-Key", key.strip()
    return name, value


def inner_headers(headers: Headers) -> Headers:
    """What our own requests carry: the credential and the trace, nothing that describes the caller's body."""
    kept = server_credential(headers)
    return (
        ("Accept", "application/json"),
        *((name, value) for name, value in kept if name.lower() in CREDENTIALS | TRACE),
    )
