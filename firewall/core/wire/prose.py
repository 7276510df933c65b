"""Free-shaped JSON: every string that would reach an agent. Iterative, so that depth is no limit."""

from collections.abc import Iterator

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
    keys: list[str] = []
    found = strings_beside(value, keys)
    # All keys are looked at as one text: hardly ever is one of them more than an identifier.
    return tuple(_with_keys(value) if is_prose("".join(keys)) else found)


def strings_beside(value: object, keys: list[str]) -> list[str]:
    """Every string in the value, in order; its keys go to `keys`. If one of those is prose, `strings` tells where it stands."""
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
                keys += part
                left.append(iter(part.values()))
                break
            elif isinstance(part, list | tuple):
                left.append(iter(part))
                break
        else:
            left.pop()
    return found


def _with_keys(value: object) -> list[str]:
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
    return found
