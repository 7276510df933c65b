"""A server that writes down what it is asked and answers what it is told: the client seen from the other side."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Double:
    """`answers` by path are given in turn, the last one again and again; without any it is an empty object."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[web.Response]] = field(default_factory=dict)

    def answer(
        self, path: str, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Queue an answer; bytes are given as they are."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.answers.setdefault(path, []).append(web.Response(status=status, body=body, headers=headers))

    async def handle(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.asked.append(
            Asked(
                request.method,
                request.raw_path.partition("?")[0],
                dict(request.query),
                dict(request.headers),
                json.loads(raw) if raw else None,
            )
        )
        queued = self.answers.get(request.path, [])
        if not queued:
            return web.json_response({})
        told = queued.pop(0) if len(queued) > 1 else queued[0]
        return web.Response(status=told.status, body=told.body, headers=told.headers)


@asynccontextmanager
async def double() -> AsyncIterator[Double]:
    """On a free port of the loopback."""
    recording = Double()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", recording.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        recording.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield recording
    finally:
        await runner.cleanup()
