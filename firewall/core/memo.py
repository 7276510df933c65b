"""A bounded memory of a pure function of one text, so that a text that is read again costs a look-up.

A text is a string, bytes, or a tuple of texts. Only what depends on the text alone may be kept: never anything of a tenant, a policy, a state or a time. There are two
generations. When the young one is full it becomes the old one, and what nobody asked for since the turn before is gone.
Long texts are not kept. Not synchronised: two threads that ask at once compute twice, and lose nothing.
"""

import enum
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")

LONGEST = 4_096
MOST_ENTRIES = 16_384
MOST_BYTES = 8 << 20

#: What an entry costs beside its text: the tables' share of it, and a small result.
_ENTRY_BYTES = 256


class _Known(enum.Enum):
    """A sign that no function returns: None is a result."""

    no = enum.auto()


_NO = _Known.no


class _Kept(dict[Key, Result]):
    """A table that asks for what it does not hold: what it does hold costs no Python call."""

    __slots__ = ("_missing",)

    def __init__(self, missing: Callable[[Key], Result]) -> None:
        super().__init__()
        self._missing = missing

    def __missing__(self, text: Key) -> Result:
        return self._missing(text)


class Memo(Generic[Key, Result]):
    """`function`, remembered. What it raises is not kept, nor what it says of a text that is longer than `LONGEST`."""

    def __init__(
        self, function: Callable[[Key], Result], *, entries: int = MOST_ENTRIES, size: int = MOST_BYTES
    ) -> None:
        """At most `entries` are kept, of `size` bytes, in both generations together."""
        self._function = function
        self._entries = entries // 2
        self._size = size // 2
        self._young = _Kept(self._recall)
        self._old: dict[Key, Result] = {}
        self._young_size = 0
        #: The same as calling the memo, without a Python call for what it knows.
        self.of: Callable[[Key], Result] = self._young.__getitem__

    def __call__(self, text: Key) -> Result:
        return self.of(text)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def clear(self) -> None:
        """Forget every text."""
        self._young.clear()
        self._old = {}
        self._young_size = 0

    def _recall(self, text: Key) -> Result:
        known = self._old.pop(text, _NO)
        result = self._function(text) if known is _NO else known
        length = _length(text)
        if length <= LONGEST:
            self._young[text] = result
            self._young_size += _ENTRY_BYTES + length * (1 if _is_narrow(text) else 4)
            if len(self._young) >= self._entries or self._young_size >= self._size:
                self._old = dict(self._young)
                self._young.clear()
                self._young_size = 0
        return result


def _length(text: object) -> int:
    return (
        sum(map(_length, text))
        if isinstance(text, tuple)
        else len(text)
        if isinstance(text, str | bytes)
        else 0
    )


def _is_narrow(text: object) -> bool:
    """Whether a character of it takes one byte. What is not one string is counted as if it did not."""
    return isinstance(text, bytes) or (isinstance(text, str) and text.isascii())
