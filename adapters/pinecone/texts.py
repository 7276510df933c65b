"""Where the text of a row stands: under the key of the framework that wrote it, and every other string beside it."""

from collections.abc import Mapping, Sequence

from adapters.pinecone.bodies import loose_strings, strict_object
from firewall.core.wire.prose import CONTAINERS, is_prose, strings
from firewall.errors import CallerError

#: LlamaIndex keeps the whole node as JSON under the first one.
NODE = "_node_content"
DEFAULT_TEXT_KEYS = (NODE, "text", "content", "data", "page_content", "chunk_text", "body")

NOTHING: tuple[str, ...] = ()


def text_of(fields: Mapping[str, object], text_keys: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The text, and every other string that reaches the agent with it. Without a known key all strings are the text."""
    for key in text_keys:
        value = fields.get(key)
        if type(value) is not str or not value:
            continue
        if key == NODE:
            text, inside = _node(value)
            if not text:
                continue
            return text, (*_others(fields, key), *inside)
        return value, _others(fields, key)
    return "\n".join(_others(fields, "")), NOTHING


def _others(fields: Mapping[str, object], text_key: str) -> tuple[str, ...]:
    """Every string but the text's own. Keys count where they say something: all are looked at as one first."""
    found: list[str] = []
    names = ""
    for key, value in fields.items():
        names += key
        if type(value) is str:
            if key == text_key:
                continue
            if key == NODE:
                text, inside = _node(value)
                found += (text, *inside)
            else:
                found.append(value)
        elif type(value) in CONTAINERS:
            found += strings(value)
    if is_prose(names):
        found += [key for key in fields if is_prose(key)]
    return tuple(found)


def _node(content: str) -> tuple[str, tuple[str, ...]]:
    """The text of a LlamaIndex node and all other strings in it; what is no such JSON is text as it stands, beside what a
    careless reader would find in it."""
    raw = content.encode("utf-8", "surrogatepass")
    try:
        node = strict_object(raw)
    except CallerError:
        return content, loose_strings(raw)
    text = node.get("text")
    if not isinstance(text, str) or not text:
        resource = node.get("text_resource")
        text = resource.get("text") if isinstance(resource, dict) else None
    if not isinstance(text, str):
        return "", strings(node)
    return text, tuple(part for part in strings(node) if part != text)
