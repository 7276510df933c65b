"""The HTTP edge of the use cases: one adapter for all of them, and the table of which route leads to which."""

from typing import NamedTuple

from aiohttp import web

from firewall.errors import CallerError
from firewall.proxy.disclosure import STALENESS
from firewall.server.bodies import read_body
from firewall.server.health import Handler
from firewall.server.house import House
from firewall.service.audit.decisions import decision_report, decision_trace
from firewall.service.audit.flight_recorder import flight_recorder
from firewall.service.audit.snapshot import snapshot
from firewall.service.desk import Call, UseCase
from firewall.service.evidence import handoff
from firewall.service.evidence.observe import observe
from firewall.service.evidence.payload import rehydrate_payload
from firewall.service.evidence.resolve import resolve
from firewall.service.evidence.tending import forget, rehydrate
from firewall.service.guide.guide import guide
from firewall.service.learning.feedback import feedback
from firewall.service.learning.measure import measure
from firewall.service.learning.skills import listed, materialize, promote, queue, reject
from firewall.service.recall.recall import recall
from firewall.service.recall.upstreams import upstreams
from firewall.service.review import bulk, deciding, erasing, listing
from firewall.service.scopes import staleness_of


class UseCaseRoute(NamedTuple):
    """One row: `says` is the sentence about it in the documentation. Method and path are its label in the metrics."""

    method: str
    path: str
    use_case: UseCase
    says: str


USE_CASES: tuple[UseCaseRoute, ...] = (
    UseCaseRoute(
        "POST",
        "/v1/guide",
        guide,
        "the prompt of the next agent: what passed, what failed, the active path, what to rehydrate",
    ),
    UseCaseRoute(
        "POST",
        "/v1/observe",
        observe,
        "take in one step, memory, handoff or claim; acknowledged once it is on disk",
    ),
    UseCaseRoute("POST", "/v1/feedback", feedback, "what used memory, or a chosen tool, did for a run"),
    UseCaseRoute("POST", "/v1/handoff/store", handoff.store, "keep one agent's state for the next"),
    UseCaseRoute(
        "POST",
        "/v1/handoff/recover",
        handoff.recover,
        "the newest handoff of an anchor, id or URI that the caller may see",
    ),
    UseCaseRoute("POST", "/v1/memory/resolve", resolve, "the stored evidence behind ids"),
    UseCaseRoute(
        "POST",
        "/v1/recall",
        recall,
        "one question to several upstreams: their memories judged as one answer, failing upstreams named",
    ),
    UseCaseRoute(
        "GET",
        "/v1/upstreams",
        upstreams,
        "the upstreams: dialect, routes by class, and whether they are asked",
    ),
    UseCaseRoute(
        "POST", "/v1/rehydrate", rehydrate, "make forgotten evidence available again, to be looked at"
    ),
    UseCaseRoute(
        "POST", "/v1/memory/anchor/payload/rehydrate", rehydrate_payload, "the payload behind an anchor"
    ),
    UseCaseRoute(
        "POST",
        "/v1/memory/anchors/rehydrate_payload",
        rehydrate_payload,
        "the same, as an older client asks for it",
    ),
    UseCaseRoute(
        "POST",
        "/v1/memory/tools/rehydrate_payload",
        rehydrate_payload,
        "the same, as an older client asks for it",
    ),
    UseCaseRoute(
        "POST",
        "/v1/forget",
        forget,
        "suppress, unsuppress, archive or rehydrate a memory; nothing is deleted",
    ),
    UseCaseRoute("POST", "/v1/operator/snapshot", snapshot, "a run as an operator looks at it; read-only"),
    UseCaseRoute("POST", "/v1/snapshot", snapshot, "the same, under the client's name for it"),
    UseCaseRoute(
        "POST", "/v1/audit/flight-recorder", flight_recorder, "what the agent could see when it decided"
    ),
    UseCaseRoute(
        "POST",
        "/v1/audit/memory-decision-report",
        decision_report,
        "the decisions of a guide, counted, with claims",
    ),
    UseCaseRoute(
        "POST",
        "/v1/debug/memory-decision-trace",
        decision_trace,
        "each decision of a guide with its reason codes",
    ),
    UseCaseRoute(
        "POST",
        "/v1/measure",
        measure,
        "the effect of a guide, computed from recorded guides and feedback; skill candidates",
    ),
    UseCaseRoute(
        "POST", "/v1/skills/candidates", queue, "queue the skill candidates of a measurement for review"
    ),
    UseCaseRoute(
        "GET",
        "/v1/skills/candidates",
        listed,
        "the review queue: `status` pending, promoted, rejected or all",
    ),
    UseCaseRoute(
        "POST", "/v1/skills/candidates/{candidate_id}/promote", promote, "a reviewer's yes; writes no memory"
    ),
    UseCaseRoute("POST", "/v1/skills/candidates/{candidate_id}/reject", reject, "a reviewer's no, for good"),
    UseCaseRoute(
        "POST",
        "/v1/skills/candidates/{candidate_id}/materialize",
        materialize,
        "the draft of a promoted skill, for the host to observe; writes nothing",
    ),
    UseCaseRoute(
        "GET",
        "/v1/quarantine",
        listing.listed,
        "held texts and writes, oldest first, a page at a time: by status, kind, reason, digest, upstream, tier",
    ),
    UseCaseRoute(
        "GET",
        "/v1/quarantine/{id}",
        listing.shown,
        "one held item; what was held only to reviewers and admins",
    ),
    UseCaseRoute(
        "POST",
        "/v1/quarantine/{id}/release",
        deciding.release,
        "remove the named findings from this text, or send this held write; reviewers, never the writer itself",
    ),
    UseCaseRoute(
        "POST",
        "/v1/quarantine/{id}/confirm",
        deciding.confirm,
        "withhold this text for good, or never send this write",
    ),
    UseCaseRoute(
        "POST",
        "/v1/quarantine/{id}/expire",
        deciding.expire,
        "take an item out of the queue undecided, and erase what was kept of it",
    ),
    UseCaseRoute(
        "POST",
        "/v1/quarantine/release",
        bulk.release_many,
        "release many texts by ids, or by reason, digest, upstream; again with the same operation id goes on",
    ),
    UseCaseRoute("POST", "/v1/quarantine/confirm", bulk.confirm_many, "confirm many items, as above"),
    UseCaseRoute("POST", "/v1/quarantine/expire", bulk.expire_many, "expire many items, as above"),
    UseCaseRoute(
        "POST",
        "/v1/erase",
        erasing.erase,
        "erase held texts by quarantine id, digest or memory, and leave a tombstone; admins only",
    ),
)


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
        if staleness := staleness_of(house.desk.projections):
            headers[STALENESS] = str(staleness)
        return web.Response(body=reply.body, content_type="application/json", headers=headers)

    return handle


def _after(request: web.Request) -> int | None:
    text = request.headers.get("Memfw-After")
    if text is None:
        return None
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise CallerError(400, "invalid_header", "Memfw-After is an offset that a write returned")
    return int(text)
