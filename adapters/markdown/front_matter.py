"""The YAML between the two `---` at the head of a file, read as data that JSON can hold.

A reader of its own for what strangers write: bounded size, depth and count, no tags, no anchors and aliases, no key twice;
`true` and numbers are what they look like, everything else (a date, `no`) is text.
"""

import re

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]

MAX_CHARS = 16_384
MAX_DEPTH = 8
MAX_NODES = 1_000

_HEAD = re.compile(r"---[ \t]*\r?\n(?P<head>.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.MULTILINE | re.DOTALL)
_NULL = re.compile(r"(?:~|null|Null|NULL|)")
_TRUE = re.compile(r"(?:true|True|TRUE)")
_FALSE = re.compile(r"(?:false|False|FALSE)")
#: Half a character, which YAML can say with an escape: it can be written nowhere.
_HALF = re.compile("[\ud800-\udfff]")
_INTEGER = re.compile(r"[-+]?[0-9]{1,15}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}")


class BadFrontMatterError(ValueError):
    """It is none that this reader reads. Says nothing of what stands there."""


def split(text: str) -> tuple[str | None, str]:
    """The head of a file, None where it has none, and the rest."""
    found = _HEAD.match(text) if text.startswith("---") else None
    return (None, text) if found is None else (found["head"], text[found.end() :])


def read(head: str) -> dict[str, Value]:
    """The data of a head."""
    if len(head) > MAX_CHARS:
        raise BadFrontMatterError("too long")
    try:
        _checked(head)
        root = yaml.compose(head, Loader=yaml.SafeLoader)  # nodes only: nothing is constructed
    except (yaml.YAMLError, RecursionError) as error:
        raise BadFrontMatterError("no YAML") from error
    data = {} if root is None else _value(root)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise BadFrontMatterError("no mapping")
    return data


def _checked(head: str) -> None:
    """Every event of it, before anything is put together."""
    depth = nodes = 0
    for event in yaml.parse(head, Loader=yaml.SafeLoader):
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            raise BadFrontMatterError("an alias")
        if isinstance(event, ScalarEvent | CollectionStartEvent):
            nodes += 1
            if event.tag is not None:
                raise BadFrontMatterError("a tag")
        if isinstance(event, ScalarEvent) and _HALF.search(event.value):
            raise BadFrontMatterError("half a character")
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise BadFrontMatterError("too much")


def _value(node: Node) -> Value:
    match node:
        case MappingNode():
            data: dict[str, Value] = {}
            for key, value in node.value:
                if not isinstance(key, ScalarNode) or key.value in data:
                    raise BadFrontMatterError("a key that is none, or that stands there twice")
                data[key.value] = _value(value)
            return data
        case SequenceNode():
            return [_value(item) for item in node.value]
        case ScalarNode():
            return _scalar(node)
        case _:
            raise BadFrontMatterError("no YAML")


def _scalar(node: ScalarNode) -> Value:
    text: str = node.value
    if node.style is not None:
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
