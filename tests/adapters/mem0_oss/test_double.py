"""The platform double against the vendor's own client: it is only worth something if that client is content."""

import asyncio
import inspect
import json
from typing import Any

import aiohttp
import pytest
import yarl

from tests.backends.mem0_calls import perform
from tests.backends.mem0_double import (
    PLATFORM_0,
    PLATFORM_1,
    PLATFORM_2,
    PLATFORM_TS,
    Answer,
    Gate,
    PlatformDouble,
    Recording,
    Trouble,
    platform_double,
    recordings,
)

CALLS = recordings(PLATFORM_2)


def same_requests(double: PlatformDouble, call: Recording) -> None:
    sent = [(one.method, one.target, one.body) for one in double.received]
    assert sent == [(one.method, one.target, one.body) for one in call.requests], call.name


def check(call: Recording, outcome: Any) -> None:
    """What the client returned or raised is what it did when it was recorded."""
    if "raised" in call.sdk:
        assert f"{type(outcome).__name__}: {outcome}" == call.sdk["raised"]
    elif "returned" in call.sdk:
        assert outcome == call.sdk["returned"]


async def test_the_real_client_makes_all_its_calls() -> None:
    """MemoryClient: the recorded requests byte by byte in their meaning, the recorded results."""
    from mem0 import MemoryClient

    async with platform_double(PLATFORM_2) as double:
        client = await asyncio.to_thread(MemoryClient, api_key="k", host=double.url)
        same_requests(double, CALLS[0])
        for call in CALLS[1:]:
            double.received.clear()
            try:
                outcome = await asyncio.to_thread(perform, client, call)
            except (ValueError, NotImplementedError) as error:
                outcome = error
            same_requests(double, call)
            check(call, outcome)
        client.client.close()
    assert sum(len(call.requests) for call in CALLS) == 53


async def test_the_real_async_client_makes_all_its_calls() -> None:
    """AsyncMemoryClient sends the same requests."""
    from mem0 import AsyncMemoryClient

    async with platform_double(PLATFORM_2) as double:
        client = await asyncio.to_thread(AsyncMemoryClient, api_key="k", host=double.url)
        for call in CALLS[1:]:
            double.received.clear()
            try:
                outcome = perform(client, call)
                outcome = await outcome if inspect.isawaitable(outcome) else outcome
            except (ValueError, NotImplementedError) as error:
                outcome = error
            same_requests(double, call)
        await client.async_client.aclose()


@pytest.mark.parametrize("cassette", [PLATFORM_0, PLATFORM_1, PLATFORM_TS])
async def test_every_recorded_request_has_its_answer(cassette: str) -> None:
    """The clients that are not installed here, by their recorded requests."""
    async with platform_double(cassette) as double, aiohttp.ClientSession() as session:
        for call in recordings(cassette):
            for request in call.requests:
                target = yarl.URL(double.url + request.target, encoded=True)
                async with session.request(request.method, target, json=request.body) as got:
                    assert got.status == 200
                    assert await got.json() is not None
        assert [one.method for one in double.received] == [
            request.method for call in recordings(cassette) for request in call.requests
        ]


async def test_what_is_not_recorded_is_a_404() -> None:
    """In JSON, as the client needs it."""
    async with (
        platform_double() as double,
        aiohttp.ClientSession() as session,
        session.get(f"{double.url}/v1/unknown/") as got,
    ):
        assert got.status == 404
        assert await got.json() == {"detail": "Not Found"}


async def test_injected_rows_and_failures() -> None:
    """Rows, statuses, foreign bodies, cut bodies, resets and held answers, each for as often as was said."""
    async with platform_double() as double, aiohttp.ClientSession() as session:
        url = f"{double.url}/v1/ping/"
        double.answer("GET", "/v1/ping/", {"results": [{"id": "x"}]})
        double.trouble(Trouble(answer=Answer(status=503, headers=(("Retry-After", "2"),), body=b"busy")))
        async with session.get(url) as got:
            assert (got.status, got.headers["Retry-After"], await got.read()) == (503, "2", b"busy")
        double.trouble(Trouble(cut=5))
        with pytest.raises(aiohttp.ClientPayloadError):
            async with session.get(url) as got:
                await got.read()
        double.trouble(Trouble(reset=True), times=2)
        for _ in range(2):
            with pytest.raises(aiohttp.ClientError):
                await session.post(url)
        gate = Gate()
        double.trouble(Trouble(gate=gate))
        held = asyncio.ensure_future(session.get(url))
        await gate.reached.wait()
        assert not held.done()
        gate.opened.set()
        async with await held as got:
            assert json.loads(await got.read()) == {"results": [{"id": "x"}]}
