"""Every string that would reach an agent, found in JSON of any shape."""

from hypothesis import given
from hypothesis import strategies as st

from firewall.core.wire.prose import is_prose, strings

TEXT = st.sampled_from(["key", "a key", "größe", "", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


def plainly(value: object) -> list[str]:
    """The same, told in few words and as deep as the value is."""
    match value:
        case str():
            return [value]
        case dict():
            return [
                text
                for key, inner in value.items()
                for text in ([key] if is_prose(key) else []) + plainly(inner)
            ]
        case list():
            return [text for inner in value for text in plainly(inner)]
        case _:
            return []


@given(JSON)
def test_every_string_in_its_order(value: object) -> None:
    """And the keys that are more than identifiers, each before what it stands for."""
    assert strings(value) == tuple(plainly(value))


def test_depth_is_no_limit() -> None:
    """A value is not walked by calls."""
    value: object = "deep"
    for _ in range(50_000):
        value = [value]
    assert strings(value) == ("deep",)
