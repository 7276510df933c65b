"""The real Pinecone client with only `host=` changed, through a whole memfw: what it reads, writes and may not do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.pinecone_double import KEY, PineconeDouble, pinecone_double
from tests.conformance.pinecone_clients import (
    ADMIN,
    AGENT,
    PINNED,
    POISON,
    control_of,
    index_of,
    mounted,
    vectors,
)

pinecone = pytest.importorskip("pinecone")

REFUSES = {"name": "refuses", "surfaces": {"write": {"do_not_use": {"content": "refuse"}}}}
NEAREST = [1.0, 0.0, 0.0]
NEW = int(pinecone.__version__.split(".")[0]) >= 10
only_new = pytest.mark.skipif(not NEW, reason="this client has no documents")


@pytest.fixture
async def double() -> AsyncIterator[PineconeDouble]:
    """The service, with a dense index."""
    async with pinecone_double() as running:
        running.add("docs")
        yield running


@pytest.fixture
async def host(tmp_path: Path, double: PineconeDouble) -> AsyncIterator[str]:
    """memfw before it, with a policy that refuses writes of hostile text."""
    async with mounted(tmp_path, double, policy=REFUSES) as url:
        yield url


def poisoned(count: int, bad: int) -> dict[str, str]:
    """`bad` poisoned rows nearest to the query, then good ones."""
    return {
        f"v{place:02}": f"{POISON} number {place}" if place < bad else f"Note {place} about tea, kind {place}"
        for place in range(count)
    }


def paged(pages: Any) -> list[Any]:
    """Every row of every page, which the client asks for as it goes."""
    return [row for page in pages for row in page]


def ids(found: Any) -> list[str]:
    return [match["id"] for match in found["matches"]]


async def test_top_k_is_filled_in_the_order_of_the_upstream(double: PineconeDouble, host: str) -> None:
    """7 poisoned of the 17 nearest, k=5: the five best good ones come back, in their order, in few rounds."""
    double.indexes["docs"].upsert("ns", vectors(poisoned(17, 7)))
    async with index_of(host, AGENT, "docs") as call:
        found = await call("query", vector=NEAREST, top_k=5, namespace="ns", include_metadata=True)
    assert ids(found) == ["v07", "v08", "v09", "v10", "v11"]
    assert [match["metadata"]["place"] for match in found["matches"]] == [7, 8, 9, 10, 11]
    asked = [one for one in double.received if one.target.endswith("/query")]
    assert len(asked) == 2
    assert found.usage.read_units == len(asked)


async def test_metadata_that_was_not_asked_for_does_not_come(double: PineconeDouble, host: str) -> None:
    """It is judged all the same: the poisoned row is missing from ids and scores too."""
    double.indexes["docs"].upsert("ns", vectors({"bad": POISON, "good": "Likes green tea"}))
    async with index_of(host, AGENT, "docs") as call:
        found = await call("query", vector=NEAREST, top_k=2, namespace="ns")
    assert ids(found) == ["good"]
    assert not found["matches"][0].get("metadata")
    assert [one for one in double.received if b'"includeMetadata":true' in one.body]


async def test_a_neighbour_of_a_withheld_row_is_judged_as_usual(double: PineconeDouble, host: str) -> None:
    """`query(id=...)`: the anchor may be withheld, its neighbours are not for that."""
    double.indexes["docs"].upsert("ns", vectors({"bad": POISON, "good": "Likes green tea"}))
    async with index_of(host, AGENT, "docs") as call:
        found = await call("query", id="bad", top_k=2, namespace="ns", include_metadata=True)
    assert ids(found) == ["good"]


async def test_a_fetch_leaves_out_what_is_withheld(double: PineconeDouble, host: str) -> None:
    """A withheld id is missing from the map, alone or with others; what is admitted comes whole."""
    double.indexes["docs"].upsert("ns", vectors({"bad": POISON, "good": "Likes green tea"}))
    async with index_of(host, AGENT, "docs") as call:
        both = await call("fetch", ids=["bad", "good", "nope"], namespace="ns")
        alone = await call("fetch", ids=["bad"], namespace="ns")
        listed = await call("list", namespace="ns", into=paged)
    assert list(both.vectors) == ["good"]
    assert both.vectors["good"].metadata["text"] == "Likes green tea"
    assert dict(alone.vectors) == {}
    assert len(listed) == 2


async def test_writes_reach_the_index(double: PineconeDouble, host: str) -> None:
    """Upsert, update and delete work as they do without memfw, with memfw's key upstream."""
    async with index_of(host, AGENT, "docs") as call:
        done = await call("upsert", vectors=vectors({"a": "Likes tea", "b": "Likes coffee"}), namespace="ns")
        await call("update", id="a", set_metadata={"seen": True}, namespace="ns")
        await call("delete", ids=["b"], namespace="ns")
        stats = await call("describe_index_stats")
    assert done.upserted_count == 2
    assert stats["total_vector_count"] == 1
    assert double.indexes["docs"].namespaces["ns"]["a"]["metadata"]["seen"] is True
    assert {one.headers["Api-Key"] for one in double.received} == {KEY}


