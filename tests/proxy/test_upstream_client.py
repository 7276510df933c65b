"""The upstream client: what counts against an upstream, and what is observed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from firewall.errors import CallerError, UpstreamError
from firewall.ports import WireRequest, WireResponse
from firewall.proxy.breaker import Breaker, BreakerSettings, BreakerState
from firewall.proxy.transport import Streamed, TransportKind
from firewall.proxy.transport_errors import (
    invalid,
    late,
    reset,
    too_large,
    truncated,
    unavailable,
    unsendable,
)
from firewall.proxy.upstream_client import UpstreamClient

GET = WireRequest(method="GET", path="/")
Step = WireResponse | Exception


class ScriptedTransport:
    """Answers with the next step; None never answers."""

    kind: TransportKind = "fast"

    def __init__(self, steps: Sequence[Step | None]) -> None:
        self.steps = list(steps)
        self.retries: list[bool] = []
        self.closed = False

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        self.retries.append(retry)
        step = self.steps.pop(0)
        if step is None:
            await asyncio.Event().wait()
        if isinstance(step, Exception):
            raise step
        assert step is not None
        return step

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, deadline: float, retry: bool = False
    ) -> AsyncIterator[Streamed]:
        response = await self.send(request, deadline=deadline, retry=retry)
        yield Streamed(status=response.status, headers=response.headers, chunks=self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield b"part"
        raise truncated()

    async def close(self) -> None:
        self.closed = True


class Observed:
    """Keeps what the metrics would count."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.seconds: list[float] = []
        self.states: list[BreakerState] = []

    def exchanged(self, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)
        self.seconds.append(seconds)

    def breaker(self, state: BreakerState) -> None:
        self.states.append(state)


class Bench:
    """A client over scripted steps, with a clock that moves one second at each look."""

    def __init__(self, *steps: Step | None, failures: int = 2) -> None:
        self.now = 0.0
        self.transport = ScriptedTransport(steps)
        self.observed = Observed()
        self.client = UpstreamClient(
            self.transport,
            Breaker(BreakerSettings(failures=failures)),
            clock=self.tick,
            observer=self.observed,
        )

    def tick(self) -> float:
        self.now += 1
        return self.now

    async def ask(self) -> str:
        try:
            return str((await self.client.send(GET, deadline=1)).status)
        except UpstreamError as error:
            return error.code


def answer(status: int) -> WireResponse:
    return WireResponse(status=status)


@pytest.mark.parametrize(
    "step",
    [unavailable("x"), late(), reset(), truncated(), invalid("x"), answer(502), answer(503), answer(504)],
)
async def test_what_opens_the_breaker(step: Step) -> None:
    """Away, late, broken and 502 to 504 count; then nobody waits for the upstream any more."""
    bench = Bench(step, step)
    await bench.ask()
    await bench.ask()
    assert await bench.ask() == "upstream_open"
    assert bench.observed.states == [BreakerState.open]
    assert bench.transport.steps == []


@pytest.mark.parametrize("step", [answer(200), answer(404), answer(429), answer(500), too_large("body")])
async def test_what_does_not_open_it(step: Step) -> None:
    """Other statuses and an answer that is only too large say that the upstream is there."""
    bench = Bench(step, step, step, failures=1)
    for _ in range(3):
        await bench.ask()
    assert bench.observed.states == []


async def test_failures_pass_through_as_they_are() -> None:
    """A 503 answer is an answer with its own status, not our error."""
    bench = Bench(answer(503))
    assert await bench.ask() == "503"


async def test_recovery() -> None:
    """After the pause one probe goes; it closes the breaker, and every change is reported once."""
    bench = Bench(late(), late(), answer(200), answer(200))
    for _ in range(2):
        await bench.ask()
    bench.now += 30
    assert [await bench.ask(), await bench.ask()] == ["200", "200"]
    assert bench.observed.states == [BreakerState.open, BreakerState.half_open, BreakerState.closed]


async def test_cancelled_and_unsendable_requests_say_nothing_of_the_upstream() -> None:
    """They are `abandoned`: a probe that ends so lets the next one try."""
    bench = Bench(late(), None, unsendable("x"), answer(200), failures=1)
    await bench.ask()
    bench.now += 30
    async with asyncio.TaskGroup() as tasks:
        probe = tasks.create_task(bench.ask())
        asyncio.get_running_loop().call_soon(probe.cancel)
    with pytest.raises(CallerError):
        await bench.ask()
    assert await bench.ask() == "200"
    assert bench.observed.outcomes == ["upstream_timeout", "abandoned", "abandoned", "2xx"]


async def test_observed_once_each() -> None:
    """Each exchange is observed with its outcome and its time; a refused one is none."""
    bench = Bench(answer(204), answer(503), reset())
    for _ in range(4):
        await bench.ask()
    assert bench.observed.outcomes == ["2xx", "5xx", "upstream_reset"]
    assert bench.observed.seconds == [1, 1, 1]


async def test_retry_is_handed_on() -> None:
    """Whether another try is safe is the caller's knowledge and the transport's business."""
    bench = Bench(answer(200), answer(200))
    await bench.client.send(GET, deadline=1)
    await bench.client.send(GET, deadline=1, retry=True)
    assert bench.transport.retries == [False, True]


async def test_stream_that_breaks_counts() -> None:
    """A body that breaks off after a good head is a failure of the upstream."""
    bench = Bench(answer(200), failures=1)
    with pytest.raises(UpstreamError):
        async with bench.client.stream(GET, deadline=1) as streamed:
            assert [chunk async for chunk in streamed.chunks] == []
    assert bench.observed.outcomes == ["upstream_truncated"]
    with pytest.raises(UpstreamError) as caught:
        async with bench.client.stream(GET, deadline=1):
            pass
    assert caught.value.code == "upstream_open"


async def test_stream_that_is_left_early_does_not_count() -> None:
    """The caller's leaving is no failure of the upstream."""
    bench = Bench(answer(200), failures=1)
    async with bench.client.stream(GET, deadline=1) as streamed:
        assert streamed.status == 200
    assert bench.observed.outcomes == ["2xx"]
    assert bench.observed.states == []


async def test_close_closes_the_transport() -> None:
    """Closing is handed down."""
    bench = Bench()
    await bench.client.close()
    assert bench.transport.closed
