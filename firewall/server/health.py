"""Health: alive is that we answer, ready is that we can govern. `/metrics` is the registry as text."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from firewall.server.house import House

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def ready(house: House) -> Handler:
    """503 while draining, and while the evidence log cannot be written; the reason is named, never a path."""

    async def handle(_request: web.Request) -> web.Response:
        reasons = ["draining"] if house.drain.draining else []
        reasons += [health.reason for health in (house.log.health(), house.health()) if not health.ok]
        policy = house.services.policy()
        body = {"status": "ready" if not reasons else "not_ready", "reasons": reasons, "policy": policy.label}
        return web.json_response(body, status=503 if reasons else 200)

    return handle


def metrics(house: House) -> Handler:
    """The exposition is made in a thread: with many labels it takes milliseconds that the loop does not have."""

    async def handle(_request: web.Request) -> web.Response:
        house.settle()
        instruments = house.services.metrics
        instruments.projection_lag.set(house.services.projections.staleness())
        backlog = house.backlog()
        instruments.quarantine_items.set(backlog.items)
        for tier, count in backlog.open.items():
            instruments.quarantine_open.labels(tier).set(count)
        waited = 0.0 if backlog.oldest is None else max(0.0, house.services.now() - backlog.oldest)
        instruments.quarantine_oldest.set(waited)
        text = await asyncio.to_thread(generate_latest, instruments.registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return handle