async def test_a_poisoned_batch_is_refused_once(double: PineconeDouble, host: str) -> None:
    """One bad row refuses the batch with 403, which the client neither repeats nor hides."""
    async with index_of(host, AGENT, "docs") as call:
        with pytest.raises(Exception, match="refused this write") as refused:
            await call("upsert", vectors=vectors({"a": "Likes tea", "b": POISON}), namespace="ns")
    assert "403" in f"{getattr(refused.value, 'status', '')}{getattr(refused.value, 'status_code', '')}"
    assert double.indexes["docs"].namespaces == {}


async def test_an_index_is_found_by_name_and_leads_through_memfw(double: PineconeDouble, host: str) -> None:
    """Every index host that the control plane names is one of ours; nothing else of the answer changes."""
    async with control_of(host, AGENT) as call:
        described = await call("describe_index", "docs")
        names = (await call("list_indexes")).names()
        with pytest.raises(Exception, match="admin"):
            await call("delete_index", "docs")
    assert described.host.startswith(f"{host}/_idx/")
    assert described.name == "docs"
    assert list(names) == ["docs"]
    assert "docs" in double.indexes


async def test_an_admin_may_change_indexes(double: PineconeDouble, host: str) -> None:
    """Configuring and deleting an index, and clearing a namespace, need the role."""
    double.indexes["docs"].upsert("ns", vectors({"a": "Likes tea"}))
    async with index_of(host, AGENT, "docs") as call:
        with pytest.raises(Exception, match="whole namespace"):
            await call("delete", delete_all=True, namespace="ns")
    async with index_of(host, ADMIN, "docs") as call:
        await call("delete", delete_all=True, namespace="ns")
    assert double.indexes["docs"].namespaces["ns"] == {}
    async with control_of(host, ADMIN) as call:
        await call("configure_index", "docs", tags={"a": "b"})
        await call("delete_index", "docs")
    assert double.indexes == {}


async def test_a_pinned_caller_stays_in_its_namespace(double: PineconeDouble, host: str) -> None:
    """Another namespace or index is 403; without a namespace it is the pinned one; stats show no other."""
    double.add("other")
    double.indexes["docs"].upsert("mine", vectors({"m": "Likes green tea"}))
    double.indexes["docs"].upsert("theirs", vectors({"t": "Likes coffee"}))
    async with index_of(host, PINNED, "docs") as call:
        found = await call("query", vector=NEAREST, top_k=3)
        with pytest.raises(Exception, match="namespace"):
            await call("query", vector=NEAREST, top_k=3, namespace="theirs")
        with pytest.raises(Exception, match="namespace"):
            await call("fetch", ids=["t"], namespace="theirs")
        stats = await call("describe_index_stats")
        await call("delete", delete_all=True, namespace="mine")
    assert ids(found) == ["m"]
    assert list(stats["namespaces"]) == ["mine"]
    assert stats["total_vector_count"] == 1
    async with control_of(host, PINNED) as call:
        assert list((await call("list_indexes")).names()) == ["docs"]
        with pytest.raises(Exception, match="index"):
            await call("describe_index", "other")


async def test_records_are_governed(double: PineconeDouble, host: str) -> None:
    """Search by text, with a projection that leaves the text out, and with a reranker."""
    double.add("notes", text_field="chunk_text")
    async with index_of(host, AGENT, "notes") as call:
        rows = [{"_id": f"r{n}", "chunk_text": f"deploy key {n}", "topic": "ops"} for n in range(4)]
        await call("upsert_records", namespace="ns", records=rows)
        with pytest.raises(Exception, match="refused this write"):
            await call("upsert_records", namespace="ns", records=[{"_id": "x", "chunk_text": POISON}])
        poison = {"_id": "bad", "chunk_text": f"deploy key. {POISON}", "topic": "ops"}
        double.indexes["notes"].upsert(
            "ns",
            [
                {
                    "id": "bad",
                    "values": [1.0] * 64,
                    "metadata": {k: v for k, v in poison.items() if k != "_id"},
                }
            ],
        )
        named = {"namespace": "ns", "query": {"inputs": {"text": "deploy key"}, "top_k": 4}}
        search = "search_records" if NEW else "search"
        found = await call(search, **_search(named))
        topics = await call(search, **_search(named), fields=["topic"])
        ranked = await call(
            search,
            **_search(named),
            rerank={"model": "bge-reranker-v2-m3", "rank_fields": ["chunk_text"], "top_n": 2},
        )
    hits = [getattr(hit, "id", None) or hit["_id"] for hit in found["result"]["hits"]]
    assert "bad" not in hits
    assert len(hits) == 4
    assert [dict(hit["fields"]) for hit in topics["result"]["hits"]] == [{"topic": "ops"}] * 4
    assert len(ranked["result"]["hits"]) == 2


def _search(named: dict[str, Any]) -> dict[str, Any]:
    """10.x takes the parts of a query by name."""
    if not NEW:
        return named
    return {"namespace": named["namespace"], **named["query"]}


