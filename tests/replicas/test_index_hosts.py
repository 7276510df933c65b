"""An index host that one sidecar gave to a client is good on every replica: people write it into their settings."""

from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from tests.backends.serving import listening
from tests.replicas.conftest import Settings
from tests.sidecar import sidecar

INDEX = {"name": "notes", "dimension": 3, "metric": "cosine", "status": {"ready": True, "state": "Ready"}}


async def test_an_index_host_of_the_other_sidecar(tmp_path: Path, store: Settings) -> None:
    """Both give the same path for it, whether the key lies beside the file or comes from the ring that they share."""
    app = web.Application()

    async def described(request: web.Request) -> web.Response:
        return web.json_response({**INDEX, "host": f"http://{request.host}"})

    app.router.add_get("/indexes/notes", described)
    async with listening(app) as base, aiohttp.ClientSession() as session:
        vectors = {"dialect": "pinecone", "url": base}
        paths = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            async with (
                sidecar(tmp_path / name, {"upstreams": {"vectors": vectors}, **store}) as memfw,
                session.get(f"{memfw.url}/vectors/indexes/notes") as answer,
            ):
                assert answer.status == 200, await answer.text()
                paths.append(urlsplit((await answer.json())["host"]).path)
    assert paths[0] == paths[1]
    assert "/_idx/" in paths[0]
