"""A server behind the translation, scripted: each test says what it answers and sees what it was asked."""

import json
from typing import Any

from adapters.mem0.oss import OssUpstream
from firewall.errors import UpstreamError
from firewall.ports import WireRequest, WireResponse

ID = "cb8a22ad-52a1-416b-935d-3d624121a935"
NOW = 1_795_000_000.0  # 2026-11-18

Reply = WireResponse | UpstreamError


def ok(value: object, status: int = 200) -> WireResponse:
    return WireResponse(
        status=status, headers=(("Content-Type", "application/json"),), body=json.dumps(value).encode()
    )


def row(number: int = 0, **fields: object) -> dict[str, Any]:
    """A memory of u1 as the server gives it; rows of different numbers have different ids."""
    identifier = ID[:-4] + f"{number:04}" if number else ID
    return {"id": identifier, "memory": f"memory {number}", "user_id": "u1", "metadata": None, **fields}


class ScriptedServer:
    """Answers in the order given, and keeps what it was asked."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.received: list[WireRequest] = []
        self.deadlines: list[float] = []
        self.closed = False

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        self.received.append(request)
        self.deadlines.append(deadline)
        reply = self.replies.pop(0)
        if isinstance(reply, UpstreamError):
            raise reply
        return reply

    async def close(self) -> None:
        self.closed = True

    def asked(self, place: int = -1) -> tuple[str, Any]:
        """Method and target, and the JSON body, of one request."""
        request = self.received[place]
        return f"{request.method} {request.target}", json.loads(request.body) if request.body else None


class Front:
    """The translation in front of the scripted server."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.upstream = OssUpstream(server, now=lambda: NOW, new_id=lambda: "event-1")

    async def raw(self, request: WireRequest, *replies: Reply) -> WireResponse:
        self.server.replies = list(replies)
        return await self.upstream.send(request, deadline=5.0)

    async def __call__(self, line: str, body: object, *replies: Reply) -> tuple[int, Any]:
        """`POST /v3/memories/?page=2` with a JSON body, given those replies: status and JSON answer."""
        method, _, target = line.partition(" ")
        path, _, query = target.partition("?")
        request = WireRequest(
            method=method,
            path=path,
            query=query,
            headers=(("Authorization", "Token secret"), ("Mem0-User-ID", "abc"), ("Content-Length", "3")),
            body=b"" if body is None else json.dumps(body).encode(),
        )
        response = await self.raw(request, *replies)
        return response.status, json.loads(response.body)
