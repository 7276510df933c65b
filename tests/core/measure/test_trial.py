"""From the log to a measurement: what is counted, and when the evidence suffices."""

import pytest

from firewall.core.events import Event
from firewall.core.measure.recorded import observed
from firewall.core.measure.trial import audience_viewer
from firewall.core.visibility import Audience
from tests.core.measure.scene import (
    ACCEPTED,
    ADAPTER,
    GOOD,
    LEGACY,
    REJECTED,
    RUN,
    SERVED,
    TASK,
    guided,
    measured,
    said,
    step,
    trial_of,
)


def test_a_good_run() -> None:
    """The seed's run: everything due was carried, the evidence suffices, the report passes."""
    found = measured(GOOD)
    assert found.assessment.sufficient
    assert found.assessment.evidence_ids == ("adapter",)
    assert found.kernels is not None
    assert found.kernels.status == "pass"
    assert found.report.history_impact.impact_direction == "positive"
    assert found.report.history_impact.changed_fields == (
        "active_path",
        "do_not_use",
        "target_files",
        "use_now",
    )
    assert found.report.quality.verifier_outcome == "pass"
    assert found.report.learning_effect.promoted_workflow_ids == ("adapter",)
    assert found.report.learning_effect.blocked_authority_ids == ("legacy",)


def test_what_is_counted() -> None:
    """Facts, verified facts, reuse, demotion and context come from the exposure, the feedback and the routes."""
    found = observed(trial_of(GOOD), "aionis")
    assert (found.continuity.recovered_state_facts, found.continuity.expected_state_facts) == (2, 2)
    assert (found.continuity.verified_facts_carried, found.continuity.verified_facts_expected) == (2, 2)
    assert found.continuity.continuity_guidance_correct
    assert found.continuity.repeated_discovery_steps == 0
    assert (found.learning.workflow_reused, found.learning.stable_workflow_reused) == (True, False)
    assert (found.learning.trusted_promotions, found.learning.counter_evidence_demotions) == (1, 1)
    assert (found.forgetting.context_items, found.forgetting.useful_context_items) == (1, 1)
    assert found.learning_control.blocked_authority_visible


def test_a_setback_on_a_route_that_was_warned_of_is_found_out_again() -> None:
    """The run failed where the guide had said that it would."""
    again = step("again", "failed", LEGACY, verified=False, run=RUN)
    elsewhere = step("new", "failed", "src/other.ts", verified=False, run=RUN)
    found = observed(trial_of([*GOOD, again, elsewhere]), "aionis")
    assert found.continuity.repeated_discovery_steps == 1


def test_a_second_run_makes_a_workflow_stable() -> None:
    """An accepted route that helped two runs is reused as a stable one."""
    first = guided(("adapter", "use_now"), trace="gt-0", run="run-0")
    events: list[Event] = [REJECTED, ACCEPTED, first, said("positive", "adapter", run="run-0", trace="gt-0")]
    found = observed(trial_of([*events, SERVED, said("positive", "adapter")]), "aionis")
    assert found.learning.stable_workflow_reused


def test_what_failed_after_the_guide_was_not_due_from_it() -> None:
    """A rejection that came later is neither missing nor invisible in the guide before."""
    later = step("later", "failed", "src/late.ts")
    found = observed(trial_of([*GOOD, later]), "aionis")
    assert found.continuity.verified_facts_expected == 2
    assert found.learning_control.blocked_authority_visible


def test_a_hidden_rejection_is_missed() -> None:
    """A failed route that the guide did not show costs continuity and control."""
    found = observed(
        trial_of([REJECTED, ACCEPTED, guided(("adapter", "use_now")), said("positive", "adapter")]), "a"
    )
    assert (found.continuity.verified_facts_carried, found.continuity.verified_facts_expected) == (1, 2)
    assert not found.learning_control.blocked_authority_visible


def test_weak_evidence_served_to_be_used_fails_hard() -> None:
    """A step that did not succeed, served as `use_now` and used, fails learning and control."""
    tried = step("tried", "unknown", "src/tried.ts", verified=False)
    found = measured([ACCEPTED, tried, guided(("tried", "use_now")), said("positive", "tried")])
    assert found.kernels is not None
    assert found.kernels.learning.hard_fail
    assert found.kernels.learning_control.hard_fail
    assert found.kernels.status == "fail"
    assert found.skills == ()


def test_superseded_memory_in_the_context_is_stale() -> None:
    """What had been superseded before the guide was served is stale; what was superseded after it is not."""
    new = step("new", "succeeded", "src/new.ts", supersedes=("adapter",))
    before = observed(trial_of([ACCEPTED, new, SERVED, said("positive", "adapter")]), "a")
    after = observed(trial_of([ACCEPTED, SERVED, new, said("positive", "adapter")]), "a")
    assert (before.forgetting.stale_memory_surfaced, before.forgetting.useful_context_items) == (1, 0)
    assert (after.forgetting.stale_memory_surfaced, after.forgetting.useful_context_items) == (0, 1)