@only_new
async def test_documents_are_governed(double: PineconeDouble, host: str) -> None:
    """Search with and without fields, and fetch by id."""
    rows = [
        {"_id": "bad", "emb": NEAREST, "body": POISON},
        {"_id": "good", "emb": NEAREST, "body": "Likes tea"},
    ]
    double.indexes["docs"].namespace("mem").update({str(row["_id"]): dict(row) for row in rows})
    clause = {"type": "dense_vector", "values": NEAREST, "field": "emb"}
    async with index_of(host, AGENT, "docs") as call:
        plain = await call("documents.search", namespace="mem", score_by=[clause], top_k=2)
        whole = await call(
            "documents.search", namespace="mem", score_by=[clause], top_k=2, include_fields=["body"]
        )
        fetched = await call("documents.fetch", namespace="mem", ids=["bad", "good"])
        with pytest.raises(Exception, match="refused this write"):
            await call("documents.upsert", namespace="mem", documents=[{"_id": "x", "body": POISON}])
    assert [match.to_dict() for match in plain.matches] == [{"_id": "good", "_score": pytest.approx(1.0)}]
    assert [match.to_dict()["body"] for match in whole.matches] == ["Likes tea"]
    assert list(fetched.documents) == ["good"]


async def test_an_answer_that_would_be_too_large_is_asked_for_as_it_was(
    double: PineconeDouble, host: str
) -> None:
    """The service refuses the over-fetch: the caller's own count is asked for, and governed."""
    double.row_cap = 3
    double.indexes["docs"].upsert("ns", vectors(poisoned(8, 1)))
    async with index_of(host, AGENT, "docs") as call:
        found = await call("query", vector=NEAREST, top_k=3, namespace="ns", include_metadata=True)
    assert ids(found) == ["v01", "v02"]


async def test_the_upstreams_own_errors_come_through(double: PineconeDouble, host: str) -> None:
    """In its shape, with its text."""
    async with index_of(host, AGENT, "docs") as call:
        with pytest.raises(Exception, match="does not match the dimension of the index"):
            await call("query", vector=[0.1], top_k=1)
        with pytest.raises(Exception, match="Namespace not found"):
            await call("delete", ids=["a"], namespace="ghost")


async def test_the_async_client_is_served_too(double: PineconeDouble, host: str) -> None:
    """`async with` and everything: the same rows, withheld ones missing."""
    double.indexes["docs"].upsert("ns", vectors({"bad": POISON, "good": "Likes green tea"}))
    async with pinecone.PineconeAsyncio(api_key=AGENT, host=host) as client:
        described = await client.describe_index("docs")
        opened = client.IndexAsyncio(host=described.host) if not NEW else client.index(host=described.host)
        opened = await opened if asyncio.iscoroutine(opened) else opened
        async with opened as index:
            found = await index.query(vector=NEAREST, top_k=2, namespace="ns", include_metadata=True)
    assert ids(found) == ["good"]


@pytest.mark.parametrize("through", [False, True], ids=["direct", "through memfw"])
async def test_the_client_sees_the_same_either_way(
    tmp_path: Path, double: PineconeDouble, through: bool
) -> None:
    """The double is what the client takes for the service, and memfw adds nothing to clean answers but its object."""
    double.indexes["docs"].upsert("ns", vectors({"a": "Likes tea", "b": "Knows the port"}))
    async with mounted(tmp_path, double) as url:
        where, key = (url, AGENT) if through else (double.url, KEY)
        async with index_of(where, key, "docs") as call:
            found = await call("query", vector=NEAREST, top_k=2, namespace="ns", include_values=True)
            fetched = await call("fetch", ids=["a"], namespace="ns")
            listed = await call("list", namespace="ns", into=paged)
    assert [(match["id"], list(match["values"])) for match in found["matches"]] == [
        ("a", [1.0, 0.0, 0.0]),
        ("b", pytest.approx([1.0, 0.01, 0.0])),
    ]
    assert fetched.vectors["a"].metadata["text"] == "Likes tea"
    assert len(listed) == 2


@pytest.mark.parametrize("form", ["{address}/i/{name}", "http://{address}/i/{name}/"])
async def test_index_hosts_in_every_spelling(tmp_path: Path, form: str) -> None:
    """With and without a scheme, and with a slash at the end."""
    async with pinecone_double(form) as double, mounted(tmp_path, double) as url:
        double.add("docs").upsert("", vectors({"a": "Likes tea"}))
        async with index_of(url, AGENT, "docs") as call:
            assert ids(await call("query", vector=NEAREST, top_k=1)) == ["a"]


async def test_an_index_on_a_foreign_host_is_listed_and_not_asked(tmp_path: Path) -> None:
    """Its host is one of ours that says what is missing; nobody else is asked."""
    async with pinecone_double("http://index.evil.test:9/{name}") as double, mounted(tmp_path, double) as url:
        double.add("docs")
        async with index_of(url, AGENT, "docs") as call:
            with pytest.raises(Exception, match="allow_hosts"):
                await call("query", vector=NEAREST, top_k=1)
