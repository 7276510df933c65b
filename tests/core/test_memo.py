"""The memory of pure functions: what it keeps, what it drops, and that it never says anything else than the function."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.memo import LONGEST, Memo


class Counted:
    """The length of a text, and how often it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> int | None:
        self.asked.append(text)
        return len(text) or None


def test_a_text_is_read_once() -> None:
    """The second answer comes from memory, None too."""
    function = Counted()
    memo = Memo(function)
    assert [memo("tea"), memo("tea"), memo(""), memo("")] == [3, 3, None, None]
    assert function.asked == ["tea", ""]


def test_what_was_asked_for_lately_stays() -> None:
    """A turn drops what nobody asked for since the one before."""
    function = Counted()
    memo = Memo(function, entries=8)
    for number in range(100):
        memo("often")
        memo(f"once {number}")
        assert len(memo) <= 8
    assert function.asked.count("often") == 1


def test_the_size_is_bounded() -> None:
    """Few large texts take the room of many small ones; other scripts count for more."""
    memo = Memo(len, size=100_000)
    for number in range(1_000):
        memo(f"{number} " + "é" * 1_000)
        assert len(memo) <= 24


def test_a_long_text_is_not_kept() -> None:
    """It is read again each time."""
    function = Counted()
    memo = Memo(function)
    text = "x" * (LONGEST + 1)
    assert memo(text) == memo(text) == LONGEST + 1
    assert len(function.asked) == 2
    assert len(memo) == 0


def test_an_error_is_not_kept() -> None:
    """The function is asked again, and may answer then."""
    answers: Iterator[int | ValueError] = iter([ValueError("no"), 1])

    def function(_: str) -> int:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    memo = Memo(function)
    with pytest.raises(ValueError, match="no"):
        memo("x")
    assert memo("x") == 1


@given(st.lists(st.text(max_size=3), max_size=60))
def test_it_says_what_the_function_says(texts: list[str]) -> None:
    """Whatever was asked for before."""
    memo = Memo(str.upper, entries=6)
    assert [memo(text) for text in texts] == [text.upper() for text in texts]


def test_bytes_and_tuples_of_texts_are_texts() -> None:
    """They are kept by what they hold, up to the same length, and count with all of it."""
    asked: list[object] = []
    memo = Memo[object, None](asked.append, size=40_000)
    for text in (b"bytes", (("name", "value"),), b"x" * 5_000, (("name", "v" * 5_000),)):
        memo(text)
        memo(text)
    assert [asked.count(text) for text in dict.fromkeys(asked)] == [1, 1, 2, 2]
    for number in range(50):
        memo((("name", f"{number:04}" * 100),))
    assert len(memo) < 40
