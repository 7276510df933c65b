"""What the pipeline calls: one upstream's transport behind its circuit breaker, each exchange observed.

It decides what counts as a failure of the upstream. An answer, whatever its status, is handed on: 5xx and 429 are for
the dialect to pass on in their own shape. The one retry of a read is the transport's, which alone can tell whether
anything of an answer had come and can take a new connection; there is no second loop here.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from firewall.errors import UpstreamError
from firewall.ports import WireRequest, WireResponse
from firewall.proxy.breaker import Breaker, BreakerEvent, BreakerState, Ticket
from firewall.proxy.transport import Streamed, Transport


class UpstreamObserver(Protocol):
    """Hears what happens, for the metrics. Label values are bounded: a status class or an error code."""

    def exchanged(self, outcome: str, seconds: float) -> None:
        """One request ended: `2xx` ... `5xx`, an error code, or `abandoned`. For a stream the time to its end."""
        ...

    def breaker(self, state: BreakerState) -> None:
        """The breaker is in another state now."""
        ...


_ABANDONED = (BreakerEvent.abandoned, "abandoned")


class UpstreamClient:
    """The `Upstream` port with protection, and `stream` for pass routes."""

    def __init__(
        self,
        transport: Transport,
        breaker: Breaker,
        *,
        clock: Callable[[], float],
        observer: UpstreamObserver,
    ) -> None:
        self._transport = transport
        self._breaker = breaker
        self._clock = clock
        self._observer = observer
        self._reported = breaker.state

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        """The answer. UpstreamError 503 `upstream_open` with `retry_after` while the breaker is open."""
        began = self._clock()
        ticket = self._admit(began)
        event, outcome = _ABANDONED
        try:
            response = await self._transport.send(request, deadline=deadline, retry=retry)
        except UpstreamError as error:
            event, outcome = self._of_error(error)
            raise
        else:
            event, outcome = self._of_status(response.status)
            return response
        finally:
            self._settle(ticket, event, outcome, began)

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, deadline: float, retry: bool = False
    ) -> AsyncIterator[Streamed]:
        """The answer under way. A body that breaks off counts as a failure too."""
        began = self._clock()
        ticket = self._admit(began)
        event, outcome = _ABANDONED
        try:
            async with self._transport.stream(request, deadline=deadline, retry=retry) as streamed:
                event, outcome = self._of_status(streamed.status)
                yield streamed
        except UpstreamError as error:
            event, outcome = self._of_error(error)
            raise
        finally:
            self._settle(ticket, event, outcome, began)

    async def close(self) -> None:
        await self._transport.close()

    def _admit(self, now: float) -> Ticket:
        ticket = self._breaker.admit(now)
        if self._breaker.state is not self._reported:
            self._report()
        return ticket

    def _of_status(self, status: int) -> tuple[BreakerEvent, str]:
        failed = status in self._breaker.settings.failure_statuses
        return (BreakerEvent.failed if failed else BreakerEvent.succeeded), f"{status // 100}xx"

    def _of_error(self, error: UpstreamError) -> tuple[BreakerEvent, str]:
        # Too large is a fault of one answer: whoever can ask for it must not be able to shut the upstream for others.
        failed = error.code in self._breaker.settings.failure_codes
        return (BreakerEvent.failed if failed else BreakerEvent.succeeded), error.code

    def _settle(self, ticket: Ticket, event: BreakerEvent, outcome: str, began: float) -> None:
        now = self._clock()
        self._breaker.record(ticket, event, now)
        if self._breaker.state is not self._reported:
            self._report()
        self._observer.exchanged(outcome, now - began)

    def _report(self) -> None:
        self._reported = self._breaker.state
        self._observer.breaker(self._reported)
