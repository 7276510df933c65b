"""Forgetting at the level of the state: what a suppression stops, what it lets be counted, and what it gives back."""

import pytest

from firewall.core.events import Event, Record, ScopeKey
from firewall.core.evidence import NATIVE, Exposed, ExposedItem, FeedbackGiven, Observed, Tended
from firewall.core.state import State, fold

STEP = Observed(
    node_id="n1", kind="execution", title="Legacy", outcome="failed", principal="p", at=1.0, observed_at=1.0
)
SERVED = Exposed(
    guide_trace_id="gt",
    episode_id="ep",
    exposure_event_id="ex",
    principal="p",
    items=(ExposedItem("n1", NATIVE, "use_now"),),
    item_set_sha256="",
    served_surface_sha256="",
    at=2.0,
)


def suppressed(mode: str, until: float | None = None) -> Tended:
    return Tended(
        operation="suppress",
        upstream=NATIVE,
        memory_id="n1",
        mode="hard_freeze" if mode == "hard_freeze" else "shadow_learn",
        until=until,
        principal="p",
        at=3.0,
    )


def harmed(run: str, at: float) -> FeedbackGiven:
    return FeedbackGiven(
        guide_trace_id="gt",
        run_id=run,
        outcome="negative",
        served_surface="use_now",
        memory_ids=("n1",),
        principal="p",
        at=at,
    )


def folded(*events: Event) -> State:
    state = State()
    for offset, event in enumerate(events, start=1):
        fold(state, Record(key=ScopeKey(), offset=offset, event_id=str(offset), event=event))
    return state


@pytest.mark.parametrize(("mode", "counted"), [("shadow_learn", 2), ("hard_freeze", 0)])
def test_defect_04_only_a_freeze_stops_the_counting(mode: str, counted: int) -> None:
    """Under `shadow_learn` feedback counts on, under `hard_freeze` it does not."""
    state = folded(STEP, SERVED, suppressed(mode), harmed("r1", 4.0), harmed("r2", 5.0))
    standing = state.standings.get((NATIVE, "n1"))
    assert (standing.harmed_weak if standing else 0) == counted


def test_a_freeze_ends_by_itself() -> None:
    """What is said after its end counts again."""
    state = folded(STEP, SERVED, suppressed("hard_freeze", 4.5), harmed("r1", 4.0), harmed("r2", 5.0))
    assert state.standings[NATIVE, "n1"].harmed_weak == 1


def test_a_lifted_suppression_leaves_no_trace() -> None:
    """Lifecycle, tier and route are as they were before."""
    lifted = Tended(operation="unsuppress", upstream=NATIVE, memory_id="n1", principal="p", at=4.0)
    before, after = folded(STEP), folded(STEP, suppressed("hard_freeze"), lifted)
    assert after.suppressions == {}
    assert after.evidence.nodes == before.evidence.nodes
    assert after.routes == before.routes
