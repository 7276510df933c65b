"""Undoes a Content-Encoding that an upstream used although it was asked not to, within the body cap.

Output and work are bounded: a small body that unpacks into a huge one is refused at the cap, not after it. No I/O.
"""

import zlib

from firewall.proxy.transport_errors import invalid, too_large, truncated

_GZIP, _ZLIB, _RAW = 31, 15, -15
# One member is usual; each further one costs a copy of the rest, so their number is bounded.
_MAX_MEMBERS = 64


def decode_body(body: bytes, encoding: str, limit: int) -> bytes:
    """The plain body. UpstreamError 502 for another encoding, a broken one, or more than `limit` bytes."""
    if not body:
        return body
    match encoding:
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _inflate_members(body, limit)
        case "deflate":
            # Named deflate, sent as zlib by most and as raw deflate by some: a zlib header tells them apart.
            zlib_header = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] * 256 + body[1]) % 31 == 0
            plain, rest = _inflate(body, _ZLIB if zlib_header else _RAW, limit)
            if rest:
                raise invalid("bytes follow its compressed body")
            return plain
        case _:
            raise invalid("its content encoding is not one that we read")


def _inflate_members(body: bytes, limit: int) -> bytes:
    plain, rest = _inflate(body, _GZIP, limit)
    parts, size = [plain], len(plain)
    while rest:
        if len(parts) == _MAX_MEMBERS:
            raise invalid("its compressed body has too many parts")
        plain, rest = _inflate(rest, _GZIP, limit - size)
        parts.append(plain)
        size += len(plain)
    return b"".join(parts)


def _inflate(body: bytes, window: int, limit: int) -> tuple[bytes, bytes]:
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        raise invalid("its compressed body is broken") from None
    if len(plain) > limit:
        raise too_large("body")
    if not stream.eof:
        raise truncated()
    return plain, stream.unused_data
