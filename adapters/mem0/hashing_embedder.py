"""A deterministic text embedder with nothing to download, for the demonstration and for tests.

Words and their character trigrams are hashed onto 256 signed places, and the vector is brought to length 1: texts that
share words or stems lie close together, and that is all it knows. It has the methods that Mem0 calls on an embedder
without deriving from Mem0's base class, so that importing it imports nothing.
"""

import hashlib
import math
import re
from collections.abc import Sequence

DIMENSIONS = 256
WORD_WEIGHT = 1.0
TRIGRAM_WEIGHT = 0.35
WORDS = re.compile(r"\w+")


class HashingEmbedder:
    """Mem0 makes it with the embedder's config, and passes the purpose of each text; neither changes a vector."""

    def __init__(self, config: object = None) -> None:
        self.config = config

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:  # noqa: ARG002 - Mem0's signature
        return embedding(text)

    def embed_batch(self, texts: Sequence[str], memory_action: str | None = None) -> list[list[float]]:  # noqa: ARG002
        return [embedding(text) for text in texts]


def embedding(text: str) -> list[float]:
    """The unit vector of a text; the zero text points along the first axis, since a length of 0 has no direction."""
    vector = [0.0] * DIMENSIONS
    for word in WORDS.findall(text.casefold()):
        _add(vector, word, WORD_WEIGHT)
        framed = f"#{word}#"
        for start in range(len(framed) - 2):
            _add(vector, framed[start : start + 3], TRIGRAM_WEIGHT)
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        return [1.0, *vector[1:]]
    return [value / length for value in vector]


def _add(vector: list[float], feature: str, weight: float) -> None:
    digest = hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    place = int.from_bytes(digest[:3], "big") % DIMENSIONS
    vector[place] += weight if digest[3] & 1 else -weight
