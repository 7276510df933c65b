"""`GET /v1/upstreams`: which memories are behind memfw, and how they are."""

from collections.abc import Mapping

import msgspec

from firewall.service.desk import Call, Desk, Reply, read_reply


class UpstreamView(msgspec.Struct, frozen=True, kw_only=True):
    """`tls`: `verified`, `unverified` where nobody checks who answers there, `none`. `health`: `ok`, `left_alone` while its breaker is open, `on_probation` while one request tries."""

    name: str
    dialect: str
    routes: Mapping[str, int]
    unknown_routes: str
    tls: str
    health: str


class UpstreamsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    upstreams: tuple[UpstreamView, ...]


async def upstreams(desk: Desk, call: Call) -> Reply:  # noqa: ARG001  as every use case is called
    """Names, dialects, counts of routes and health; no address and no key."""
    return read_reply(
        UpstreamsAnswer(
            upstreams=tuple(
                UpstreamView(
                    name=mounted.name,
                    dialect=mounted.dialect,
                    routes=mounted.routes,
                    unknown_routes=mounted.unknown_routes,
                    tls=mounted.tls,
                    health=mounted.health(),
                )
                for mounted in desk.upstreams
            )
        )
    )
