"""The effect report: what each part says of a run, and the laws that hold for any run."""

from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.events import Event
from firewall.core.evidence import Served, Tended
from firewall.core.measure.effect import EffectReport
from firewall.core.visibility import Audience
from tests.core.measure.scene import ACCEPTED, REJECTED, RUN, SERVED, guided, measured, said, step


def report_of(*events: Event) -> EffectReport:
    return measured(events).report


def test_a_run_that_was_harmed() -> None:
    """Negative transfer is detected, the signal is strong, and the direction is not positive."""
    found = report_of(REJECTED, ACCEPTED, SERVED, said("negative", "adapter"))
    assert found.quality.negative_transfer_detected
    assert found.quality.verifier_outcome == "fail"
    assert found.quality.recovered_fact_accuracy == "negative"
    assert found.quality.workflow_reuse_outcome == "failure"
    assert found.feedback_signal_summary.strong_counter_signal_memory_ids == ("adapter",)
    assert found.learning_effect.demoted_memory_ids == ("adapter",)
    assert found.history_impact.impact_direction == "negative"


def test_a_mixed_run() -> None:
    """One memory helped and one harmed: mixed, with the weak signal named as weak."""
    other = step("other", "succeeded", "src/other.ts")
    served = guided(("adapter", "use_now"), ("other", "use_now"))
    found = report_of(
        ACCEPTED, other, served, said("positive", "adapter"), said("negative", "other", strong=False)
    )
    assert found.quality.recovered_fact_accuracy == "mixed"
    assert found.quality.workflow_reuse_outcome == "mixed"
    assert found.feedback_signal_summary.positive_attributed_memory_ids == ("adapter",)
    assert found.feedback_signal_summary.weak_counter_signal_memory_ids == ("other",)


def test_a_run_that_only_read() -> None:
    """Neutral feedback is a read-only signal."""
    found = report_of(REJECTED, ACCEPTED, SERVED, said("neutral", "adapter"))
    assert found.feedback_signal_summary.read_only_signal_memory_ids == ("adapter",)
    assert found.quality.verifier_outcome == "not_run"


def test_a_credited_handoff_is_a_contribution() -> None:
    """Handoffs and replayed steps are told apart, and a credited handoff can be distilled."""
    handoff = msgspec.structs.replace(
        step("handoff", "", "src/checkout/adapter.ts"), kind="handoff", outcome=""
    )
    served = guided(("adapter", "use_now"), ("handoff", "use_now"), ("legacy", "do_not_use"))
    found = report_of(REJECTED, ACCEPTED, handoff, served, said("positive", "handoff"))
    assert found.history_contributions.handoff.source_ids == ("handoff",)
    assert found.history_contributions.handoff.used
    assert found.history_contributions.replay.source_ids == ("adapter", "legacy")
    assert not found.history_contributions.replay.used
    assert "handoff_distillation" in {one.candidate_type for one in found.training_candidates}


def test_memory_that_is_passed_by_again_and_again() -> None:
    """Three runs that did not use it are told, with and without a help before."""
    other = step("other", "succeeded", "src/other.ts")
    events: list[Event] = [ACCEPTED, other]
    for number in range(3):
        trace, run = f"gt-{number + 2}", f"run-{number + 5}"
        events += [
            guided(("adapter", "use_now"), ("other", "use_now"), trace=trace, run=run),
            said("positive", "adapter", trace=trace, run=run),
        ]
    served = guided(("adapter", "use_now"), ("other", "use_now"))
    found = report_of(*events, served, said("positive", "adapter"))
    signals = found.feedback_signal_summary
    assert signals.repeated_unattributed_memory_ids == ("other",)
    assert signals.repeated_unattributed_without_positive_memory_ids == ("other",)


def test_forgetting_is_told() -> None:
    """What was suppressed, archived and rehydrated since is named."""

    def tended(operation: str, memory: str) -> Tended:
        return msgspec.convert(
            {
                "type": "tended",
                "operation": operation,
                "upstream": "memfw",
                "memory_id": memory,
                "principal": "p",
                "at": 35.0,
            },
            Tended,
        )

    raw = step("raw", "succeeded", "src/raw.ts")
    served = guided(("adapter", "use_now"), ("legacy", "do_not_use"), ("raw", "rehydrate"))
    found = report_of(
        REJECTED,
        ACCEPTED,
        raw,
        tended("archive", "raw"),
        served,
        tended("rehydrate", "raw"),
        tended("suppress", "legacy"),
        said("positive", "adapter"),
    )
    assert found.forgetting_effect.rehydrated_memory_ids == ("raw",)
    assert found.forgetting_effect.suppressed_memory_ids == ("legacy",)
    assert found.forgetting_effect.stale_memory_filtered_count == 1


NODES = ("adapter", "legacy", "tried", "private", "gone")
SCENE: tuple[Event, ...] = (
    REJECTED,
    ACCEPTED,
    step("tried", "unknown", "src/tried.ts", verified=False),
    step("private", "succeeded", "src/p.ts", title="hush", audience=Audience(lane="private", agent="w-9")),
)


@given(
    surfaces=st.dictionaries(st.sampled_from(NODES), st.sampled_from(get_args(Served))),
    words=st.lists(
        st.tuples(
            st.sampled_from(("positive", "negative", "neutral")),
            st.lists(st.sampled_from((*NODES, "forged")), min_size=1, unique=True),
            st.booleans(),
            st.sampled_from((RUN, "another-run")),
        ),
        max_size=4,
    ),
    later=st.lists(st.sampled_from(("failed", "succeeded", "blocked")), max_size=3),
)
def test_laws(
    surfaces: dict[str, Served],
    words: list[tuple[str, list[str], bool, str]],
    later: list[str],
) -> None:
    """Whatever was served and said: scores lie in [0, 1]; the same log gives the same; only what suffices is exported;
    every id was served; nothing private gets into a skill of everybody's guide."""
    events: list[Event] = [*SCENE, guided(*surfaces.items())]
    events += [said(word, *ids, strong=strong, run=run) for word, ids, strong, run in words]
    events += [
        step(f"later-{number}", outcome, "src/checkout/legacyAdapter.ts", run=RUN)  # type: ignore[arg-type]
        for number, outcome in enumerate(later)
    ]
    found = measured(events)
    assert found == measured(events)
    assert found.kernels is not None
    assert all(0.0 <= kernel.score <= 1.0 for _, kernel in found.kernels.kernels)
    assert 0.0 <= found.kernels.score <= 1.0
    exported = [one for one in found.report.training_candidates if one.export_ready]
    assert not exported or (found.assessment.sufficient and found.kernels.status == "pass")
    assert set(found.assessment.evidence_ids) <= set(surfaces)
    assert all(set(one.source_ids) <= set(surfaces) for one in found.report.training_candidates)
    told = str(found.skills)
    assert "hush" not in told
    assert "src/p.ts" not in told
