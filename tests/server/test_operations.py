"""The operators' port of one process: health and metrics, and nothing else."""

import socket
from pathlib import Path

import aiohttp
import pytest

from firewall.errors import ConfigError
from firewall.server.operations import operations
from tests.sidecar import sidecar


async def test_it_answers_for_this_process(tmp_path: Path) -> None:
    """Health, readiness and metrics; no memory and no mount is behind it; gone with its context."""
    async with sidecar(tmp_path, {}) as running, aiohttp.ClientSession() as session:
        running.house.services.metrics.worker_info.labels("3").set(1)
        async with operations(running.house, "127.0.0.1", 0) as url:
            for path in ("/healthz", "/readyz"):
                async with session.get(url + path) as answer:
                    assert answer.status == 200
            async with session.get(url + "/metrics") as answer:
                assert 'memfw_worker_info{worker="3"} 1.0' in await answer.text()
            async with session.get(url + "/v1/policy") as answer:
                assert answer.status == 404
            running.house.drain.begin()
            async with session.get(url + "/readyz") as answer:
                assert (answer.status, (await answer.json())["reasons"]) == (503, ["draining"])
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url + "/healthz")


async def test_a_port_in_use(tmp_path: Path) -> None:
    """Somebody else has it: a problem of the config."""
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        async with sidecar(tmp_path, {}) as running:
            with pytest.raises(ConfigError, match="cannot listen"):
                async with operations(running.house, "127.0.0.1", theirs.getsockname()[1]):
                    pass
