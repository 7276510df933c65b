"""How a `mem0.Memory` is made: from its own config, with its telemetry off, and with a set-up that needs no network.

The vendor's package is imported when a factory is called, which is on the worker thread of `EmbeddedMem0`. Two words of
a config are ours: the embedder `hashing`, and a Qdrant path of `:memory:`; all else is Mem0's own.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from adapters.mem0.embedded_routes import MemoryLike
from adapters.mem0.hashing_embedder import DIMENSIONS, HashingEmbedder

HASHING = "hashing"
# Mem0 admits known provider names only; while a Memory is made, this one stands for our embedder.
STAND_IN = "huggingface"


def offline_config(collection: str = "memfw") -> dict[str, Any]:
    """A config for demonstrations and tests: everything in memory, no model, no network. It cannot infer."""
    return {
        "vector_store": {
            "provider": "qdrant",
            "config": {"collection_name": collection, "embedding_model_dims": DIMENSIONS, "path": ":memory:"},
        },
        "embedder": {"provider": HASHING},
        "llm": {
            "provider": "openai",
            "config": {"api_key": "offline", "openai_base_url": "http://127.0.0.1:9/v1"},
        },
        "history_db_path": ":memory:",
    }


def embedded_factory(config: Mapping[str, Any], *, mem0_dir: str | None = None) -> Callable[[], MemoryLike]:
    """A factory for `EmbeddedMem0`. `mem0_dir` is where Mem0 keeps its own settings (~/.mem0 where nobody says)."""

    def make() -> MemoryLike:
        os.environ.setdefault("MEM0_TELEMETRY", "false")
        if mem0_dir is not None:
            os.environ.setdefault("MEM0_DIR", mem0_dir)
        from mem0 import Memory
        from mem0.utils.factory import EmbedderFactory

        known = EmbedderFactory.provider_to_class
        shadowed = known[STAND_IN]
        hashing = _provider(config) == HASHING
        if hashing:
            known[STAND_IN] = f"{HashingEmbedder.__module__}.{HashingEmbedder.__qualname__}"
        try:
            with warnings.catch_warnings():
                # Mem0 asks a local Qdrant for indexes, which says that it has none.
                warnings.filterwarnings(
                    "ignore", message="Payload indexes have no effect", category=UserWarning
                )
                memory: MemoryLike = Memory.from_config(_resolved(config))
        finally:
            known[STAND_IN] = shadowed
        return memory

    return make


def _provider(config: Mapping[str, Any]) -> object:
    embedder = config.get("embedder")
    return embedder.get("provider") if isinstance(embedder, Mapping) else None


def _resolved(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with our two words in Mem0's terms."""
    resolved = dict(config)
    if _provider(config) == HASHING:
        resolved["embedder"] = {"provider": STAND_IN, "config": {"embedding_dims": DIMENSIONS}}
    store = config.get("vector_store")
    settings = store.get("config") if isinstance(store, Mapping) else None
    if isinstance(store, Mapping) and isinstance(settings, Mapping) and settings.get("path") == ":memory:":
        from qdrant_client import QdrantClient

        resolved["vector_store"] = {**store, "config": {**settings, "client": QdrantClient(":memory:")}}
    return resolved
