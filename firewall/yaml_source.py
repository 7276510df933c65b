"""YAML that a person wrote, read so that every mistake in it has a place: file, line, column and dotted path.

Text becomes plain data and a table of positions. The reader is small on purpose: YAML 1.2's core scalars only (`no`
is a word, `2026-01-01` is text), no tags, no anchors or aliases (so that nothing unfolds into more than was written),
no duplicate keys, bounded size and depth.

`read` parses; `validate` parses and holds the data against a pydantic model. Both report every problem at once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.composer import Composer
from yaml.error import Mark
from yaml.events import AliasEvent, CollectionStartEvent, Event, NodeEvent, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from firewall.errors import ConfigError, Problem
from firewall.model_tree import Path, dotted, keys_at, nearest

MAX_BYTES = 512 * 1024
MAX_DEPTH = 24

Data = dict[str, "Data"] | list["Data"] | str | int | float | bool | None

Place = tuple[str, int, int]
"""(file, line, column); the last two from 1, or 0 where there is no line."""

Locate = Callable[[Path, bool], Place]
"""Where a path stands; the flag asks for its key instead of its value."""

_Model = TypeVar("_Model", bound=BaseModel)

_NULL = re.compile(r"(?:~|null|Null|NULL|)")
_TRUE = re.compile(r"(?:true|True|TRUE)")
_FALSE = re.compile(r"(?:false|False|FALSE)")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Document:
    """One file as data, with the place of every value and key in it."""

    file: str
    text: str
    data: Data
    values: dict[Path, ScalarNode | SequenceNode | MappingNode]
    keys: dict[Path, ScalarNode]
    problems: tuple[Problem, ...]

    def locate(self, path: Path, on_key: bool = False) -> Place:
        """Where `path` stands, or the nearest thing above it that does."""
        if on_key and path in self.keys:
            return self._place(self.keys[path])
        while path and path not in self.values:
            path = path[:-1]
        return self._place(self.values[path]) if path in self.values else (self.file, 1, 1)

    def inside(self, path: Path, offset: int) -> Place:
        """Where the character at `offset` of a text value stands, in whichever style the text was written."""
        node = self.values.get(path)
        if not isinstance(node, ScalarNode):
            return self.locate(path)
        at = node.start_mark.index
        if node.style in ("|", ">"):
            at = self.text.index("\n", at)
        value: str = node.value
        for position, char in enumerate(value[: offset + 1]):
            if char.isspace():  # line breaks and indentation fold, so white space is skipped on both sides
                continue
            at = max(self.text.find(char, at, node.end_mark.index), at)
            if position < offset:
                at += 1
        line_start = self.text.rfind("\n", 0, at) + 1
        return self.file, self.text.count("\n", 0, at) + 1, at - line_start + 1

    def _place(self, node: Node) -> Place:
        return self.file, node.start_mark.line + 1, node.start_mark.column + 1


class _Refused(yaml.MarkedYAMLError):
    """A construct that this reader does not have."""

    def __init__(self, event: Event, problem: str) -> None:
        super().__init__(problem=problem, problem_mark=cast(Mark, event.start_mark))


class _Composer(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to the node graph, with bounded depth and without tags and aliases. It constructs no objects."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            raise _Refused(event, "anchors and aliases are not supported")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            raise _Refused(event, "tags are not supported")
        if self._depth >= MAX_DEPTH:
            raise _Refused(event, f"nested deeper than {MAX_DEPTH} levels")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Builder:
    """Node graph to data. Collects what is wrong and goes on, so that everything is reported at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[Path, ScalarNode | SequenceNode | MappingNode] = {}
        self.keys: dict[Path, ScalarNode] = {}
        self.problems: list[Problem] = []

    def build(self, node: Node, path: Path) -> Data:
        match node:
            case ScalarNode():
                self.values[path] = node
                return _scalar(node)
            case SequenceNode():
                self.values[path] = node
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            case MappingNode():
                self.values[path] = node
                return self._mapping(node, path)
            case _:
                raise TypeError(type(node).__name__)

    def _mapping(self, node: MappingNode, path: Path) -> Data:
        data: dict[str, Data] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.value == "":
                self._problem(key, path, "a key is a word")
                continue
            name: str = key.value
            if name in data:
                first = self.keys[(*path, name)].start_mark.line + 1
                self._problem(key, (*path, name), f"duplicate key, it already stands on line {first}")
                continue
            self.keys[(*path, name)] = key
            data[name] = self.build(value, (*path, name))
        return data

    def _problem(self, node: Node, path: Path, message: str) -> None:
        mark = node.start_mark
        self.problems.append(Problem(self.file, mark.line + 1, mark.column + 1, dotted(path), message))


