"""`memfw quickstart multi-agent`: four roles of one team, each with an empty head, and the memory that they share.

The planner's plan, the worker's two tries, the verifier's two words, the reviewer's handoff, feedback and promotion; then
one more worker asks what to do, and what it is told is printed as it is.
"""

from collections.abc import Callable
from typing import Literal, TypedDict

from firewall.client import (
    Json,
    Memfw,
    MemfwAnswerError,
    active_route_targets_from_guide,
    agent_prompt_from_guide,
    blocked_routes_from_guide,
    effect_report_from_measure,
    feedback_from_guide,
    measure_input_from_guide_loop,
    memory_ids_from_guide,
    plan_asset_observe_events,
    snapshot_input_from_guide_loop,
    trace_derived_skill_review_items_from_measure,
)
from firewall.quickstart.house import running_memfw

Say = Callable[[str], None]

ADAPTER = "src/checkout/adapter.ts"
LEGACY = "src/checkout/legacyAdapter.ts"
SCOPE = "checkout"
TASK = "checkout-migration"
CHECK = "npm test checkout"
NEXT = f"Wire the refund flow through {ADAPTER}."
PLAN: Json = {
    "run_id": "run-1",
    "task_signature": TASK,
    "planner": {"agent_id": "planner-1", "team_id": "checkout-team"},
    "plan": {
        "title": "Checkout migration plan",
        "summary": "Move checkout onto the payment adapter.",
        "decisions": [
            {
                "decision_id": "d1",
                "statement": f"All payments go through {ADAPTER}.",
                "target_files": [ADAPTER],
            }
        ],
        "acceptance_checks": [CHECK],
        "execution_boundaries": ["nothing outside src/checkout changes"],
        "failed_branches": [
            {
                "branch_id": "rewrite",
                "statement": "Rewrite the cart in one go.",
                "reason": "too large to verify",
                "target_files": ["src/cart/index.ts"],
            }
        ],
    },
}


class _Run(TypedDict):
    team_id: str
    task_signature: str
    run_id: str


_FIRST: _Run = {"team_id": "checkout-team", "task_signature": TASK, "run_id": "run-1"}
_SECOND: _Run = {**_FIRST, "run_id": "run-2"}
_THIRD: _Run = {**_FIRST, "run_id": "run-3"}


async def multi_agent(say: Say) -> int:
    """Tell the story; 0 when the last worker was sent the right way and kept off the wrong ones."""
    async with running_memfw() as url, Memfw(url, scope=SCOPE) as memfw:
        say(f"One team, four roles, one memory. Everything below goes over HTTP to {url}.\n")
        before = await _ask(memfw, "worker-1", _FIRST)
        await _plan(memfw, say)
        await _attempts(memfw, say)
        await _verdicts(memfw, say)
        await _handoff(memfw, say)
        measured = await _second_run(memfw, say, before)
        await _skill(memfw, say, measured)
        last = await _ask(memfw, "worker-3", _THIRD)
        say("\nworker-3    has never seen any of this. This is all it reads:\n")
        for line in agent_prompt_from_guide(last).splitlines():
            say(f"    {line}")
        return 0 if _kept(last) else 1


async def _plan(memfw: Memfw, say: Say) -> None:
    for step in plan_asset_observe_events(PLAN):
        await memfw.execution.observe_step(**step)
    say("planner-1   keeps its plan as memory: one decision, one branch that it rejected")


async def _attempts(memfw: Memfw, say: Say) -> None:
    await memfw.execution.observe_step(
        agent_id="worker-1",
        role="worker",
        title="Extended the legacy adapter",
        summary="Tests outside checkout broke.",
        outcome="failed",
        target_files=[LEGACY],
        **_FIRST,
    )
    say(f"worker-1    tries {LEGACY}: failed")
    await memfw.execution.observe_step(
        agent_id="worker-1",
        role="worker",
        title="Moved checkout onto the payment adapter",
        summary=f"Checkout goes through {ADAPTER}.",
        outcome="succeeded",
        target_files=[ADAPTER],
        workflow_steps=[f"route payments through {ADAPTER}", f"run {CHECK}"],
        continuation_hint=NEXT,
        **_FIRST,
    )
    say(f"worker-1    tries {ADAPTER}: seems to work")


