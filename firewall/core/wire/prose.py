"""Free-shaped JSON: every string that would reach an agent. Iterative, so that depth is no limit."""

from collections.abc import Iterator, Mapping

#: What of JSON may hold a string without being one.
CONTAINERS = frozenset({dict, list})
_SILENT = frozenset({int, float, bool, type(None)})
#: The printable characters of ASCII but the space.
_IDENTIFYING = bytes(range(0x21, 0x7F))


def is_prose(text: str) -> bool:
    """Whether a string that should be an identifier may say something to a reader."""
    return not text.isascii() or bool(text.encode().translate(None, _IDENTIFYING))


def strings(value: object) -> tuple[str, ...]:
    """Every string in the value, and every key that is more than an identifier, in order."""
    found: list[str] = []
    left: list[Iterator[object]] = [iter((value,))]
    while left:
        for part in left[-1]:
            if type(part) is str:  # first, the types that JSON has: to ask for others costs more
                found.append(part)
            elif type(part) in _SILENT:
                continue
            elif isinstance(part, str):
                found.append(part)
            elif isinstance(part, dict):
                # All keys are looked at as one text: hardly ever is one of them more than an identifier.
                left.append(_spoken(part) if is_prose("".join(part)) else iter(part.values()))
                break
            elif isinstance(part, list | tuple):
                left.append(iter(part))
                break
        else:
            left.pop()
    return tuple(found)


def _spoken(fields: Mapping[str, object]) -> Iterator[object]:
    for key, inner in fields.items():
        if is_prose(key):
            yield key
        yield inner
