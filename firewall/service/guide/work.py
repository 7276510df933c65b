"""From a request to what is served: recall, adjudication of native and pulled memory together, admission, prompt."""

from collections.abc import Sequence

import msgspec

from firewall.core.adjudicate import Adjudication
from firewall.core.compiled import CompiledPolicy, Env
from firewall.core.events import ScopeKey
from firewall.core.guide.candidates import recalled_row
from firewall.core.guide.compile import Compiled, Layout, budget_of, compile_prompt
from firewall.core.guide.decide import decide
from firewall.core.guide.memory import Memory, Role
from firewall.core.guide.recall import Ask, Recall, recall
from firewall.core.model import Action, Candidate, Context, Family, Finding, Surface, Trust, Verdict
from firewall.core.receipt import receipt_of
from firewall.core.state import State
from firewall.core.visibility import Viewer
from firewall.service.desk import Call, Desk
from firewall.service.guide.body import GuideBody
from firewall.service.guide.sources import Pulled
from firewall.service.identity import acting_as, viewer_of
from firewall.service.judging import adjudicate_within
from firewall.service.scopes import staleness_of

ROUTE = "POST /v1/guide"
#: What stands for the upstream in receipts and metrics.
UPSTREAM = "guide"

_LATE = Verdict(
    Action.do_not_use,
    admitted=False,
    trust=Trust.untrusted,
    findings=(Finding(Family.error, Action.do_not_use, "adjudication_error"),),
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, read and allowed."""

    body: GuideBody
    key: ScopeKey
    principal: str
    viewer: Viewer
    role: Role

    def layout(self, task: str) -> Layout:
        """How the prompt is to be."""
        body = self.body
        mode = body.context_mode or body.mode
        return Layout(
            role=self.role,
            task=task,
            mode=mode,
            budget=budget_of(
                compact=mode == "compact_agent",
                chars=body.context_char_budget,
                tokens=body.context_token_budget,
                aggressive=body.context_compaction_profile == "aggressive",
            ),
        )


class Guided(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the answer is made of. `dropped` counts by code what is not in it."""

    decision_id: str
    recalled: Recall
    layout: Layout
    compiled: Compiled
    dropped: dict[str, int]
    omitted: tuple[str, ...]
    offset: int
    now: float


def asked_of(body: GuideBody, key: ScopeKey, call: Call) -> Asked:
    """Who asks for what, as whom. CallerError 403 for an identity or a role that is not the principal's."""
    acting_as(call.principal, body.agent_role)
    return Asked(
        body=body,
        key=key,
        principal=call.principal.name,
        viewer=viewer_of(call.principal, agent=body.consumer_agent_id, team=body.consumer_team_id),
        role=body.agent_role or "agent",
    )


async def guided_by(desk: Desk, asked: Asked, pulled: Pulled, state: State) -> Guided:
    """What this state and these rows make of the request. Its receipt is recorded behind the answer."""
    body, policy, now, decision_id = asked.body, desk.policy(), desk.now(), desk.new_id()
    native = recall(
        state,
        Ask(
            viewer=asked.viewer,
            query=body.query_text,
            task=body.context.task_signature or "",
            limit=body.limit,
        ),
    )
    recalled = msgspec.structs.replace(
        native, memories=(*native.memories, *map(recalled_row, pulled.candidates))
    )
    context = Context(
        decision_id=decision_id,
        surface=Surface.guide,
        mode=policy.mode,
        tenant=asked.key.tenant,
        scope=asked.key.scope,
        principal=asked.principal,
        ranked=True,
        query=body.query_text,
        viewer=asked.viewer,
    )
    candidates = [one.candidate for one in recalled.memories]
    adjudication = await adjudicate_within(
        candidates,
        Env(context, policy, state, now),
        seconds=policy.source.limits.deadline_ms / 1000.0,
        monotonic=desk.monotonic,
    )
    memories = decide(
        recalled,
        None if adjudication is None else adjudication.verdicts,
        state,
        viewer=asked.viewer,
        query=body.query_text,
        shadow=policy.shadow,
    )
    layout = asked.layout(recalled.task)
    compiled = compile_prompt(memories, layout)
    late = {} if adjudication is not None else {"adjudication_deadline": len(candidates) - len(memories)}
    _record(desk, candidates, adjudication, context, policy, memories, state, now)
    return Guided(
        decision_id=decision_id,
        recalled=recalled,
        layout=layout,
        compiled=compiled,
        dropped={
            **native.dropped,
            **compiled.dropped,
            **({"source_rows": pulled.beyond} if pulled.beyond else {}),
            **late,
        },
        omitted=(*pulled.omitted, *(["adjudication:deadline"] if late else [])),
        offset=state.offset,
        now=now,
    )


def _record(
    desk: Desk,
    candidates: Sequence[Candidate],
    adjudication: Adjudication | None,
    context: Context,
    policy: CompiledPolicy,
    memories: Sequence[Memory],
    state: State,
    now: float,
) -> None:
    """The receipt of the adjudication. What execution state made of a memory beyond it is in the exposure."""
    degraded = "" if adjudication is not None else "deadline"
    judged = adjudication or Adjudication((_LATE,) * len(candidates))
    used = {
        (one.recalled.candidate.upstream, one.recalled.candidate.id)
        for one in memories
        if one.action < Action.rehydrate
    }
    receipt = receipt_of(
        candidates,
        judged,
        context,
        policy,
        now=now,
        offset=state.offset,
        upstream=UPSTREAM,
        route=ROUTE,
        delivered=[(candidate.upstream, candidate.id) in used for candidate in candidates],
        degraded=degraded,
        staleness=staleness_of(desk.projections),
    )
    desk.recorder.record(receipt, state, candidates, judged.verdicts)
