"""A double of the Mem0 platform that answers from the cassettes, and can be told to fail.

It matches by method and raw target, and answers what the stub of the recording answered; what the recordings do not hold
is a JSON 404. Where a target was recorded several times, the one with the same body counts, else the first. Everything
received is kept.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from tests.backends.serving import listening

CASSETTES = Path(__file__).parent.parent / "cassettes" / "mem0"
PLATFORM_2 = "platform_2.2.1_sync.json"
PLATFORM_1 = "platform_1.0.11_sync.json"
PLATFORM_0 = "platform_0.1.118_sync.json"
PLATFORM_TS = "platform_ts_3.3.1.json"
ALL = (PLATFORM_2, PLATFORM_1, PLATFORM_0, PLATFORM_TS)

QUEUED = {"message": "Memory processing has been queued", "status": "PENDING", "event_id": "ev1"}


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a client sent it, in a recording or to the double."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: Any = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: bytes = b""


class Gate:
    """Holds an answer: `reached` is set when a request waits at it, `opened` lets it through."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """One bad answer. `gate` holds it until the test opens it; `cut` sends that many bytes of a longer body, then resets."""

    answer: Answer | None = None
    reset: bool = False
    cut: int | None = None
    gate: Gate | None = None


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One named call of a client, its SDK arguments and its HTTP exchanges."""

    name: str
    sdk: dict[str, Any]
    requests: tuple[Recorded, ...]
    responses: tuple[Answer, ...]


def recordings(cassette: str) -> list[Recording]:
    """The calls of a cassette, in the order in which they were made."""
    calls = json.loads((CASSETTES / cassette).read_text(encoding="utf-8"))["calls"]
    return [
        Recording(
            name=call["name"],
            sdk=call.get("sdk", {}),
            requests=tuple(_request(exchange["request"]) for exchange in call["exchanges"]),
            responses=tuple(_response(exchange) for exchange in call["exchanges"]),
        )
        for call in calls
    ]


def _request(recorded: dict[str, Any]) -> Recorded:
    return Recorded(
        method=recorded["method"],
        target=recorded["target"],
        headers=tuple((name, value) for name, value in recorded["headers"]),
        body=recorded["body"],
    )


def _response(exchange: dict[str, Any]) -> Answer:
    request, response = exchange["request"], exchange["response"]
    body = response["body"]
    # The stub of the two old clients took adding to and listing /v1/memories/ for a deletion.
    if request["path"] == "/v1/memories/" and request["method"] == "POST":
        body = QUEUED
    if request["path"] == "/v1/memories/" and request["method"] == "GET":
        body = []
    return Answer(status=response["status"], body=json.dumps(body).encode())


class PlatformDouble:
    """What the recorded platform answers; `received` is what it was asked."""

    def __init__(self, cassettes: Sequence[str]) -> None:
        self.url = ""
        self.received: list[Recorded] = []
        self._answers: dict[tuple[str, str], list[tuple[Any, Answer]]] = {}
        self._troubles: list[Trouble] = []
        for cassette in cassettes:
            for recording in recordings(cassette):
                for request, response in zip(recording.requests, recording.responses, strict=True):
                    known = self._answers.setdefault((request.method, request.target), [])
                    known.append((request.body, response))

    def answer(self, method: str, target: str, body: object, *, status: int = 200) -> None:
        """From now on this target is answered with `body` as JSON: rows to govern, or a refusal."""
        self._answers[method, target] = [(None, Answer(status=status, body=json.dumps(body).encode()))]

    def trouble(self, trouble: Trouble, *, times: int = 1) -> None:
        """The next answers, whatever is asked."""
        self._troubles.extend([trouble] * times)

    def calm(self) -> None:
        """No more trouble."""
        self._troubles.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        asked = Recorded(
            method=request.method,
            target=request.raw_path,
            headers=tuple(request.headers.items()),
            body=json.loads(raw) if raw else None,
        )
        self.received.append(asked)
        answer = self._recorded(asked)
        if not self._troubles:
            return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)
        return await self._misbehave(request, self._troubles.pop(0), answer)

    def _recorded(self, asked: Recorded) -> Answer:
        known = self._answers.get((asked.method, asked.target), [])
        exact = [answer for body, answer in known if body == asked.body]
        other = [answer for _, answer in known]
        return next(iter(exact + other), Answer(status=404, body=b'{"detail":"Not Found"}'))

    async def _misbehave(self, request: web.Request, trouble: Trouble, usual: Answer) -> web.StreamResponse:
        if trouble.gate is not None:
            trouble.gate.reached.set()
            await trouble.gate.opened.wait()
        answer = trouble.answer or usual
        whole = web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)
        if not trouble.reset and trouble.cut is None:
            return whole
        transport = request.transport
        assert transport is not None
        if trouble.cut is not None:
            part = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
            part.content_length = len(answer.body)
            await part.prepare(request)
            await part.write(answer.body[: trouble.cut])
            transport.close()
            return part
        transport.abort()
        return whole


@asynccontextmanager
async def platform_double(*cassettes: str) -> AsyncIterator[PlatformDouble]:
    """A running double of those cassettes, of all of them where none is named."""
    double = PlatformDouble(cassettes or ALL)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{anything:.*}", double.handle)
    async with listening(app) as url:
        double.url = url
        yield double