def _scalar(node: ScalarNode) -> Data:
    text: str = node.value
    if node.style is not None:  # quoted or a block: text, whatever it looks like
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text


def read_bytes(path: FilePath) -> bytes:
    """The file's content. ConfigError where it is missing, unreadable or too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, 0, "", error.strerror or "cannot be read")]) from error
    if len(content) > MAX_BYTES:
        raise ConfigError([Problem(str(path), 0, 0, "", f"is larger than {MAX_BYTES} bytes")])
    return content


def load_text(path: FilePath) -> str:
    """The file's text. ConfigError where it cannot be read or is not UTF-8."""
    return decode(read_bytes(path), str(path))


def decode(content: bytes, file: str) -> str:
    """UTF-8, with or without a byte order mark, or ConfigError."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise ConfigError([Problem(file, line, column, "", "is not UTF-8 text")]) from error


def read(text: str, file: str) -> Document:
    """Parse one document. ConfigError only where the text is no YAML at all; an empty file is an empty mapping."""
    try:
        root = _Composer(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = ", ".join(part for part in (error.problem, error.context) if part) or "is not YAML"
        raise ConfigError([Problem(file, line, column, "", message)]) from error
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ConfigError(
            [Problem(file, line, column, "", "a character that YAML does not allow")]
        ) from error
    builder = _Builder(file)
    data = builder.build(root, ()) if root is not None else None
    return Document(
        file=file,
        text=text,
        data={} if data is None else data,
        values=builder.values,
        keys=builder.keys,
        problems=tuple(builder.problems),
    )


def validate(model: type[_Model], text: str, file: str) -> _Model:
    """The text as an instance of the model, or ConfigError with every problem in it."""
    document = read(text, file)
    problems = list(document.problems)
    value, wrong = checked(model, document.data, document.locate)
    problems += wrong
    if value is None or problems:
        raise ConfigError(problems)
    return value


def checked(
    model: type[_Model], data: Data, locate: Locate, *, context: object = None
) -> tuple[_Model | None, list[Problem]]:
    """Data held against the model: the instance, or every problem. No problem carries a value of the data."""
    if not isinstance(data, dict):
        return None, [Problem(*locate((), False), "", "has to be a mapping of keys to values")]
    try:
        return model.model_validate(data, context=context), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    found = [_problem(detail, model, data, locate) for detail in details]
    return None, list(
        {str(problem): problem for problem in found}.values()
    )  # union members repeat themselves


def _problem(detail: ErrorDetails, model: type[BaseModel], data: Data, locate: Locate) -> Problem:
    path, on_key = _path_in(data, detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        on_key = True
        message = _unknown_key(str(path[-1]), keys_at(model, path[:-1]))
    elif detail["type"] == "missing":
        path, message = (*path, *detail["loc"][-1:]), "is required"
    return Problem(*locate(path, on_key), dotted(path), message)


def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    if key in known:  # a key of another member of the union
        return "this key does not go with the others"
    meant = nearest(key, known)
    return "unknown key" + (f", did you mean `{meant}`?" if meant else "")


def _path_in(data: Data, loc: tuple[int | str, ...]) -> tuple[Path, bool]:
    """pydantic's location without what is no step in the data: names of union members, keys that are missing."""
    path: list[str | int] = []
    here = data
    on_key = False
    for step in loc:
        if step == "[key]":
            on_key = True
        elif isinstance(here, dict) and step in here:
            here = here[str(step)]
            path.append(step)
        elif isinstance(here, list) and isinstance(step, int) and 0 <= step < len(here):
            here = here[step]
            path.append(step)
    return tuple(path), on_key
