"""From a file to its notes: sections, ids that stay, and what is said of what cannot be read."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.markdown.notes import BAD_FRONT_MATTER, NOT_UTF8, TOO_LONG, Note, notes_of

PAGE = """---
title: Deploying
tags: [ops, release]
lifecycle_hint: current
---
# Ignored, the head has a title

How we deploy.

## Rollback

Use the second pipeline.

```sh
## no heading
```

## Rollback

Once more.

### Deeper

It stays with its section.
"""


def notes(text: str | bytes, path: str = "team/deploy.md", *, cut: bool = False) -> list[Note]:
    return notes_of(path, text if isinstance(text, bytes) else text.encode(), changed=1.0, cut=cut)


def test_each_section_is_a_note() -> None:
    """With the file's title, tags and head; a heading in a code block is none."""
    found = notes(PAGE)
    assert [note.id for note in found] == [
        "team/deploy.md",
        "team/deploy.md#rollback",
        "team/deploy.md#rollback-2",
    ]
    assert [note.title for note in found] == ["Deploying", "Deploying: Rollback", "Deploying: Rollback"]
    assert "## no heading" in found[1].text
    assert found[2].text.endswith("It stays with its section.")
    assert {note.tags for note in found} == {("ops", "release")}
    assert all(note.metadata["lifecycle_hint"] == "current" for note in found)
    assert not any(note.problems for note in found)


def test_ids_stay_when_a_file_grows() -> None:
    """What is added behind changes no id before it."""
    before = [note.id for note in notes(PAGE)]
    assert [note.id for note in notes(PAGE + "\n## Later\n\nMore.\n")][: len(before)] == before


def test_headings_that_are_numbered_already() -> None:
    """Every id is there once."""
    ids = [note.id for note in notes("## A\n1\n## A-2\n2\n## A\n3\n## !!\n4\n## ??\n5\n")]
    assert len(set(ids)) == 5


def test_titles() -> None:
    """The head's, else the first heading's, else the file's name."""
    assert notes("# Tea ##\n\nGreen.")[0].title == "Tea"
    assert notes("Green tea.", "drinks/tea.md")[0].title == "tea"


def test_tags_in_a_line() -> None:
    """Commas and spaces separate them; what is no word is none."""
    assert notes("---\ntags: a, b c\n---\nx")[0].tags == ("a", "b", "c")
    assert notes("---\ntags: [a, 1, {b: c}, a]\n---\nx")[0].tags == ("a",)


def test_a_bad_head_loses_nothing() -> None:
    """It stays in the text, and the note says so."""
    (note,) = notes("---\na: [\n---\nText")
    assert note.problems == (BAD_FRONT_MATTER,)
    assert "a: [" in note.text
    assert "Text" in note.text


def test_bytes_that_are_no_text() -> None:
    """What can be read is read; a file that was cut may end within a character."""
    (note,) = notes(b"good \xff bad")
    assert note.problems == (NOT_UTF8,)
    assert note.text.startswith("good")
    (cut,) = notes("Grün"[:3].encode()[:-1], cut=True)
    assert cut.problems == (TOO_LONG,)


def test_an_empty_file_is_a_note() -> None:
    """One without text."""
    assert [(note.id, note.text) for note in notes("")] == [("team/deploy.md", "")]


@given(st.binary(max_size=300) | st.text("#`~-\n ab:", max_size=200).map(str.encode), st.booleans())
def test_any_bytes_are_notes(content: bytes, cut: bool) -> None:
    """Every line of text is in exactly one of them."""
    found = notes(content, cut=cut)
    assert found
    assert len({note.id for note in found}) == len(found)
    if not any(note.problems for note in found) and not content.startswith(b"---"):
        words = content.decode("utf-8-sig", errors="ignore" if cut else "strict").split()
        assert [word for note in found for word in note.text.split()] == words
