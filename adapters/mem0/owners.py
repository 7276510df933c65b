"""The owner that free-shaped JSON states."""

from adapters.mem0.filters import ENTITY_KEYS, IDENTITY

_ALIASES = {"session_id": "run_id"}


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
