"""langchain-pinecone as it is published, with only the host changed: what LangChain reads through a whole memfw."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.pinecone_double import PineconeDouble, pinecone_double
from tests.conformance.pinecone_clients import AGENT, POISON, mounted

langchain = pytest.importorskip(
    "langchain_pinecone", reason="has an environment of its own: make test-backends"
)

GOOD = ("Deploys go out on Tuesday", "The deploy key rotates monthly")
DIMENSION = 16


class WordEmbeddings:
    """As LangChain asks for it: a text is the sum of its hashed words."""

    def embed_query(self, text: str) -> list[float]:
        vector = [0.01] * DIMENSION
        for word in text.lower().split():
            vector[hashlib.blake2b(word.encode()).digest()[0] % DIMENSION] += 1.0
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)


@pytest.fixture
async def double() -> AsyncIterator[PineconeDouble]:
    """The service, with an index that a poisoned note got into before memfw stood there.

    Its name is new each time: the old client remembers the host of a key's index for as long as the process lives.
    """
    async with pinecone_double() as running:
        index = running.add(f"docs-{running.url.rpartition(':')[2]}", DIMENSION)
        text = f"deploy key {POISON}"
        values = WordEmbeddings().embed_query(text)
        index.upsert("", [{"id": "bad", "values": values, "metadata": {"text": text}}])
        yield running


@pytest.fixture
async def store(
    tmp_path: Path, double: PineconeDouble, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    """A vector store that finds its index by name, from the environment as LangChain's users set it."""
    async with mounted(tmp_path, double) as url:
        monkeypatch.setenv("PINECONE_API_KEY", AGENT)
        monkeypatch.setenv("PINECONE_CONTROLLER_HOST", url)
        opened = await asyncio.to_thread(
            langchain.PineconeVectorStore, index_name=_index(double), embedding=WordEmbeddings()
        )
        await asyncio.to_thread(opened.add_texts, list(GOOD), ids=["g1", "g2"])
        yield opened


def _index(double: PineconeDouble) -> str:
    return next(iter(double.indexes))


async def test_texts_are_added_and_found_with_scores(double: PineconeDouble, store: Any) -> None:
    """The two good ones come back, nearest first; the poisoned one, the nearest of all, does not."""
    assert double.indexes[_index(double)].namespace("").keys() == {"bad", "g1", "g2"}
    found = await asyncio.to_thread(store.similarity_search_with_score, "deploy key", k=2)
    assert {document.page_content for document, _ in found} == set(GOOD)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


async def test_diverse_results(store: Any) -> None:
    """MMR asks for values and metadata together and takes the text out of it."""
    found = await asyncio.to_thread(store.max_marginal_relevance_search, "deploy key", k=2, fetch_k=3)
    assert {document.page_content for document in found} == set(GOOD)


async def test_a_metadata_filter_reaches_the_index(store: Any) -> None:
    """What LangChain filters by is what the service filters by."""
    await asyncio.to_thread(
        store.add_texts, ["Pods restart nightly"], metadatas=[{"kind": "ops"}], ids=["g3"]
    )
    found = await asyncio.to_thread(store.similarity_search, "deploy key", k=3, filter={"kind": "ops"})
    assert [(one.page_content, one.metadata["kind"]) for one in found] == [("Pods restart nightly", "ops")]


async def test_asynchronous_search(store: Any) -> None:
    """The asynchronous client of the library takes the same way."""
    found = await store.asimilarity_search("deploy key", k=2)
    assert {document.page_content for document in found} == set(GOOD)


async def test_an_index_by_its_written_down_host(double: PineconeDouble, store: Any) -> None:
    """`PineconeVectorStore(host=...)` with the host that memfw gave out once."""
    import pinecone

    described = await asyncio.to_thread(pinecone.Pinecone().describe_index, _index(double))
    opened = await asyncio.to_thread(
        langchain.PineconeVectorStore, host=described.host, embedding=WordEmbeddings()
    )
    found = await asyncio.to_thread(opened.similarity_search, "deploy key", k=3)
    assert {document.page_content for document in found} == set(GOOD)
