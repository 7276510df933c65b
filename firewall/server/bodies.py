"""Reading request bodies: bounded while they arrive, so that a huge one costs its limit and no more."""

import asyncio

from aiohttp import web

from firewall.errors import CallerError


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body; CallerError 413 `body_too_large` beyond `limit` bytes, 415 for a compressed one."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise CallerError(415, "encoding_unsupported", "send the body without Content-Encoding")
    declared = request.content_length
    if declared is not None and declared > limit:
        raise CallerError(413, "body_too_large", f"the body is larger than {limit} bytes")
    if declared == 0 or not request.body_exists:
        return b""
    if declared is not None:
        return await _whole(request, declared)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise CallerError(413, "body_too_large", f"the body is larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def _whole(request: web.Request, declared: int) -> bytes:
    try:
        return await request.content.readexactly(declared)
    except asyncio.IncompleteReadError:
        raise CallerError(400, "body_incomplete", "the body is shorter than its Content-Length") from None
