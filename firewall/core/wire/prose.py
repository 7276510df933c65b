"""Free-shaped JSON: every string that would reach an agent. Iterative, so that depth is no limit."""

#: What of JSON may hold a string without being one.
CONTAINERS = frozenset({dict, list})
#: The printable characters of ASCII but the space.
_IDENTIFYING = bytes(range(0x21, 0x7F))


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
