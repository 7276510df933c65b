"""The upstream transport: which one is used, and what streaming adds to the `Upstream` port.

Two implementations of one contract (one test suite runs on both): `transport_fast` on httptools for plain HTTP/1.1
over TCP or TLS, and `transport_aiohttp` for what that one does not speak (proxies, a platform without httptools).
"""

import importlib.util
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import msgspec

from firewall.ports import Headers, Upstream, WireRequest
from firewall.proxy.transport_target import TransportLimits

TransportKind = Literal["fast", "aiohttp"]


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer under way. `chunks` yields the body as the upstream encoded it, once."""

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]


class Transport(Upstream, Protocol):
    """An `Upstream` over the network, which can also stream an answer through untouched."""

    @property
    def kind(self) -> TransportKind: ...

    def stream(
        self, request: WireRequest, *, deadline: float, retry: bool = False
    ) -> AbstractAsyncContextManager[Streamed]:
        """`deadline` is in seconds, for the head and again for each piece of the body. Leaving the context before
        the body's end closes the connection."""
        ...


def open_transport(
    base_url: str,
    *,
    limits: TransportLimits | None = None,
    ssl_context: ssl.SSLContext | None = None,
    extra: Headers = (),
    trust_env: bool = False,
) -> Transport:
    """The fast transport where httptools is there, else aiohttp's; `kind` says which. Needs a running loop. `extra` are
    headers that every request gets, in place of the client's.

    `trust_env` asks for the proxies of the environment, which only aiohttp's client speaks to.
    """
    settings = limits if limits is not None else TransportLimits()
    if not trust_env and importlib.util.find_spec("httptools") is not None:
        from firewall.proxy.transport_fast import FastTransport

        return FastTransport(base_url, limits=settings, ssl_context=ssl_context, extra=extra)
    from firewall.proxy.transport_aiohttp import AiohttpTransport

    return AiohttpTransport(
        base_url, limits=settings, ssl_context=ssl_context, extra=extra, trust_env=trust_env
    )