INSUFFICIENT: dict[str, tuple[tuple[Event, ...], str]] = {
    "no feedback": ((REJECTED, ACCEPTED, SERVED), "no_attributed_feedback"),
    "feedback of another run": (
        (REJECTED, ACCEPTED, SERVED, said("positive", "adapter", run="run-9")),
        "no_attributed_feedback",
    ),
    "only neutral": ((REJECTED, ACCEPTED, SERVED, said("neutral", "adapter")), "feedback_neutral_only"),
    "of what was not served": (
        (REJECTED, ACCEPTED, SERVED, said("positive", "forged")),
        "no_memory_credited",
    ),
    "partly of what was not served": (
        (REJECTED, ACCEPTED, SERVED, said("positive", "adapter", "forged")),
        "credited_memory_not_exposed",
    ),
    "nothing verified": (
        (
            step("adapter", "succeeded", ADAPTER, verified=False),
            guided(("adapter", "use_now")),
            said("positive", "adapter", strong=False),
        ),
        "no_verified_facts_expected",
    ),
    "no context": (
        (REJECTED, guided(("legacy", "do_not_use"), active=""), said("positive", "legacy", on="do_not_use")),
        "no_context_items",
    ),
}


@pytest.mark.parametrize("name", INSUFFICIENT)
def test_what_does_not_suffice(name: str) -> None:
    """Each missing ground is named, and nothing may be exported."""
    events, reason = INSUFFICIENT[name]
    found = measured(events)
    assert reason in found.assessment.reasons
    assert not found.assessment.sufficient
    assert found.kernels is not None
    assert found.kernels.status in {"insufficient", "fail"}
    assert found.report.history_impact.impact_direction == "insufficient_evidence"
    assert not any(candidate.export_ready for candidate in found.report.training_candidates)


def test_another_task_is_not_measured_by_this_guide() -> None:
    """The guide's own task counts, and a run of another one is no evidence."""
    found = measured(GOOD, task="somewhere-else")
    assert found.assessment.reasons == ("task_signature_mismatch",)
    assert all(skill.task_signature == TASK for skill in found.skills)


def test_against_a_guide_before() -> None:
    """The baseline is what its guide served, held to what was due now."""
    bare = guided(trace="gt-0", run="run-0", active="")
    found = measured([bare, *GOOD], before="gt-0")
    assert found.report.comparison.mode == "baseline_vs_aionis"
    assert found.report.comparison.baseline_run_id == "run-0"
    assert found.observations is not None
    assert found.observations[0].continuity.expected_state_facts == 2
    same = measured(
        [*GOOD, guided(("adapter", "use_now"), ("legacy", "do_not_use"), trace="gt-9", run="run-0")],
        before="gt-9",
    )
    assert (
        same.report.history_impact.changed_fields == ("active_path",)
        or not same.report.history_impact.changed_fields
    )
    assert not same.report.history_impact.changed_future_behavior


def test_unused_memory_is_not_blamed() -> None:
    """One credited memory among five served ones leaves the other four useful."""
    more = [step(f"n{number}", "succeeded", f"src/{number}.ts") for number in range(4)]
    served = guided(("adapter", "use_now"), *((node.node_id, "use_now") for node in more))
    found = observed(trial_of([ACCEPTED, *more, served, said("positive", "adapter")]), "a")
    assert (found.forgetting.context_items, found.forgetting.useful_context_items) == (5, 5)


def test_a_later_praise_does_not_unsay_a_harm() -> None:
    """A memory that one feedback blames has harmed, whatever else is said of it."""
    trial = trial_of([*GOOD[:3], said("positive", "adapter"), said("negative", "adapter", strong=False)])
    assert [use.memory_id for use in trial.harmed] == ["adapter"]
    assert trial.helped == ()


def test_same_log_same_measurement() -> None:
    """Measuring is a function of the log."""
    assert measured(GOOD) == measured(GOOD)


@pytest.mark.parametrize(
    ("audience", "seen", "unseen"),
    [
        (Audience(), Audience(), Audience(team="a")),
        (Audience(team="a"), Audience(team="a"), Audience(lane="private", team="a", agent="w")),
        (Audience(lane="private", agent="w"), Audience(lane="private", agent="w"), Audience(team="a")),
        (Audience(lane="private", team="a"), Audience(team="a"), Audience(lane="private", agent="w")),
        (Audience(lane="private", writer="w"), Audience(lane="private", agent="w"), Audience(team="a")),
    ],
)
def test_the_viewer_of_an_audience_sees_no_more_than_all_of_it(
    audience: Audience, seen: Audience, unseen: Audience
) -> None:
    """Reading for an audience shows what each of them may see."""
    viewer = audience_viewer(audience)
    assert viewer.sees(audience)
    assert viewer.sees(seen)
    assert not viewer.sees(unseen)
