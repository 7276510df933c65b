"""The HTTP edge of the use cases: one adapter for all of them, and the table of which route leads to which."""

from aiohttp import web

from firewall.errors import CallerError
from firewall.server.bodies import read_body
from firewall.server.health import Handler
from firewall.server.house import House
from firewall.service.desk import Call, UseCase

#: (method, path, use case). The label in the metrics is method and path; one machine-readable list is made of it.
USE_CASES: tuple[tuple[str, str, UseCase], ...] = ()


def edge(house: House, use_case: UseCase) -> Handler:
    """Authenticate, read, run, answer. A write says in `Memfw-After` from which offset on a read sees it."""

    async def handle(request: web.Request) -> web.Response:
        principal = house.principal(request)
        raw = await read_body(request, house.max_body)
        call = Call(
            principal=principal,
            raw=raw,
            tenant=request.headers.get("X-Tenant-Id"),
            after=_after(request),
            params=dict(request.match_info),
            query={name: request.query[name] for name in request.query},
        )
        async with house.slot():
            reply = await use_case(house.desk, call)
        headers = {"Memfw-After": str(reply.offset)} if reply.offset else {}
        if reply.replayed:
            headers["Memfw-Replayed"] = "true"
        return web.Response(body=reply.body, content_type="application/json", headers=headers)

    return handle


def _after(request: web.Request) -> int | None:
    text = request.headers.get("Memfw-After")
    if text is None:
        return None
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise CallerError(400, "invalid_header", "Memfw-After is an offset that a write returned")
    return int(text)
