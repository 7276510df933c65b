"""A double of Zep that answers from the cassettes, and what a test puts in their place.

It matches by method and raw target; where a target was recorded several times, the one with the same body counts, else the
first. A stack of answers for one target is used up from its front, the last one stays. Everything received is kept.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from tests.backends.serving import listening

CASSETTES = Path(__file__).parent.parent / "cassettes" / "zep"
ZEP_3 = "zep_cloud_3.30.0_sync.json"
ZEP_4 = "zep_cloud_4.0.1_sync.json"
COMMUNITY = "zep_python_ce_2.0.2_sync.json"
GRAPHITI = "graphiti_rest_real.json"


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded exchange of a named call."""

    name: str
    method: str
    target: str
    sent: Any
    headers: Sequence[tuple[str, str]]
    status: int
    content_type: str
    answered: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.answered)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One request, as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: Any


def exchanges(cassette: str) -> list[Exchange]:
    """Of one recording, in order."""
    calls = json.loads((CASSETTES / cassette).read_text(encoding="utf-8"))["calls"]
    return [_exchange(call["name"], exchange) for call in calls for exchange in call["exchanges"]]


def _exchange(name: str, recorded: Mapping[str, Any]) -> Exchange:
    request, response = recorded["request"], recorded["response"]
    body, text = response["body"], response.get("body_text")
    headers = {key.lower(): value for key, value in response["headers"]}
    return Exchange(
        name=name,
        method=request["method"],
        target=request["target"],
        sent=request["body"],
        headers=[(key, value) for key, value in request["headers"]],
        status=response["status"],
        content_type=headers.get("content-type", "application/json"),
        answered=(text or "").encode() if body is None else json.dumps(body).encode(),
    )


def _unlimited(body: Any) -> Any:
    """A search is the same search whatever its limit is."""
    return {key: part for key, part in body.items() if key != "limit"} if isinstance(body, dict) else body


class _Canned(msgspec.Struct, frozen=True, kw_only=True):
    body: bytes
    status: int = 200
    content_type: str = "application/json"


class ZepDouble:
    """What the recorded service answers; `received` is what it was asked."""

    def __init__(self, cassettes: Sequence[str]) -> None:
        self.url = ""
        self.received: list[Received] = []
        self._recorded: dict[tuple[str, str], list[Exchange]] = {}
        self._canned: dict[tuple[str, str], list[_Canned]] = {}
        for cassette in cassettes:
            for each in exchanges(cassette):
                self._recorded.setdefault((each.method, each.target), []).append(each)

    def answer(
        self, line: str, *bodies: object, status: int = 200, content_type: str = "application/json"
    ) -> None:
        """From now on `METHOD target` is answered with these, one after the other."""
        method, target = line.split(" ", 1)
        self._canned[method, target] = [
            _Canned(
                body=body if isinstance(body, bytes) else json.dumps(body).encode(),
                status=status,
                content_type=content_type,
            )
            for body in bodies
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        asked = Received(
            method=request.method,
            target=request.raw_path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        self.received.append(asked)
        canned = self._canned.get((asked.method, asked.target))
        if canned:
            one = canned.pop(0) if len(canned) > 1 else canned[0]
            return web.Response(status=one.status, headers={"Content-Type": one.content_type}, body=one.body)
        known = self._recorded.get((asked.method, asked.target), [])
        same = [each for each in known if _unlimited(each.sent) == _unlimited(body)] or known
        if not same:
            return web.json_response({"message": "not found"}, status=404)
        found = same[0]
        return web.Response(
            status=found.status, headers={"Content-Type": found.content_type}, body=found.answered
        )


@asynccontextmanager
async def zep_double(*cassettes: str) -> AsyncIterator[ZepDouble]:
    """It runs on a random loopback port."""
    double = ZepDouble(cassettes or (ZEP_3, ZEP_4, COMMUNITY))
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", double.handle)
    async with listening(app) as url:
        double.url = url
        yield double
