"""YAML with places: plain data, every problem at once at its line and column, and nothing that unfolds or runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from firewall.errors import ConfigError
from firewall.yaml_source import MAX_BYTES, MAX_DEPTH, Document, load_text, read, validate


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: Literal["red", "blue"] = "red"
    weight: float = 1.0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()
    named: dict[str, Inner] = {}


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        validate(Outer, text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_core_scalars() -> None:
    """The core schema: `no` and dates are text, quoted numbers are text, only true and false are truth values."""
    text = "a: no\nb: 2026-01-01\nc: '7'\nd: 7\ne: 1.5\nf: true\ng: ~\nh:\ni: 0x10\nj: -3\nk: 1_000\nl: .inf\nm: 1e3\n"
    assert read(text, "f").data == {
        "a": "no",
        "b": "2026-01-01",
        "c": "7",
        "d": 7,
        "e": 1.5,
        "f": True,
        "g": None,
        "h": None,
        "i": "0x10",
        "j": -3,
        "k": "1_000",
        "l": ".inf",
        "m": 1000.0,
    }


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n", "\ufeff"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    """A file of comments means all defaults."""
    assert read(text, "f").data == {}


def test_every_problem_at_once() -> None:
    """Wrong values, unknown keys with the nearest known one, missing keys: all with line, column and path."""
    text = "tilte: x\ninner: {colour: green, wieght: 2}\nseveral:\n- {}\n- {colour: blue, weight: heavy}\nnamed: {a: {size: 1}}\n"
    assert problems_of(text) == [
        "f.yaml:1:1: tilte: unknown key, did you mean `title`?",
        "f.yaml:1:1: title: is required",
        "f.yaml:2:17: inner.colour: Input should be 'red' or 'blue'",
        "f.yaml:2:24: inner.wieght: unknown key, did you mean `weight`?",
        "f.yaml:5:26: several[1].weight: Input should be a valid number, unable to parse string as a number",
        "f.yaml:6:13: named.a.size: unknown key",
    ]


def test_duplicates_are_reported_with_the_rest() -> None:
    """A key twice is a mistake at its second place; the other mistakes are listed beside it."""
    assert problems_of("title: a\ntitle: b\nextra: 1\n") == [
        "f.yaml:2:1: title: duplicate key, it already stands on line 1",
        "f.yaml:3:1: extra: unknown key",
    ]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: &x 1\nb: *x\n", "f.yaml:1:4", "anchors and aliases"),
        ("a: *x\n", "f.yaml:1:4", "anchors and aliases"),
        ("a: !!python/object/apply:os.system ['true']\n", "f.yaml:1:4", "tags are not supported"),
        ("a: !!str 1\n", "f.yaml:1:4", "tags are not supported"),
        ("title: [a\n", "f.yaml:2:1", "expected ',' or ']'"),
        ("title: a\n--- \ntitle: b\n", "f.yaml:2:1", "another document"),
        ("a: b: c\n", "f.yaml:1:5", "mapping values are not allowed"),
        ("a: 'x\n", "f.yaml:2:1", "end of stream"),
        ("a:\n\t- b\n", "f.yaml:2:1", "cannot start any token"),
        ("a: \x00\n", "f.yaml:1:4", "does not allow"),
        ("- a\n", "f.yaml:1:1", "has to be a mapping"),
        ("just text\n", "f.yaml:1:1", "has to be a mapping"),
        ("title: a\n? [a]\n: b\n", "f.yaml:2:3", "a key is a word"),
        ("[" * 5000, f"f.yaml:1:{MAX_DEPTH + 1}", "nested deeper"),
        ("a:\n" + "".join(" " * depth + "- \n" for depth in range(1, 60)), "f.yaml", "nested deeper"),
    ],
)
def test_refusals(text: str, where: str, message: str) -> None:
    """What the reader does not have, and what is no YAML, is a problem with a place."""
    first = problems_of(text)[0]
    assert first.startswith(where)
    assert message in first


def test_a_billion_laughs_is_refused() -> None:
    """No alias, so nothing unfolds."""
    lines = ["a0: &a0 [ha, ha]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert "anchors and aliases" in problems_of("\n".join(lines))[0]


@given(st.text(max_size=80))
def test_any_text_reads_or_is_refused(text: str) -> None:
    """Accept, or our error; nothing else gets out."""
    try:
        document = read(text, "f.yaml")
    except ConfigError as error:
        refused = error
    else:
        assert document.file == "f.yaml"
        return
    assert refused.problems


def when_of(document: Document, offset: int) -> str:
    file, line, column = document.inside(("when",), offset)
    assert file == "f"
    return document.text.splitlines()[line - 1][column - 1 :]


@pytest.mark.parametrize(
    "text",
    [
        "when: aa == bb and cc\n",
        "when:   'aa == bb and cc'   # why\n",
        'when: "aa == bb and cc"\n',
        "when: >-\n  aa == bb\n  and cc\n",
        "when: |\n    aa == bb\n    and cc\n",
        "when: aa == bb\n  and cc\n",
        "{when: aa == bb and cc}\n",
    ],
)
def test_places_inside_a_text(text: str) -> None:
    """An offset in a text leads back to the character in the file, in every style of YAML."""
    document = read(text, "f")
    assert isinstance(document.data, Mapping)
    value = document.data["when"]
    assert isinstance(value, str)
    for piece in ("aa", "bb", "cc"):
        assert when_of(document, value.index(piece)).startswith(piece)


def test_a_place_that_is_not_there_is_that_of_its_parent() -> None:
    """A missing key is reported where the mapping begins that lacks it."""
    document = read("a:\n  b: {c: 1}\n", "f")
    assert document.locate(("a", "b", "zz")) == ("f", 2, 6)
    assert document.locate(("a", "b"), on_key=True) == ("f", 2, 3)
    assert document.inside(("a", "b"), 3) == ("f", 2, 6)


def test_files(tmp_path: Path) -> None:
    """A file that is missing, too large or not UTF-8 is a problem of that file; a byte order mark is none."""
    path = tmp_path / "f.yaml"
    with pytest.raises(ConfigError, match="No such file"):
        load_text(path)
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"f.yaml:2:4: is not UTF-8"):
        load_text(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="is larger than"):
        load_text(path)
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(load_text(path), "f").data == {"a": 1}
    with pytest.raises(ConfigError):
        load_text(tmp_path)


def test_no_problem_shows_a_value() -> None:
    """A value may be a secret in the wrong place; problems say what is wrong with it, not what it is."""
    shown = "\n".join(
        problems_of("title: [hush-1]\ninner: {weight: hush-2, colour: hush-3}\nnamed: hush-4\n")
    )
    assert "hush" not in shown
