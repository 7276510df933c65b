"""What every native route has around it: it counts as open while it is answered, and is measured however it ends."""

from contextlib import ExitStack

from aiohttp import web

from firewall.server.house import PLACES, UPSTREAM, House
from firewall.server.problem import Handler, answered


def native(house: House, route: str, handler: Handler) -> Handler:
    """`route` is the label: the method and the path's pattern, never the path that was asked."""
    services = house.services

    async def handle(request: web.Request) -> web.StreamResponse:
        started = services.monotonic()
        with house.drain.request(), ExitStack() as places:
            request[PLACES] = places
            response = await answered(request, handler)
        if house.drain.draining and not response.prepared:
            response.force_close()
        services.metrics.observe_request(UPSTREAM, route, response.status, services.monotonic() - started)
        return response

    return handle
