"""Free-shaped JSON: every string that would reach an agent, and the owner that it states. Iterative, so that depth is no limit."""

from adapters.mem0.filters import ENTITY_KEYS, IDENTITY

#: What of JSON may hold a string without being one.
CONTAINERS = frozenset({dict, list})
#: The printable characters of ASCII but the space.
_IDENTIFYING = bytes(range(0x21, 0x7F))
_ALIASES = {"session_id": "run_id"}


def is_prose(text: str) -> bool:
    """Whether a string that should be an identifier may say something to a reader."""
    return not text.isascii() or bool(text.encode().translate(None, _IDENTIFYING))


def strings(value: object) -> tuple[str, ...]:
    """Every string in the value, and every key that is more than an identifier, in order."""
    found: list[str] = []
    left: list[object] = [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict):
            for key, inner in reversed(list(part.items())):
                left.append(inner)
                if is_prose(key):
                    left.append(key)
        elif isinstance(part, list | tuple):
            left.extend(reversed(part))
    return tuple(found)


def stated_owner(value: object) -> dict[str, str]:
    """The ids that an object states anywhere outside of metadata, where it states one only for each key."""
    found: dict[str, set[str]] = {}
    left: list[object] = [value]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            for key, inner in part.items():
                name = _ALIASES.get(key, key)
                if name in IDENTITY and isinstance(inner, str):
                    found.setdefault(name, set()).add(inner)
                elif key != "metadata":
                    left.append(inner)
            kind, entity_id = part.get("entity_type"), part.get("entity_id")
            if isinstance(kind, str) and kind in ENTITY_KEYS and isinstance(entity_id, str):
                found.setdefault(ENTITY_KEYS[kind], set()).add(entity_id)
        elif isinstance(part, list):
            left.extend(part)
    return {key: next(iter(values)) for key, values in found.items() if len(values) == 1}