async def _verdicts(memfw: Memfw, say: Say) -> None:
    verdicts: tuple[tuple[str, str, Literal["failed", "succeeded"], str, str], ...] = (
        ("Legacy adapter rejected", "It changed unrelated modules.", "failed", LEGACY, "ci:811"),
        ("Payment adapter accepted", f"{CHECK} passed.", "succeeded", ADAPTER, "ci:812"),
    )
    for title, summary, outcome, file, evidence in verdicts:
        await memfw.execution.observe_step(
            agent_id="verifier-1",
            role="verifier",
            title=title,
            summary=summary,
            outcome=outcome,
            target_files=[file],
            acceptance_checks=[CHECK],
            evidence_ref=evidence,
            **_FIRST,
        )
        say(f"verifier-1  {title.lower()} ({evidence})")


async def _handoff(memfw: Memfw, say: Say) -> None:
    await memfw.execution.handoff(
        agent_id="reviewer-1",
        role="reviewer",
        handoff_target="worker",
        summary="The adapter route is accepted; refunds are next.",
        continuation_hint=NEXT,
        target_files=[ADAPTER],
        must_keep=[LEGACY],
        **_FIRST,
    )
    found = await memfw.execution.recover_handoff(
        agent_id="worker-2", team_id="checkout-team", anchor=f"{TASK}:run-1:reviewer-1"
    )
    say(f"reviewer-1  hands off to the next worker; worker-2 finds {found['matched_nodes']} handoff")


async def _second_run(memfw: Memfw, say: Say, before: Json) -> Json:
    """worker-2 follows its guide; the reviewer says what that was worth, and measures it."""
    guide = await _ask(memfw, "worker-2", _SECOND)
    blocked = {str(route["target"]) for route in blocked_routes_from_guide(guide)}
    say(
        f"worker-2    is sent to {', '.join(active_route_targets_from_guide(guide))}, and kept off {len(blocked)} files"
    )
    fed_back = await memfw.feedback(
        feedback_from_guide(
            guide,
            run_id="run-2",
            outcome="positive",
            reason="The worker stayed on the adapter path.",
            used_memory_ids=memory_ids_from_guide(guide, "use_now"),
            actor="reviewer-1",
            verifier_status="passed",
        )
    )
    say("reviewer-1  feeds back: it held")
    task = {"task_id": "run-2", "run_id": "run-2", "task_signature": TASK}
    measured = await memfw.measure(
        measure_input_from_guide_loop(task, guide, before_guide=before, feedback_result=fed_back)
    )
    impact = effect_report_from_measure(measured)["history_impact"]
    direction = impact["impact_direction"] if isinstance(impact, dict) else "unknown"
    snapshot = snapshot_input_from_guide_loop(
        run_id="run-2", task_signature=TASK, guide=guide, measure_result=measured
    )
    await memfw.snapshot(snapshot)
    say(f"reviewer-1  measures what memory changed: {direction}")
    return measured


async def _skill(memfw: Memfw, say: Say, measured: Json) -> None:
    """What worked may become a procedure, if a reviewer says so; until then it is in no prompt."""
    for item in trace_derived_skill_review_items_from_measure(measured):
        say(f"reviewer-1  finds a skill in the traces: {item['skill_name']} ({item['promotion_status']})")
    await memfw.skills.queue({"measure_result": measured})
    waiting = (await memfw.skills.list("pending"))["candidates"]
    for row in waiting if isinstance(waiting, list) else ():
        candidate = str(row["candidate_id"])
        try:
            await memfw.skills.materialize(candidate)
        except MemfwAnswerError as refused:
            say(f"memfw       makes no procedure of it before it is promoted ({refused.code})")
        await memfw.skills.promote(candidate, reviewer_id="reviewer-1", review_reason="held in two runs")
        await memfw.observe_materialized_skill_candidate(await memfw.skills.materialize(candidate))
        say("reviewer-1  promotes it, has it written out, and observes it: now it is a procedure")


async def _ask(memfw: Memfw, agent: str, run: _Run) -> Json:
    return await memfw.execution.guide_for_role(
        agent_id=agent,
        role="worker",
        query_text="Continue the checkout migration from the latest accepted route.",
        context_mode="compact_agent",
        **run,
    )


def _kept(guide: Json) -> bool:
    blocked = {route["target"] for route in blocked_routes_from_guide(guide)}
    active = active_route_targets_from_guide(guide)
    return ADAPTER in active and LEGACY not in active and LEGACY in blocked
