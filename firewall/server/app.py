"""The aiohttp application: which path leads where. Made by `make_app(house)`; importing it does nothing."""

from aiohttp import web

from firewall.server import govern, health, records
from firewall.server.boundary import Boundary
from firewall.server.dropin import DropIn
from firewall.server.entrance import Runner
from firewall.server.house import House
from firewall.server.native import native
from firewall.server.use_cases import USE_CASES, edge
from firewall.service.govern.govern import ROUTE


def make_app(house: House) -> web.Application:
    """Routes: `/v1/...` native, `/<mount>/...` drop-in, `/healthz`, `/readyz`, `/metrics`, and an answer for the rest."""
    app = web.Application(client_max_size=house.max_body)
    routes = app.router
    for path, handler in (
        ("/healthz", health.healthz),
        ("/readyz", health.ready(house)),
        ("/metrics", health.metrics(house)),
        ("/v1/decisions/{decision_id}", records.decision(house)),
        ("/v1/policy", records.policy(house)),
        ("/v1/routes", records.routes(house)),
    ):
        routes.add_get(path, native(house, f"GET {path}", handler))
    routes.add_post("/v1/memory/govern", native(house, ROUTE, govern.handler(house)))
    for row in USE_CASES:
        handler = native(house, f"{row.method} {row.path}", edge(house, row.use_case))
        routes.add_route(row.method, row.path, handler)
    for boundary in _boundaries(house):
        drop_in = DropIn(boundary, drain=house.drain, max_body=house.max_body)
        routes.add_route("*", f"/{boundary.name}{{tail:(?s:/.*)?}}", drop_in.handle)
    routes.add_route("*", "/{rest:(?s:.*)}", native(house, "unknown", _missing))
    return app


def _boundaries(house: House) -> list[Boundary]:
    return [
        Boundary(
            pipeline,
            slot=house.slot,
            drain=house.drain,
            metrics=house.services.metrics,
            monotonic=house.services.monotonic,
        )
        for pipeline in house.pipelines
    ]


async def _missing(request: web.Request) -> web.StreamResponse:
    """What no route answers: 405 where another method would be answered, else 404."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource is not request.match_info.route.resource:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound


def make_runner(house: House, *, shutdown_timeout: float) -> web.AppRunner:
    """The application ready to be served, with our own connections before it.

    A compressed body is refused by us: the parser must not unpack it first.
    """
    return Runner(
        make_app(house),
        house,
        _boundaries(house),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=shutdown_timeout,
        auto_decompress=False,
        max_line_size=house.max_header,
        max_field_size=house.max_header,
    )
