"""A server of somebody else's that speaks Pinecone's wire, behind memfw: needledb, asked by the real client.

It has no control plane that the client understands; that is the double's, which names needledb's indexes as their hosts.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.backends.environments import UnavailableError, python_of
from tests.backends.pinecone_double import KEY, pinecone_double
from tests.backends.processes import listening_process
from tests.benchmarks.processes import free_port
from tests.conformance.pinecone_clients import POISON, index_of, vectors
from tests.sidecar import sidecar
from tests.stamps import unstamped

pytestmark = [pytest.mark.backends, pytest.mark.timeout(120)]

REFUSES = {"name": "refuses", "surfaces": {"write": {"do_not_use": {"content": "refuse"}}}}
NEAREST = [1.0, 0.0, 0.0]
NOTES = {"bad": POISON, "tea": "Likes green tea", "port": "The port is 8080", "worse": POISON.upper()}

Call = Callable[..., Any]


@pytest.fixture
async def needledb(tmp_path: Path) -> AsyncIterator[str]:
    """The base URL of its index `docs`."""
    try:
        python = python_of("needledb")
    except UnavailableError as error:
        pytest.skip(str(error))
    port = free_port()
    command: list[str | Path] = [
        python,
        "-m",
        "needledb",
        "serve",
        "--no-auth",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    async with listening_process(command, port, folder=tmp_path), aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{port}/indexes"
        wanted = {"name": "docs", "dimension": 3, "metric": "cosine"}
        async with session.post(base, json=wanted) as made:
            assert made.status == 201
        yield f"{base}/docs"


@pytest.fixture
async def both(tmp_path: Path, needledb: str) -> AsyncIterator[tuple[Call, Call]]:
    """The real client's index: asked directly, and through memfw by name, as `allow_hosts` lets it."""
    host, _, prefix = needledb.removeprefix("http://").partition("/")
    async with pinecone_double(f"http://{host}/{prefix}") as double:
        double.add("docs")
        vectors_at = {
            "dialect": "pinecone",
            "url": double.url,
            "allow_hosts": [f"http://{host}"],
            "auth": {"inject": "env:PINECONE_KEY"},
        }
        config = {"upstreams": {"vectors": vectors_at}}
        async with (
            sidecar(tmp_path, config, policy=REFUSES, environ={"PINECONE_KEY": KEY}) as running,
            index_of(double.url, KEY, "docs") as direct,
            index_of(f"{running.url}/vectors", "k", "docs") as governed,
        ):
            yield direct, governed


async def test_reads_leave_out_what_is_withheld(both: tuple[Call, Call]) -> None:
    """Query, query by id and fetch: the poisoned rows are missing, the others are as needledb gives them."""
    direct, governed = both
    await direct("upsert", vectors=vectors(NOTES), namespace="ns")
    for asked in (
        {"vector": NEAREST, "top_k": 4, "include_metadata": True, "include_values": True},
        {"vector": NEAREST, "top_k": 2, "include_metadata": True},
        {"id": "bad", "top_k": 4},
        {"id": "tea", "top_k": 3, "filter": {"place": {"$gte": 0}}},
    ):
        whole = await direct("query", **{**asked, "top_k": 4}, namespace="ns")
        found = await governed("query", **asked, namespace="ns")
        assert [row.to_dict() for row in found.matches] == [
            row.to_dict() for row in whole.matches if row.id in {"tea", "port"}
        ]
    whole = await direct("fetch", ids=list(NOTES), namespace="ns")
    found = await governed("fetch", ids=list(NOTES), namespace="ns")
    assert sorted(whole.vectors) == sorted(NOTES)
    assert {name: row.to_dict() for name, row in found.vectors.items()} == {
        name: whole.vectors[name].to_dict() for name in ("tea", "port")
    }


async def test_writes_arrive(both: tuple[Call, Call]) -> None:
    """Upsert, update, delete and stats say the same through memfw, and needledb has it afterwards."""
    direct, governed = both
    rows = vectors({"a": "Likes tea", "b": "Likes coffee"})
    assert (await governed("upsert", vectors=rows, namespace="ns")).upserted_count == 2
    await governed("update", id="a", set_metadata={"seen": True}, namespace="ns")
    await governed("delete", ids=["b"], namespace="ns")
    there = (await direct("fetch", ids=["a", "b"], namespace="ns")).vectors
    assert {name: unstamped(row.metadata) for name, row in there.items()} == {
        "a": {"text": "Likes tea", "place": 0, "seen": True}
    }
    said, known = await governed("describe_index_stats"), await direct("describe_index_stats")
    assert said.total_vector_count == known.total_vector_count == 1
    assert list(said.namespaces) == list(known.namespaces) == ["ns"]


async def test_a_poisoned_write_does_not_arrive(both: tuple[Call, Call]) -> None:
    """With a policy that refuses it, the client gets its own error, and needledb has no row of the batch."""
    direct, governed = both
    with pytest.raises(Exception, match="refused this write"):
        await governed("upsert", vectors=vectors({"a": "Likes tea", "x": POISON}), namespace="ns")
    assert (await direct("describe_index_stats")).total_vector_count == 0
