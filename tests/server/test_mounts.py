"""Upstreams of the config that cannot be served as they are described: the start says so, and leaves nothing open."""

from pathlib import Path

import pytest

from firewall.errors import ConfigError
from tests.sidecar import sidecar

PINECONE = {"dialect": "pinecone", "url": "https://api.pinecone.io"}


async def started(tmp_path: Path, **config: object) -> None:
    async with sidecar(tmp_path, config):
        pass


async def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """It is named with its setting."""
    notes = {"dialect": "markdown", "path": str(tmp_path / "none")}
    with pytest.raises(ConfigError, match=r"upstreams\.notes\.path: is no folder"):
        await started(tmp_path, upstreams={"first": PINECONE, "notes": notes})


async def test_an_address_that_pinecones_clients_refuse(tmp_path: Path) -> None:
    """Their check of index hosts is ours at the start."""
    listen = {"port": 1, "public_url": "http://memfw:8700"}
    with pytest.raises(ConfigError, match=r"listen\.public_url"):
        await started(tmp_path, upstreams={"vectors": PINECONE}, listen=listen)


async def test_the_key_of_index_hosts_lasts(tmp_path: Path) -> None:
    """It lies beside the state, and a second start has the same; one of the config is used in its place."""
    await started(tmp_path, upstreams={"vectors": PINECONE})
    file = tmp_path / "memfw.db.index-key"
    key = file.read_bytes()
    await started(tmp_path, upstreams={"vectors": PINECONE})
    assert file.read_bytes() == key
    file.unlink()
    given = {**PINECONE, "index_key": "env:AGENT_KEY"}
    with pytest.raises(ConfigError, match="at least 16 bytes"):
        await started(tmp_path, upstreams={"vectors": given})
    assert not file.exists()


async def test_every_dialect_can_be_mounted_at_once(tmp_path: Path) -> None:
    """Side by side, each under its name."""
    (tmp_path / "notes").mkdir()
    upstreams: dict[str, object] = {
        "vectors": PINECONE,
        "zep": {"dialect": "zep", "url": "https://api.getzep.com"},
        "graph": {"dialect": "graphiti", "url": "http://127.0.0.1:1"},
        "notes": {"dialect": "markdown", "path": str(tmp_path / "notes")},
        "api": {"dialect": "http", "url": "http://127.0.0.1:1", "reads": [{"path": "/search"}]},
        "mem0": {"dialect": "mem0", "url": "https://api.mem0.ai"},
    }
    async with sidecar(tmp_path, {"upstreams": upstreams}) as memfw:
        mounted = {pipeline.mount.name: pipeline.mount.dialect.name for pipeline in memfw.house.pipelines}
        assert mounted == {
            "vectors": "pinecone",
            "zep": "zep",
            "graph": "graphiti",
            "notes": "markdown",
            "api": "http",
            "mem0": "mem0",
        }
