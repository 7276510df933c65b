"""What the HTTP room is given by the composition root."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from aiohttp import web

from firewall.ports import EvidenceLog, Health
from firewall.proxy.pipeline import Pipeline
from firewall.proxy.services import Services
from firewall.server.drain import Drain
from firewall.service.desk import Desk
from firewall.service.principals import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """`slot` is the door of bounded concurrency; `settle` stores the last receipts,
    `held_items` counts the quarantine of the warm scopes,
    `health` is the projections'."""

    services: Services
    desk: Desk
    log: EvidenceLog
    pipelines: Sequence[Pipeline]
    drain: Drain
    slot: Callable[[], AbstractAsyncContextManager[object]]
    settle: Callable[[], None]
    held_items: Callable[[], int]
    health: Callable[[], Health]
    reload_policy: Callable[[], None]
    max_body: int
    max_header: int

    def principal(self, request: web.Request) -> Principal:
        """Who calls the native API: `Authorization: Bearer K`, `X-Api-Key: K` or `Memfw-Key: K`."""
        headers = request.headers
        key = headers.get("Memfw-Key") or headers.get("X-Api-Key")
        if key is None:
            scheme, _, value = headers.get("Authorization", "").partition(" ")
            key = value.strip() if scheme.lower() == "bearer" else None
        return self.services.principals.resolve(key, native=True)
