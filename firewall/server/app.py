"""The aiohttp application: which path leads where. Made by `make_app(house)`; importing it does nothing."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from firewall.server import govern, health, records
from firewall.server.dropin import DropIn
from firewall.server.house import House
from firewall.server.native import native
from firewall.server.problem import native_errors
from firewall.service.govern import ROUTE


def make_app(house: House) -> web.Application:
    """Routes: `/v1/...` native, `/<mount>/...` drop-in, `/healthz`, `/readyz`, `/metrics`."""
    app = web.Application(middlewares=[native_errors], client_max_size=house.max_body)
    app.add_routes(
        [
            web.get("/healthz", health.healthz),
            web.get("/readyz", health.ready(house)),
            web.get("/metrics", health.metrics(house)),
            web.post("/v1/memory/govern", native(house, ROUTE, govern.handler(house))),
            web.get(
                "/v1/decisions/{decision_id}",
                native(house, "GET /v1/decisions/{decision_id}", records.decision(house)),
            ),
            web.get("/v1/policy", native(house, "GET /v1/policy", records.policy(house))),
        ]
    )
    app.on_response_prepare.append(_no_keep_alive(house))
    for pipeline in house.pipelines:
        drop_in = DropIn(
            pipeline,
            slot=house.slot,
            drain=house.drain,
            metrics=house.services.metrics,
            monotonic=house.services.monotonic,
            max_body=house.max_body,
        )
        app.router.add_route("*", f"/{pipeline.mount.name}{{tail:(?:/.*)?}}", drop_in.handle)
    return app


def make_runner(house: House, *, shutdown_timeout: float) -> web.AppRunner:
    """The application ready to be served. A compressed body is refused by us: the parser must not unpack it first."""
    return web.AppRunner(
        make_app(house),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=shutdown_timeout,
        auto_decompress=False,
        max_line_size=house.max_header,
        max_field_size=house.max_header,
    )


def _no_keep_alive(house: House) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """While draining every answer, whoever made it, closes its connection, so that clients move on."""

    async def close(_request: web.Request, response: web.StreamResponse) -> None:
        if house.drain.draining:
            response.force_close()
            response.headers["Connection"] = "close"  # the headers are made already when we are asked

    return close
