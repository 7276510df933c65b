"""Enforcement of one answer: adjudicate, fill up to what the caller asked for, choose what is delivered.

Surplus rows were read only to fill the answer: they inform conflicts, but are neither delivered nor withheld.
"""

from collections.abc import Sequence

import msgspec

from firewall.core.adjudicate import CHUNK, Adjudication
from firewall.core.compiled import Env
from firewall.core.model import Action, Candidate, Family, Finding, Trust, Verdict
from firewall.errors import UpstreamError
from firewall.ports import Answer, Plan, WireRequest, WireResponse
from firewall.proxy.pages import Page
from firewall.proxy.services import Mount, Services
from firewall.service.judging import adjudicate_within, chosen

_LATE = Verdict(
    Action.do_not_use,
    admitted=False,
    trust=Trust.untrusted,
    findings=(Finding(Family.error, Action.do_not_use, "adjudication_error"),),
)


class Enforced(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an answer. `candidates` are the answer's, with what their stamps prove; `delivered` and `considered` as
    `core.receipt.receipt_of` takes them."""

    answer: Answer
    candidates: Sequence[Candidate]
    adjudication: Adjudication
    delivered: Sequence[bool]
    considered: int
    degraded: str = ""


class Exchanges:
    """The upstream exchanges of one request, with the mount's credential; `seconds` is what they took so far."""

    __slots__ = ("_mount", "_services", "seconds")

    def __init__(self, mount: Mount, services: Services) -> None:
        self._mount = mount
        self._services = services
        self.seconds = 0.0

    async def send(self, request: WireRequest, *, retry: bool) -> WireResponse:
        """One exchange. UpstreamError; `retry` says that sending twice does no harm."""
        mount, services = self._mount, self._services
        if mount.inject is not None:
            request = mount.dialect.with_credential(request, mount.inject)
        started = services.monotonic()
        try:
            return await mount.client.send(request, deadline=mount.deadline, retry=retry)
        finally:
            seconds = services.monotonic() - started
            self.seconds += seconds
            services.metrics.observe_upstream(mount.name, seconds)


async def enforce(
    mount: Mount,
    plan: Plan,
    response: WireResponse,
    env: Env,
    services: Services,
    exchanges: Exchanges,
    *,
    degraded: str = "",
) -> Enforced:
    """`degraded` is set when there is no state to judge by: nothing is admitted then."""
    page = services.pages.read(mount.dialect, plan, response)
    enforced = await _judge(mount, plan, page, env, services, degraded)
    rounds = 0 if env.policy.shadow or enforced.degraded else env.policy.source.limits.overfetch_rounds
    for _ in range(rounds):
        further = _further(mount, plan, enforced)
        if further is None:
            break
        fuller = await _joined(mount, plan, enforced.answer, further, exchanges)
        if fuller is None:
            break
        enforced = await _judge(mount, plan, Page(fuller), env, services, "")
    return enforced


async def _joined(
    mount: Mount, plan: Plan, first: Answer, further: WireRequest, exchanges: Exchanges
) -> Answer | None:
    """The answer with more rows; None where the upstream fails: what we have is whole, the caller just gets fewer."""
    try:
        more = await exchanges.send(further, retry=True)
        if more.status >= 300:
            return None
        return mount.dialect.joined(plan, first, mount.dialect.read(plan, more))
    except UpstreamError:
        return None


def _further(mount: Mount, plan: Plan, enforced: Enforced) -> WireRequest | None:
    """The request for more rows: a ranked answer that is not full, or a page that would come back empty."""
    if not enforced.answer.more:
        return None
    admitted = sum(enforced.delivered)
    limit = _limit(plan, enforced.answer)
    if limit is not None:
        if admitted >= limit:
            return None
        return mount.dialect.more(plan, enforced.answer, limit)
    if admitted or not enforced.candidates:
        return None
    return mount.dialect.more(plan, enforced.answer, 1)


def _limit(plan: Plan, answer: Answer) -> int | None:
    return None if answer.unlimited else plan.limit


async def _judge(
    mount: Mount, plan: Plan, page: Page, env: Env, services: Services, degraded: str
) -> Enforced:
    answer = page.answer
    candidates = services.stamps.attested(
        answer.candidates, tenant=env.context.tenant, upstream=mount.name, state=env.state
    )
    adjudication: Adjudication | None = None
    if not degraded:
        started = services.monotonic()
        adjudication = await adjudicate_within(
            candidates,
            env,
            seconds=env.policy.source.limits.deadline_ms / 1000.0,
            monotonic=services.monotonic,
            survey=page.survey_of(candidates) if len(candidates) <= CHUNK else None,
        )
        services.metrics.adjudication.observe(services.monotonic() - started)
    if adjudication is None:
        adjudication, degraded = Adjudication((_LATE,) * len(candidates)), degraded or "deadline"
    delivered, considered = chosen(adjudication.verdicts, _limit(plan, answer), shadow=env.policy.shadow)
    return Enforced(
        answer=answer,
        candidates=candidates,
        adjudication=adjudication,
        delivered=delivered,
        considered=considered,
        degraded=degraded,
    )
