"""JSON pointers as RFC 6901 has them, in values, in bodies and in bytes."""

from typing import Any

import msgspec
import pytest

from adapters.http.pointers import placed, raw_at, reader_of, replaced, steps_of, value_at
from firewall.errors import CallerError

#: The document and the pointers of RFC 6901, section 5.
DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}
POINTERS = {
    "": DOCUMENT,
    "/foo": ["bar", "baz"],
    "/foo/0": "bar",
    "/": 0,
    "/a~1b": 1,
    "/c%d": 2,
    "/e^f": 3,
    "/g|h": 4,
    "/i\\j": 5,
    '/k"l': 6,
    "/ ": 7,
    "/m~0n": 8,
}
NOWHERE = (
    "/none",
    "/foo/2",
    "/foo/-",
    "/foo/00",
    "/foo/x",
    "/foo/0/x",
    "/foo/-1",
    "/foo/١",
    "/foo/9999999999",
)


@pytest.mark.parametrize("pointer", POINTERS)
def test_the_examples_of_the_standard(pointer: str) -> None:
    """In a value and in its bytes."""
    assert value_at(DOCUMENT, steps_of(pointer)) == POINTERS[pointer]
    assert reader_of(pointer)(DOCUMENT) == POINTERS[pointer]
    raw = raw_at(msgspec.json.encode(DOCUMENT), steps_of(pointer))
    assert raw is not None
    assert msgspec.json.decode(raw) == POINTERS[pointer]


@pytest.mark.parametrize("pointer", NOWHERE)
def test_what_leads_nowhere(pointer: str) -> None:
    """Is nothing, never an error."""
    assert value_at(DOCUMENT, steps_of(pointer)) is None
    assert reader_of(pointer)(DOCUMENT) is None
    assert reader_of(pointer)([DOCUMENT]) is reader_of(pointer)("x") is None
    assert raw_at(msgspec.json.encode(DOCUMENT), steps_of(pointer)) is None


def test_what_is_replaced_leaves_the_rest_as_bytes() -> None:
    """Numbers, escapes and white space of every other value stay."""
    raw = b'{"n": 1.50e+2, "rows" : {"x": [ {"a" : 1} , 2, 3 ]}, "s": "\\u00e9"}'
    assert replaced(raw, steps_of("/rows/x/1"), b'"two"') == (
        b'{"n":1.50e+2,"rows":{"x":[{"a" : 1},"two",3]},"s":"\\u00e9"}'
    )
    assert replaced(raw, (), b"[]") == b"[]"
    assert replaced(raw, steps_of("/none"), b"[]") == raw


def test_a_reader_goes_as_deep_as_its_pointer() -> None:
    """Through objects and arrays alike."""
    value = {"a": {"b": {"c": ["x", {"d": 1}]}}}
    assert reader_of("/a/b/c/1/d")(value) == 1
    assert reader_of("/0/a")([{"a": 2}]) == 2
    assert reader_of("/a/0")({"a": [3]}) == 3


def test_a_value_is_placed() -> None:
    """What is missing is made, a list is appended to, the caller's own body stays."""
    body: dict[str, Any] = {"a": {"b": 1}, "must": [1]}
    assert placed(body, ("a", "c"), 2) == {"a": {"b": 1, "c": 2}, "must": [1]}
    assert placed(body, ("x", "y", "-"), 2) == {**body, "x": {"y": [2]}}
    assert placed(body, ("must", "-"), 2) == {**body, "must": [1, 2]}
    assert placed(body, ("must", "0"), 2) == {**body, "must": [2]}
    assert body == {"a": {"b": 1}, "must": [1]}


@pytest.mark.parametrize("steps", [("a", "b", "c"), ("must", "x"), ("must", "1"), ("a", "-")])
def test_what_no_value_can_be_put_into(steps: tuple[str, ...]) -> None:
    """Is the caller's mistake: nothing of the body is overwritten."""
    with pytest.raises(CallerError) as caught:
        placed({"a": {"b": 1}, "must": [1]}, steps, 2)
    assert caught.value.status == 400
