"""`POST /v1/memory/govern` without HTTP: candidates of any memory system in, an admission decision for each out.

    parse_body -> prepare -> adjudicate -> answer

Nothing is written and nothing waits here. `prepare` and `answer` stand apart so that a caller with an event loop can
adjudicate in between under its deadline; `govern` does all three at once. Text goes back only as the prompt's own
lines, and as counter-evidence where it is wrong but not hostile.
"""

import msgspec
from msgspec import UNSET

from firewall.core.adjudicate import Adjudication, adjudicate
from firewall.core.compiled import CompiledPolicy
from firewall.core.model import Action, Candidate, Context, Family, Finding, Mode, Surface, Trust, Verdict
from firewall.core.prompt import one_line
from firewall.core.receipt import Receipt, receipt_of
from firewall.core.state import State
from firewall.core.visibility import EVERYONE, Viewer
from firewall.service.govern.audit import (
    admission_records,
    admission_summary,
    memory_firewall,
    risk_flags,
    use_receipt,
)
from firewall.service.govern.body import GovernBody
from firewall.service.govern.candidates import Described, describe
from firewall.service.govern.context import agent_context
from firewall.service.govern.merge import Split, decide, split
from firewall.service.govern.prompt import prompt_of
from firewall.service.govern.response import GovernCounts, GovernFirewall, GovernResponse, WithheldMemory

ROUTE = "POST /v1/memory/govern"
#: What stands for the upstream in receipts and metrics: the caller's backend names are no bounded set.
UPSTREAM = "govern"

_COUNTER_EVIDENCE_CHARS = 480
_LATE = Verdict(
    Action.do_not_use,
    admitted=False,
    trust=Trust.untrusted,
    findings=(Finding(Family.error, Action.do_not_use, "adjudication_error"),),
)


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, already authenticated: `tenant` and `scope` are those that the request may see."""

    tenant: str = "default"
    scope: str = "default"
    principal: str = ""
    max_trust: Trust = Trust.trusted
    viewer: Viewer = EVERYONE


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A request ready to adjudicate: `candidates` in `context`."""

    body: GovernBody
    context: Context
    described: tuple[Described, ...]

    @property
    def candidates(self) -> list[Candidate]:
        return [one.candidate for one in self.described]


class Governed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer with its receipt; `candidates` and `verdicts`, one for each memory, are for the quarantine."""

    response: GovernResponse
    receipt: Receipt
    candidates: tuple[Candidate, ...]
    verdicts: tuple[Verdict, ...]


def prepare(body: GovernBody, asker: Asker, policy: CompiledPolicy, *, decision_id: str) -> Prepared:
    """The mode is the stricter of the request's and the policy's."""
    context = Context(
        decision_id=decision_id,
        surface=Surface.govern,
        mode=max(Mode[body.mode], policy.mode),
        tenant=asker.tenant,
        scope=asker.scope,
        principal=asker.principal,
        max_trust=asker.max_trust,
        ranked=True,
        query=body.query_text,
        viewer=asker.viewer,
    )
    described = tuple(describe(row, place, context, policy) for place, row in enumerate(body.candidates))
    return Prepared(body=body, context=context, described=described)


def answer(
    prepared: Prepared,
    adjudication: Adjudication | None,
    state: State,
    policy: CompiledPolicy,
    *,
    now: float,
    degraded: str = "",
    staleness: float = 0.0,
) -> Governed:
    """`adjudication` None means that there is none in time (`degraded` says why): everything is then blocked."""
    body, context = prepared.body, prepared.context
    if adjudication is None:
        adjudication = Adjudication((_LATE,) * len(prepared.described))
    decided = decide(prepared.described, adjudication.verdicts, mode=context.mode, shadow=policy.shadow)
    parts = split(decided)
    candidates = tuple(one.described.candidate for one in decided)
    verdicts = tuple(one.verdict for one in decided)
    receipt = receipt_of(
        candidates,
        Adjudication(verdicts, adjudication.shadow_rules),
        context,
        policy,
        now=now,
        offset=state.offset,
        upstream=UPSTREAM,
        route=ROUTE,
        delivered=[True] * len(verdicts) if policy.shadow else None,
        degraded=degraded,
        staleness=staleness,
    )
    prompt = prompt_of(parts, mode=context.mode, context_mode=body.context_mode, query=body.query_text)
    flags = risk_flags(parts)
    reports = context.mode is Mode.firewall or policy.shadow
    response = GovernResponse(
        tenant_id=context.tenant,
        scope=context.scope,
        run_id=body.run_id,
        mode=context.mode.name,
        agent_context=agent_context(parts, prompt),
        memory_use_receipt=use_receipt(
            parts, prompt, trace_id=f"external-admission:{body.run_id or context.decision_id}", flags=flags
        ),
        memory_admission_records=admission_records(parts, prompt) if body.include_records else UNSET,
        memory_firewall=(
            memory_firewall(parts, mode=context.mode, shadow=policy.shadow, flags=flags) if reports else UNSET
        ),
        admission_summary=admission_summary(parts),
        firewall=_firewall(
            parts,
            receipt,
            merged=len(prepared.described) - len(decided),
            active_path=state.routes.active_path(context.viewer, context.query),
        ),
    )
    return Governed(response=response, receipt=receipt, candidates=candidates, verdicts=verdicts)


def govern(
    body: GovernBody,
    asker: Asker,
    state: State,
    policy: CompiledPolicy,
    now: float,
    *,
    decision_id: str,
) -> Governed:
    """The whole of it at once: same body, state, policy and now, same answer."""
    prepared = prepare(body, asker, policy, decision_id=decision_id)
    adjudication = adjudicate(prepared.candidates, prepared.context, state, policy, now)
    return answer(prepared, adjudication, state, policy, now=now)


def _firewall(parts: Split, receipt: Receipt, *, merged: int, active_path: tuple[str, ...]) -> GovernFirewall:
    return GovernFirewall(
        decision_id=receipt.decision_id,
        policy=receipt.policy,
        mode=receipt.mode,
        counts=GovernCounts(
            considered=len(parts.every),
            merged=merged,
            use_now=len(parts.use_now),
            inspect_before_use=len(parts.inspect),
            rehydrate=len(parts.rehydrate),
            do_not_use=len(parts.blocked),
        ),
        withheld=tuple(
            WithheldMemory(
                id=one.memory_id,
                action=one.surfaced.name,
                reasons=one.verdict.reasons,
                rule=one.verdict.findings[0].rule,
                evidence=one.verdict.findings[0].evidence,
                superseded_by=next(
                    (found.superseded_by for found in one.verdict.findings if found.superseded_by), ""
                ),
                text=one_line(one.described.candidate.text, _COUNTER_EVIDENCE_CHARS)
                if one.verdict.shows_text
                else "",
            )
            for one in parts.blocked
        ),
        shadow=receipt.shadow,
        degraded=receipt.degraded or UNSET,
        staleness_seconds=receipt.staleness_seconds or UNSET,
        active_path=active_path or UNSET,
    )
