"""FNV-1a in 32 bits: short names for things that have none. No digest: nothing relies on it being hard to meet."""

_OFFSET = 0x811C9DC5
_PRIME = 0x01000193


def fnv1a_32(text: str) -> str:
    """Eight hex digits of the text's UTF-8."""
    value = _OFFSET
    for byte in text.encode("utf-8", "surrogatepass"):
        value = ((value ^ byte) * _PRIME) & 0xFFFFFFFF
    return f"{value:08x}"
