"""An observation derived from a trial: how each number is counted from what is in the log.

A memory that was served and not used is never held against anybody; only what feedback or the log says of it is.
"""

from firewall.core.measure.observation import (
    Continuity,
    Forgetting,
    LearningControl,
    LearningSeen,
    Observation,
)
from firewall.core.measure.trial import Trial

_SETBACKS = frozenset({"failed", "blocked", "interrupted"})


def observed(trial: Trial, label: str) -> Observation:
    """The run of a trial, counted."""
    return Observation(
        label=label,
        continuity=_continuity(trial),
        learning=_learning(trial),
        forgetting=_forgetting(trial),
        learning_control=_control(trial),
    )


def _continuity(trial: Trial) -> Continuity:
    """Facts are the memories that the guide served as state, and what it had to leave out; a setback on a route that
    it had warned of, and each fact that did not come, is a step of finding out again."""
    facts = [use for use in trial.uses if use.in_context or use.item.served_surface == "do_not_use"]
    expected = len(facts) + len(trial.served.dropped)
    recovered = sum(not use.harmed for use in facts)
    settled = {route.key for route in trial.due}
    borne_out = [
        use for use in trial.helped if use.borne_out and (use.route is None or use.route.key not in settled)
    ]
    warned = {use.node.route for use in trial.on("do_not_use") if use.node is not None and use.node.route}
    again = sum(node.outcome in _SETBACKS and node.route in warned for node in trial.later)
    return Continuity(
        repeated_discovery_steps=again + expected - recovered,
        continuity_guidance_correct=bool(trial.helped) and not trial.harmed,
        recovered_state_facts=recovered,
        expected_state_facts=expected,
        verified_facts_carried=sum(map(trial.carries, trial.due)) + len(borne_out),
        verified_facts_expected=len(trial.due) + len(borne_out),
    )


def _learning(trial: Trial) -> LearningSeen:
    """Promoted is what a run helped by, or wrote and succeeded with: trusted where it was borne out, else provisional."""
    helped = trial.helped
    wrote = [node for node in trial.later if node.outcome == "succeeded"]
    reused = [use for use in helped if use.acted_on and use.workflow]
    demoted = [use for use in trial.uses if use.standing is not None and use.standing.demoted]
    trusted = sum(use.borne_out for use in helped) + sum(node.verified for node in wrote)
    return LearningSeen(
        workflow_reused=bool(reused),
        stable_workflow_reused=any(use.stable for use in reused),
        provisional_memories_written=len(helped) + len(wrote) - trusted,
        trusted_promotions=trusted,
        weak_evidence_promoted=sum(use.weak for use in trial.uses),
        counter_evidence_demotions=len({use.memory_id for use in (*trial.on("do_not_use"), *demoted)}),
    )


def _forgetting(trial: Trial) -> Forgetting:
    context = [use for use in trial.uses if use.in_context]
    useless = [
        use
        for use in context
        if use.harmed or use.stale or (use.standing is not None and use.standing.inspect_candidate)
    ]
    rehydrated = [use for use in trial.uses if use.rehydrated]
    in_vain = [
        use
        for use in rehydrated
        if use.standing is not None and (use.standing.demoted or use.standing.inspect_candidate)
    ]
    return Forgetting(
        context_items=len(context),
        useful_context_items=len(context) - len(useless),
        stale_memory_surfaced=sum(use.stale for use in context),
        stale_memory_suppressed=len(trial.on("do_not_use")),
        archived_memory_rehydrated_on_demand=len(rehydrated) - len(in_vain),
        unnecessary_rehydrations=len(in_vain),
    )


def _control(trial: Trial) -> LearningControl:
    weak = [use for use in trial.uses if use.weak]
    kept = ("inspect_before_use", "do_not_use", "not_agent_facing")
    return LearningControl(
        weak_evidence_blocked=sum(use.item.served_surface in kept for use in trial.uses),
        authority_requires_evidence=not weak,
        blocked_authority_visible=all(map(trial.shows, trial.blocked)),
        unverified_authority_applied=any(use.credited for use in weak),
    )
