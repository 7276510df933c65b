"""The head of a file: what it says as plain data, and nothing else that YAML could do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.markdown.front_matter import MAX_CHARS, BadFrontMatterError, read, split


def test_a_head_is_what_stands_between_the_lines() -> None:
    """With either end mark, with carriage returns, and none where the text only begins like one."""
    assert split("---\na: 1\n---\nText") == ("a: 1\n", "Text")
    assert split("---\r\na: 1\r\n...\r\nText") == ("a: 1\r\n", "Text")
    assert split("---\n---\n") == ("", "")
    assert split("---\na: 1") == (None, "---\na: 1")
    assert split("Text\n---\na: 1\n---\n") == (None, "Text\n---\na: 1\n---\n")


def test_scalars_are_what_they_look_like() -> None:
    """A date and a `no` are text, as their writer meant them."""
    head = "a: true\nb: no\nc: 12\nd: 1.5\ne: 2026-01-02\nf: ~\ng: '1'\nh: 12:30:45\ni: [x, {y: z}]\n"
    assert read(head) == {
        "a": True,
        "b": "no",
        "c": 12,
        "d": 1.5,
        "e": "2026-01-02",
        "f": None,
        "g": "1",
        "h": "12:30:45",
        "i": ["x", {"y": "z"}],
    }
    assert read("") == read("# nothing\n") == {}


@pytest.mark.parametrize(
    "head",
    [
        "a: &x [1]\nb: *x\n",
        "a: !!python/object/apply:os.system [id]\n",
        "a: !custom 1\n",
        "a: 1\na: 2\n",
        "[1, 2]\n",
        "just words\n",
        "? [a]\n: 1\n",
        "a: [\n",
        "a: " + "[" * 20 + "]" * 20,
        "a: [" + "1," * 1_100 + "]",
        "a: " + "x" * MAX_CHARS,
        "a: 1\n--- \nb: 2\n",
        "a: \x00\n",
        'a: "\\uD800"\n',
        '"\\uDFFF": a\n',
        'a: [b, "\\U0000D800"]\n',
    ],
)
def test_what_it_does_not_read(head: str) -> None:
    """Aliases, tags, doubled keys, depth, size, several documents, no mapping, half a character."""
    with pytest.raises(BadFrontMatterError) as caught:
        read(head)
    assert len(str(caught.value)) < 80


@given(st.text(max_size=200) | st.text("-:[]{}&*!?|>'\"#%@ \n\tab1", max_size=60))
def test_any_text_is_read_or_refused(head: str) -> None:
    """Nothing else gets out."""
    try:
        data = read(head)
    except BadFrontMatterError:
        return
    assert isinstance(data, dict)
