"""`POST /v1/recall`: one question to several upstreams, their rows judged together, one receipt.

    ask (all at once, one deadline) -> take turns -> adjudicate as one answer -> cut to the limit -> receipt

What contradicts or repeats a row of another upstream is found, because they are judged as one set. An upstream that
fails or is late is named and stops nobody; where the state or the adjudication fails, nothing is admitted.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest

import msgspec

from firewall.core.adjudicate import Adjudication
from firewall.core.compiled import Env
from firewall.core.model import (
    NO_OWNER,
    Action,
    Candidate,
    Context,
    Family,
    Finding,
    Mode,
    Surface,
    Trust,
    Verdict,
)
from firewall.core.receipt import receipt_of
from firewall.core.state import State
from firewall.errors import Issue, StateError, UpstreamError
from firewall.service.desk import Call, Desk, Reply, read_reply
from firewall.service.guide.sources import pull
from firewall.service.identity import viewer_of
from firewall.service.judging import adjudicate_within, chosen
from firewall.service.principals import Principal
from firewall.service.recall.answer import RecallAnswer, degraded, remembered, told
from firewall.service.recall.body import RecallBody
from firewall.service.scopes import staleness_of
from firewall.service.strict_body import invalid, parsed

ROUTE = "POST /v1/recall"
#: What stands for the upstream in receipts and metrics.
UPSTREAM = "recall"

_LATE = Verdict(
    Action.do_not_use,
    admitted=False,
    trust=Trust.untrusted,
    findings=(Finding(Family.error, Action.do_not_use, "adjudication_error"),),
)


async def recall(desk: Desk, call: Call) -> Reply:
    """What several upstreams remember. CallerError: 400, 403; UpstreamError 503 where the policy wants one for it."""
    body = parsed(RecallBody, call.raw)
    key = call.key(body.tenant_id, body.scope)
    viewer = viewer_of(call.principal)
    names = _named(body, desk)
    pulled = await pull(
        desk.sources,
        names,
        body.query,
        principal=call.principal,
        limit=body.limit,
        owners=body.filters,
        seconds=body.deadline_ms / 1000.0,
    )
    candidates = _in_turn(names, _rows(pulled.candidates, call.principal, body.filters))
    policy, now = desk.policy(), desk.now()
    state, cause = State(), ""
    try:
        state = await desk.state(key, after=call.after)
    except StateError as error:
        cause = error.code
    context = Context(
        decision_id=desk.new_id(),
        surface=Surface.guide,
        mode=policy.mode if body.mode is None else max(policy.mode, Mode[body.mode]),
        tenant=key.tenant,
        scope=key.scope,
        principal=call.principal.name,
        max_trust=call.principal.max_trust,
        ranked=True,
        query=body.query,
        viewer=viewer,
        federated=True,
    )
    adjudication, cause = await _judged(desk, candidates, Env(context, policy, state, now), cause)
    delivered, considered = chosen(adjudication.verdicts, body.limit, shadow=policy.shadow)
    receipt = receipt_of(
        candidates,
        adjudication,
        context,
        policy,
        now=now,
        offset=state.offset,
        upstream=UPSTREAM,
        route=ROUTE,
        delivered=delivered,
        considered=considered,
        degraded=cause,
        staleness=staleness_of(desk.projections),
    )
    named = adjudication.named(candidates)
    desk.recorder.record(
        receipt, state, [candidate for candidate, _ in named], [verdict for _, verdict in named]
    )
    if cause and policy.source.surfaces.drop_in.on_degraded == "error" and not policy.shadow:
        raise UpstreamError(503, "degraded", "the answer could not be adjudicated", retry_after=1.0)
    answer = RecallAnswer(
        tenant_id=key.tenant,
        scope=key.scope,
        results=remembered(candidates, adjudication.verdicts, delivered),
        asked=tuple(names),
        degraded_upstreams=degraded(_failed(pulled.omitted)),
        rows_dropped=pulled.beyond,
        firewall=told(receipt, named, state.routes.active_path(viewer, body.query)),
    )
    return read_reply(answer)


def _named(body: RecallBody, desk: Desk) -> list[str]:
    """The upstreams to ask. CallerError 400 for names that are none."""
    asked = list(desk.sources) if body.upstreams is None else body.upstreams
    issues = [
        Issue(f"upstreams.{place}", "no upstream of this name can be asked")
        for place, name in enumerate(asked)
        if name not in desk.sources
    ]
    if any(name not in asked for name in body.filters):
        issues.append(Issue("filters", "names an upstream that is not asked"))
    if issues:
        raise invalid(issues)
    return asked


def _rows(
    candidates: Sequence[Candidate], principal: Principal, filters: Mapping[str, Mapping[str, str]]
) -> list[Candidate]:
    """The rows without the owner keys that were asked for: each upstream has its own words for the one who asks, and only
    memories of one owner are held against each other. The source has checked them."""
    rows = []
    for candidate in candidates:
        asked = {*principal.pin.get(candidate.upstream, NO_OWNER), *filters.get(candidate.upstream, NO_OWNER)}
        owner = {key: value for key, value in candidate.owner.items() if key not in asked}
        rows.append(msgspec.structs.replace(candidate, owner=owner) if asked else candidate)
    return rows


def _in_turn(names: Sequence[str], rows: Sequence[Candidate]) -> list[Candidate]:
    """The first of each upstream, then the second: their scores say nothing to each other."""
    lists = [[row for row in rows if row.upstream == name] for name in names]
    return [row for row in chain.from_iterable(zip_longest(*lists)) if row is not None]


async def _judged(
    desk: Desk, candidates: Sequence[Candidate], env: Env, cause: str
) -> tuple[Adjudication, str]:
    """The adjudication, and why there is none."""
    judged: Adjudication | None = None
    if not cause:
        seconds = env.policy.source.limits.deadline_ms / 1000.0
        judged = await adjudicate_within(candidates, env, seconds=seconds, monotonic=desk.monotonic)
        cause = "" if judged is not None else "deadline"
    return judged or Adjudication((_LATE,) * len(candidates)), cause


def _failed(omitted: Sequence[str]) -> dict[str, str]:
    """`source:<name>:<code>`, apart."""
    return {name: code for _, name, code in (entry.split(":", 2) for entry in omitted)}
