"""The trait of a text, by which copies are looked for: it never keeps two copies apart."""

from hypothesis import given
from hypothesis import strategies as st

from firewall.core.signals.conflict.duplicates import trait_of


@given(
    st.lists(st.text("aBcß\u0130ﬁ.", min_size=1, max_size=4), max_size=14),
    st.lists(st.sampled_from([" ", "\n", "  ", "\t", "\u00a0"]), min_size=15, max_size=15),
    st.booleans(),
)
def test_the_trait_of_copies_is_the_same(words: list[str], gaps: list[str], loud: bool) -> None:
    """However they are spaced and spelled: what is normalised whole is never kept apart by its trait."""
    text = " ".join(words)
    spaced = "".join(gap + word for gap, word in zip(gaps, words, strict=False)) + gaps[-1]
    other = spaced.casefold() if loud else spaced
    assert " ".join(text.casefold().split()) == " ".join(other.casefold().split())
    assert trait_of(text) == trait_of(other)


def test_the_trait_tells_texts_apart() -> None:
    """By how they begin and by how they end."""
    traits = {
        trait_of(f"{first} likes tea in the morning before all work {last}")
        for first in "ab"
        for last in "xy"
    }
    assert len(traits) == 4
