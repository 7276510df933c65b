"""An upstream that never answers: 504 in its own shape once its time is over, for each dialect, and memfw stays up."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.backends.serving import listening
from tests.conformance.clients import ask
from tests.sidecar import sidecar

#: (path below the mount, body), and where the error's words are.
ASKED: dict[str, tuple[str, dict[str, Any] | None, str]] = {
    "zep": ("/api/v2/graph/search", {"query": "q", "user_id": "u1"}, "message"),
    "graphiti": ("/search", {"query": "q", "group_ids": ["g"]}, "detail"),
    "pinecone": ("/indexes/docs", None, "error"),
}


@pytest.mark.parametrize("dialect", ASKED)
async def test_a_slow_upstream_is_not_waited_for(tmp_path: Path, dialect: str) -> None:
    """The caller hears of it in the upstream's words, and the next request is served."""
    path, body, words = ASKED[dialect]
    over = asyncio.Event()

    async def never(_request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", never)
    async with listening(app) as url:
        upstream = {"dialect": dialect, "url": url, "timeouts": {"total": 0.2, "connect": 0.2}}
        async with sidecar(tmp_path, {"upstreams": {"memory": upstream}}) as memfw:
            try:
                headers = [("Authorization", "Bearer k"), ("Api-Key", "k")]
                method = "GET" if body is None else "POST"
                reply = await ask(f"{memfw.url}/memory", method, path, headers=headers, body=body)
                ready = await ask(memfw.url, "GET", "/readyz", headers=[])
            finally:
                over.set()
    assert reply.status == 504
    assert reply.json[words]
    assert ready.status == 200
