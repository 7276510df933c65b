"""What the HTTP room is given by the composition root."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass

from aiohttp import web

from firewall.core.state import Backlog
from firewall.errors import CallerError
from firewall.ports import EvidenceLog, Health
from firewall.proxy.pipeline import Pipeline
from firewall.proxy.services import Services
from firewall.server.drain import Drain
from firewall.service.desk import Desk
from firewall.service.principals import Principal

#: What stands for the upstream in the metrics of native routes.
UPSTREAM = "native"
#: What a native request holds until it is answered.
PLACES = web.RequestKey("places", ExitStack)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """`slot` is the door of bounded concurrency; `settle` stores the last receipts,
    `backlog` is the quarantine of the warm scopes,
    `health` is the projections', `reload` takes policy and keys again."""

    services: Services
    desk: Desk
    log: EvidenceLog
    pipelines: Sequence[Pipeline]
    drain: Drain
    slot: Callable[[], AbstractAsyncContextManager[object]]
    settle: Callable[[], None]
    backlog: Callable[[], Backlog]
    health: Callable[[], Health]
    reload: Callable[[], None]
    max_body: int
    max_header: int

    def principal(self, request: web.Request) -> Principal:
        """Who calls the native API: `Authorization: Bearer K`, `X-Api-Key: K` or `Memfw-Key: K`. The request takes a place of
        what that principal may take, and holds it until it is answered. CallerError 401, 403 or 429."""
        headers = request.headers
        key = headers.get("Memfw-Key") or headers.get("X-Api-Key")
        if key is None:
            scheme, _, value = headers.get("Authorization", "").partition(" ")
            key = value.strip() if scheme.lower() == "bearer" else None
        try:
            principal = self.services.principals.resolve(key, native=True)
            allowances, held = self.services.allowances, request.get(PLACES)
            if allowances is not None and held is not None:
                held.enter_context(allowances.of(principal))
        except CallerError as error:
            self.services.metrics.denied.labels(UPSTREAM, error.code).inc()
            raise
        return principal
