"""A recording server, and a client that speaks to it."""

from collections.abc import AsyncIterator

import pytest

from firewall.client import Memfw
from tests.client.double import Double, double


@pytest.fixture
async def server() -> AsyncIterator[Double]:
    """What the client is talking to."""
    async with double() as recording:
        yield recording


@pytest.fixture
async def client(server: Double) -> AsyncIterator[Memfw]:
    """A client of the scope `checkout`."""
    async with Memfw(server.url, scope="checkout") as memfw:
        yield memfw
