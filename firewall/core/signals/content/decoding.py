"""What a text hides in an encoding. Every decoder is bounded: by the length that it reads, and by how much it returns.

A decoder gives readings, not findings: whether a reading holds anything is for `detect` to see.
"""

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote_plus

import msgspec

#: Of one text, and of one blob in it; whoever hides an instruction wants it to be found by the agent.
LONGEST_TEXT = 50_000
LONGEST_BLOB = 16_000
MOST_BLOBS = 128

_BLOB = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,3}(?:[ \r\n]{1,3}[A-Za-z0-9+/_-]{20,}={0,3})*")
_HEX = re.compile(r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s:,]{0,2}){8,}")
_UNICODE_ESCAPE = re.compile(r"\\u\{?([0-9a-fA-F]{2,6})\}?")
_SPACED = re.compile(r"(?<!\w)(?:[A-Za-z][ ._*|/-]{1,3}){6,}[A-Za-z](?!\w)")
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LEET = (str.maketrans("013457@$!|+89", "oieastasiltbg"), str.maketrans("013457@$!|+89", "oleastasiltbg"))


class Reading(msgspec.Struct, frozen=True):
    """A decoded text, how it was encoded, and where: None when the whole text was read in another way."""

    via: str
    text: str
    place: tuple[int, int] | None = None


def readings(decoder: str, text: str) -> Iterator[Reading]:
    """What comes out when this text is read by one decoder of the tables."""
    return _DECODERS[decoder](text[:LONGEST_TEXT])


def _blobs(text: str) -> Iterator[Reading]:
    for count, found in enumerate(_BLOB.finditer(text)):
        if count == MOST_BLOBS:
            return
        blob = "".join(found.group().split())[:LONGEST_BLOB]
        for via, decode in (("base64", _from_base64), ("hex", bytes.fromhex), ("base32", _from_base32)):
            yield from _reading(via, blob, decode, found.span())


def _reading(
    via: str, blob: str, decode: Callable[[str], bytes], place: tuple[int, int]
) -> Iterator[Reading]:
    try:
        decoded = decode(blob)
    except (binascii.Error, ValueError):
        return  # it is no such encoding: nothing to read
    for encoding in ("utf-8", "utf-16-le"):
        readable = decoded.decode(encoding, "replace").strip("\x00")
        if _is_readable(readable):
            yield Reading(via, readable, place)


def _from_base64(blob: str) -> bytes:
    plain = blob.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(
        plain[: len(plain) - (len(plain) % 4 == 1)] + "=" * (-len(plain) % 4), validate=False
    )


def _from_base32(blob: str) -> bytes:
    plain = blob.rstrip("=")
    return base64.b32decode(plain + "=" * (-len(plain) % 8))


def _is_readable(text: str) -> bool:
    bad = sum(
        (not character.isprintable() and character not in "\t\r\n") or character == "\ufffd"
        for character in text
    )
    return len(text) >= 6 and bad * 10 <= len(text)


def _hex(text: str) -> Iterator[Reading]:
    for count, found in enumerate(_HEX.finditer(text)):
        if count == MOST_BLOBS:
            return
        digits = re.sub(r"0x|\\x|[\s:,]", "", found.group())
        yield from _reading("hex", digits[:LONGEST_BLOB], bytes.fromhex, found.span())


def _escapes(text: str) -> Iterator[Reading]:
    plain = _UNICODE_ESCAPE.sub(lambda found: _character(int(found.group(1), 16)), text)
    yield Reading("escape", html.unescape(plain))


def _character(code: int) -> str:
    return chr(code) if code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"


def _url(text: str) -> Iterator[Reading]:
    yield Reading("url", unquote_plus(text))


def _rot13(text: str) -> Iterator[Reading]:
    yield Reading("rot13", codecs.encode(text, "rot13"))


def _reversed(text: str) -> Iterator[Reading]:
    yield Reading("reversed", text[::-1])


def _leet(text: str) -> Iterator[Reading]:
    for table in _LEET:
        yield Reading("leet", text.translate(table))


def _spaced(text: str) -> Iterator[Reading]:
    yield Reading("spaced", _SPACED.sub(lambda found: _join_letters(found.group()), text))


def _join_letters(spelled: str) -> str:
    """Letters with one separator between them; two and more separate words."""
    words = re.split(r"[ ._*|/-]{2,}", spelled)
    return " ".join(re.sub(r"[ ._*|/-]", "", word) for word in words)


def _snake(text: str) -> Iterator[Reading]:
    yield Reading("snake", text.replace("_", " "))


def _control(text: str) -> Iterator[Reading]:
    yield Reading("control", _CONTROL.sub("", text))


_DECODERS: Mapping[str, Callable[[str], Iterator[Reading]]] = {
    "blob": _blobs,
    "hex": _hex,
    "escape": _escapes,
    "url": _url,
    "rot13": _rot13,
    "reversed": _reversed,
    "leet": _leet,
    "spaced": _spaced,
    "snake": _snake,
    "control": _control,
}
