"""Both transports on both event loops: production has uvloop, other platforms asyncio's own."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
import pytest

from firewall.proxy.transport import Transport
from firewall.proxy.transport_aiohttp import AiohttpTransport
from firewall.proxy.transport_fast import FastTransport
from firewall.proxy.transport_target import TransportLimits

Open = Callable[..., Transport]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.name.startswith("test_transport") and importlib.util.find_spec("uvloop") is not None:
        import uvloop

        factories["uvloop"] = uvloop.new_event_loop
    return factories


@pytest.fixture(params=["fast", "aiohttp"])
async def open_to(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """Opens a transport of each kind to a URL, with limits as keywords; closes it after the test."""
    kind = FastTransport if request.param == "fast" else AiohttpTransport
    opened: list[Transport] = []

    def open_one(url: str, **limits: float) -> Transport:
        opened.append(kind(url, limits=msgspec.convert(limits, TransportLimits)))
        return opened[-1]

    yield open_one
    for transport in opened:
        await transport.close()
