"""The embedder of the offline Mem0: the same everywhere, of length 1, and near for texts that share words."""

import math

from hypothesis import given
from hypothesis import strategies as st

from adapters.mem0.hashing_embedder import DIMENSIONS, HashingEmbedder, embedding


@given(st.text(max_size=200))
def test_every_text_has_a_unit_vector(text: str) -> None:
    """Empty, strange and lone-surrogate texts too."""
    vector = embedding(text)
    assert len(vector) == DIMENSIONS
    assert math.isclose(math.fsum(value * value for value in vector), 1.0, rel_tol=1e-9)
    assert HashingEmbedder().embed_batch([text], "add") == [HashingEmbedder().embed(text, "search")]


def test_shared_words_are_near() -> None:
    """A question lies nearer to the memory that shares its words than to another."""

    def nearness(one: str, other: str) -> float:
        return sum(a * b for a, b in zip(embedding(one), embedding(other), strict=True))

    question = "which port does the deploy use"
    assert nearness(question, "Deploys use port 8443") > 2 * nearness(question, "Likes green tea")
