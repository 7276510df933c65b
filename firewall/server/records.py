"""Reading back: one decision by its id, and the policy that is in force."""

import re

import msgspec
from aiohttp import web

from firewall.errors import CallerError
from firewall.server.health import Handler
from firewall.server.house import House

_DECISION_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def decision(house: House) -> Handler:
    """The stored receipt. A decision of another tenant or scope does not exist for the caller."""

    async def handle(request: web.Request) -> web.Response:
        principal = house.principal(request)
        wanted = request.match_info["decision_id"]
        house.settle()
        found = await house.log.decision(wanted) if _DECISION_ID.fullmatch(wanted) else None
        if found is None or not principal.may_see(found.key):
            raise CallerError(404, "decision_not_found", "no decision of that id")
        return web.Response(body=found.body, content_type="application/json")

    return handle


def routes(house: House) -> Handler:
    """Every native route as this process serves it: the one list that clients and documentation can be held against."""

    async def handle(request: web.Request) -> web.Response:
        house.principal(request)
        served = sorted(
            (route.resource.canonical, route.method)
            for route in request.app.router.routes()
            if route.resource is not None and route.method not in {"*", "HEAD"}
        )
        body = {"routes": [{"method": method, "path": path} for path, method in served]}
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    return handle


def policy(house: House) -> Handler:
    """Name, revision and the whole effective policy with its defaults filled in."""

    async def handle(request: web.Request) -> web.Response:
        house.principal(request)
        current = house.services.policy()
        body = {
            "name": current.source.name,
            "revision": current.revision,
            "mode": current.mode.name,
            "policy": current.source.model_dump(mode="json"),
        }
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    return handle
