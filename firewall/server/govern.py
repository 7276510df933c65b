"""`POST /v1/memory/govern`: authenticate, parse, adjudicate under the deadline, record, encode."""

import msgspec
from aiohttp import web

from firewall.core.compiled import Env
from firewall.core.state import State
from firewall.errors import StateError
from firewall.proxy.disclosure import headers_of
from firewall.server.bodies import read_body
from firewall.server.health import Handler
from firewall.server.house import House
from firewall.service.govern.body import parse_body
from firewall.service.govern.govern import Asker, answer, prepare
from firewall.service.identity import viewer_of
from firewall.service.judging import adjudicate_within
from firewall.service.principals import Principal
from firewall.service.scopes import staleness_of, state_for

_encoder = msgspec.json.Encoder()


def handler(house: House) -> Handler:
    """The answer of govern.md, with the receipt recorded behind it."""

    async def handle(request: web.Request) -> web.Response:
        principal = house.principal(request)
        raw = await read_body(request, house.max_body)
        async with house.slot():
            return await _govern(house, principal, raw)

    return handle


async def _govern(house: House, principal: Principal, raw: bytes) -> web.Response:
    services = house.services
    policy, now = services.policy(), services.now()
    body = parse_body(raw, policy)
    key = principal.reach(body.tenant_id, body.scope)
    degraded = ""
    try:
        state = await state_for(services.projections, key, max_staleness=policy.source.limits.max_staleness_s)
    except StateError as error:
        state, degraded = State(), error.code
    asker = Asker(
        tenant=key.tenant,
        scope=key.scope,
        principal=principal.name,
        max_trust=principal.max_trust,
        viewer=viewer_of(principal),
    )
    prepared = prepare(body, asker, policy, decision_id=services.new_id())
    adjudication = None
    if not degraded:
        begun = services.monotonic()
        adjudication = await adjudicate_within(
            prepared.candidates,
            Env(prepared.context, policy, state, now),
            seconds=policy.source.limits.deadline_ms / 1000.0,
            monotonic=services.monotonic,
        )
        services.metrics.adjudication.observe(services.monotonic() - begun)
        degraded = "deadline" if adjudication is None else ""
    governed = answer(
        prepared,
        adjudication,
        state,
        policy,
        now=now,
        degraded=degraded,
        staleness=staleness_of(services.projections),
    )
    services.recorder.record(governed.receipt, state, governed.candidates, governed.verdicts)
    return web.Response(
        body=_encoder.encode(governed.response),
        content_type="application/json",
        headers=dict(headers_of(governed.receipt)),
    )
