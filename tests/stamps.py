"""What a client or an upstream sees of a write, but for the stamp that memfw put there."""

from typing import Any

from firewall.core.stamp import STAMP_KEY, read


def unstamped(value: Any) -> Any:
    """The value without its stamps, and without the metadata that only hold one."""
    if isinstance(value, list):
        return [unstamped(part) for part in value]
    if not isinstance(value, dict):
        return value
    kept = {key: unstamped(part) for key, part in value.items() if key != STAMP_KEY or read(part) is None}
    return {
        key: part
        for key, part in kept.items()
        if part or not (isinstance(value[key], dict) and STAMP_KEY in value[key])
    }
