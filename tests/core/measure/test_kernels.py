"""The four kernels: the contract's worked numbers, their statuses, hard fails and bounds."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.measure import kernels
from firewall.core.measure.kernels import KernelReport, Thresholds, scored, status_of
from firewall.core.measure.observation import (
    Continuity,
    Forgetting,
    LearningControl,
    LearningSeen,
    Observation,
    due_alike,
    nothing_due,
    without_history,
)

WORKED = Observation(
    label="aionis",
    continuity=Continuity(
        repeated_discovery_steps=1,
        continuity_guidance_correct=True,
        recovered_state_facts=3,
        expected_state_facts=3,
        verified_facts_carried=2,
        verified_facts_expected=2,
    ),
    learning=LearningSeen(workflow_reused=True, provisional_memories_written=1, counter_evidence_demotions=1),
    forgetting=Forgetting(
        context_items=5,
        useful_context_items=4,
        stale_memory_suppressed=2,
        archived_memory_rehydrated_on_demand=1,
    ),
    learning_control=LearningControl(weak_evidence_blocked=1),
)
EMPTY = without_history(WORKED)


def test_the_worked_numbers() -> None:
    """.95, .767, .933 and 1.0 come to .91 and pass."""
    report = scored(EMPTY, WORKED, Thresholds(), grounded=True)
    assert report.continuity.score == pytest.approx(0.95)
    assert report.learning.score == pytest.approx(0.767, abs=5e-4)
    assert report.forgetting.score == pytest.approx(0.933, abs=5e-4)
    assert report.learning_control.score == 1.0
    assert report.score == pytest.approx(0.91, abs=5e-3)
    assert report.status == "pass"
    assert {kernel.status for _, kernel in report.kernels} == {"pass"}


@pytest.mark.parametrize(
    ("seen", "score"),
    [
        (LearningSeen(), (0.0 + 0.0 + 0.65) / 3),
        (LearningSeen(stable_workflow_reused=True, trusted_promotions=1), (1 + 1 + 0.65) / 3),
        (LearningSeen(workflow_reused=True, weak_evidence_promoted=1, trusted_promotions=1), 1.4 / 3),
    ],
)
def test_learning(seen: LearningSeen, score: float) -> None:
    """Reuse, promotion and demotion count a third each; weak evidence spoils the promotion."""
    assert kernels.learning(seen) == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize(
    ("seen", "score"),
    [
        (Forgetting(), (1 + 1 + 0.7) / 3),
        (Forgetting(stale_memory_surfaced=1, stale_memory_suppressed=3), (1 + 0.75 + 0.7) / 3),
        (Forgetting(unnecessary_rehydrations=1, archived_memory_rehydrated_on_demand=1), 2 / 3),
    ],
)
def test_forgetting(seen: Forgetting, score: float) -> None:
    """Nothing stale means stale memory is under control; an unnecessary rehydration outweighs a needed one."""
    assert kernels.forgetting(seen) == pytest.approx(score, abs=1e-6)


def test_hard_fails() -> None:
    """Promoted weak evidence and applied unverified authority fail a kernel and with it the report."""
    weak = msgspec.structs.replace(
        WORKED, learning=msgspec.structs.replace(WORKED.learning, weak_evidence_promoted=1)
    )
    applied = msgspec.structs.replace(
        WORKED,
        learning_control=LearningControl(weak_evidence_blocked=1, unverified_authority_applied=True),
    )
    for observation, name in ((weak, "learning"), (applied, "learning_control")):
        report = scored(EMPTY, observation, Thresholds(), grounded=True)
        kernel = dict(report.kernels)[name]  # type: ignore[index]
        assert (kernel.status, kernel.hard_fail, kernel.label) == ("fail", True, "blocked")
        assert report.status == "fail"


def report(**scores: tuple[float, float]) -> KernelReport:
    """A report by (baseline, score) of the kernels that matter; the others stay at .9."""
    names = ("continuity", "learning", "forgetting", "learning_control")
    parts = {
        name: msgspec.structs.replace(
            kernels.scored(EMPTY, EMPTY, Thresholds(), grounded=True).forgetting,
            score=(pair := scores.get(name, (0.9, 0.9)))[1],
            baseline_score=pair[0],
            delta=pair[1] - pair[0],
            status="pass" if pair[1] >= 0.7 else "warn" if pair[1] >= 0.45 else "fail",
        )
        for name in names
    }
    score = sum(part.score for part in parts.values()) / 4
    before = sum(part.baseline_score for part in parts.values()) / 4
    return KernelReport(
        **parts, score=score, baseline_score=before, delta=score - before, status="insufficient"
    )


@pytest.mark.parametrize(
    ("scores", "grounded", "status"),
    [
        ({"continuity": (0.1, 0.9)}, True, "pass"),
        ({"continuity": (0.1, 0.9)}, False, "insufficient"),
        ({"continuity": (0.9, 0.4)}, True, "fail"),
        ({"continuity": (0.9, 0.4)}, False, "fail"),
        ({"continuity": (0.0, 0.9), "learning": (0.9, 0.8)}, True, "warn"),
        ({"continuity": (0.1, 0.6)}, True, "warn"),
        ({}, True, "warn"),
    ],
)
def test_the_status_of_a_report(scores: dict[str, tuple[float, float]], grounded: bool, status: str) -> None:
    """A failure fails, a loss or too little gain warns, and without evidence nothing but a failure is said."""
    assert status_of(report(**scores), Thresholds(), grounded=grounded) == status


def test_what_nothing_was_due_for_is_said() -> None:
    """A ratio over nothing counts as one, and is named."""
    assert nothing_due(Observation(label="x")) == (
        "no_state_facts_expected",
        "no_verified_facts_expected",
        "no_context_items",
    )
    assert nothing_due(WORKED) == ()


COUNT = st.integers(0, 9)
OBSERVATIONS = st.builds(
    Observation,
    label=st.just("any"),
    continuity=st.builds(
        Continuity,
        *[],
        **dict.fromkeys(
            (
                "repeated_discovery_steps",
                "recovered_state_facts",
                "expected_state_facts",
                "verified_facts_carried",
                "verified_facts_expected",
            ),
            COUNT,
        ),
        continuity_guidance_correct=st.booleans(),
    ),
    learning=st.builds(
        LearningSeen,
        workflow_reused=st.booleans(),
        stable_workflow_reused=st.booleans(),
        **dict.fromkeys(
            (
                "provisional_memories_written",
                "trusted_promotions",
                "weak_evidence_promoted",
                "counter_evidence_demotions",
            ),
            COUNT,
        ),
    ),
    forgetting=st.builds(Forgetting, **dict.fromkeys(Forgetting.__struct_fields__, COUNT)),
    learning_control=st.builds(
        LearningControl,
        weak_evidence_blocked=COUNT,
        authority_requires_evidence=st.booleans(),
        blocked_authority_visible=st.booleans(),
        unverified_authority_applied=st.booleans(),
    ),
)


@given(baseline=OBSERVATIONS, aionis=OBSERVATIONS)
def test_scores_stay_between_zero_and_one(baseline: Observation, aionis: Observation) -> None:
    """Whatever is counted, every score lies in [0, 1], and the report says what its numbers say."""
    report = scored(due_alike(baseline, aionis), aionis, Thresholds(), grounded=True)
    for _, kernel in report.kernels:
        assert 0.0 <= kernel.score <= 1.0
        assert 0.0 <= kernel.baseline_score <= 1.0
    assert 0.0 <= report.score <= 1.0
    assert report.status != "pass" or (report.score >= 0.7 and report.delta >= 0.1)
    assert scored(due_alike(baseline, aionis), aionis, Thresholds(), grounded=True) == report
