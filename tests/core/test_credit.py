"""Attribution: each rule at its head. Feedback credits what was exposed, once a run, and blames nothing unused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core import attribution
from firewall.core.attribution import MOST_EXPOSURES, PASSED_BY, Learning, Standing, bare_id, strength_of
from firewall.core.events import Event
from firewall.core.evidence import NATIVE, Exposed, ExposedItem, FeedbackGiven, Served, Tended
from firewall.core.state import State
from tests.core.observing import after

USED, UNUSED = (NATIVE, "used"), (NATIVE, "unused")


def guide(trace: str = "g", **surfaces: Served) -> Exposed:
    """What a guide served; by default two memories to use."""
    served = surfaces or {"used": "use_now", "unused": "use_now"}
    return Exposed(
        guide_trace_id=trace,
        episode_id="e",
        exposure_event_id="x",
        principal="agents",
        items=tuple(ExposedItem(name, NATIVE, surface) for name, surface in sorted(served.items())),
        item_set_sha256="",
        served_surface_sha256="",
        at=1.0,
    )


def said(
    outcome: str, run: str = "r", *, trace: str = "g", strong: bool = False, of: str = "used"
) -> FeedbackGiven:
    return FeedbackGiven(
        guide_trace_id=trace,
        run_id=run,
        outcome=outcome,  # type: ignore[arg-type] # one of its words
        strong=strong,
        served_surface="use_now",
        memory_ids=(of,),
        principal="agents",
        at=2.0,
    )


def standing(*events: Event) -> Standing:
    return after(guide(), *events).standings.get(USED, Standing())


def test_only_what_was_exposed_is_credited() -> None:
    """Neither a memory that the guide did not serve nor a guide that nobody knows."""
    state = after(
        guide(), said("negative", of="elsewhere", strong=True), said("negative", trace="unknown", strong=True)
    )
    assert (NATIVE, "elsewhere") not in state.standings
    assert not any(one.demoted for one in state.standings.values())
    assert state.learning.unattributed == 1


@pytest.mark.parametrize(
    ("listed", "demoted"),
    [
        ([said("negative")], False),
        ([said("negative"), said("negative")], False),
        ([said("negative"), said("negative", "r2")], True),
        ([said("negative", strong=True)], True),
        ([said("neutral"), said("neutral", "r2"), said("neutral", "r3")], False),
        ([said("negative"), said("negative", "r2"), said("positive", "r3")], True),
        ([said("negative"), said("negative", "r2"), said("positive", "r3"), said("positive", "r4")], False),
        ([said("negative", strong=True), said("positive", "r2")], True),
        ([said("negative", strong=True), said("positive", "r2"), said("positive", "r2")], True),
        ([said("negative", strong=True), said("positive", "r2"), said("positive", "r3")], False),
        ([said("positive"), said("negative", "r2"), said("negative", "r3")], True),
    ],
)
def test_when_a_memory_is_demoted(listed: list[FeedbackGiven], demoted: bool) -> None:
    """One strong harm, or two weak ones of distinct runs, until as many distinct runs were helped."""
    assert standing(*listed).demoted is demoted


def test_what_was_not_used_is_not_blamed() -> None:
    """It is a candidate for inspection once three runs passed it by, and no more than that."""
    runs = [said("negative", f"r{number}", strong=True) for number in range(PASSED_BY)]
    unused = after(guide(), *runs).standings[UNUSED]
    assert (unused.passed_by, unused.inspect_candidate, unused.demoted) == (PASSED_BY, True, False)
    helped = after(guide(), *runs, said("positive", "r9", of="unused")).standings[UNUSED]
    assert not helped.inspect_candidate


@pytest.mark.parametrize("surface", ["inspect_before_use", "do_not_use", "rehydrate"])
def test_only_what_was_to_be_used_can_be_passed_by(surface: Served) -> None:
    """Nobody is expected to use a warning."""
    assert UNUSED not in after(guide(used="use_now", unused=surface), said("positive")).standings


@pytest.mark.parametrize(("until", "counted"), [(None, False), (1.5, True), (9.0, False)])
def test_what_is_frozen_learns_nothing(until: float | None, counted: bool) -> None:
    """While it is suppressed with `hard_freeze`; the shadow kind learns on."""
    freeze = Tended(
        operation="suppress",
        upstream=NATIVE,
        memory_id="used",
        mode="hard_freeze",
        until=until,
        principal="p",
        at=1.0,
    )
    assert standing(freeze, said("negative", strong=True)).demoted is counted
    shadow = msgspec.structs.replace(freeze, mode="shadow_learn")
    assert standing(shadow, said("negative", strong=True)).demoted


@pytest.mark.parametrize(
    ("held", "given", "strength"),
    [
        (None, said("positive"), "positive_attribution"),
        (None, said("neutral", strong=True), "none"),
        (None, said("negative", strong=True), "strong_signal_threshold_met"),
        (None, said("negative"), "weak_below_threshold"),
        (Standing(harmed_weak=1, harmed_runs=["r"]), said("negative"), "weak_below_threshold"),
        (Standing(harmed_weak=1, harmed_runs=["r"]), said("negative", "r2"), "repeated_weak_threshold_met"),
    ],
)
def test_strength(held: Standing | None, given: FeedbackGiven, strength: str) -> None:
    """What a feedback is worth by itself and beside what was said before."""
    assert strength_of(held, given) == strength


@given(
    st.lists(
        st.sampled_from([said("positive"), said("negative"), said("negative", strong=True), said("neutral")])
    )
)
def test_a_run_counts_once(listed: list[FeedbackGiven]) -> None:
    """What one run says of one memory of one guide is said once: the first word counts."""
    assert standing(*listed) == standing(*listed[:1])


def test_exposures_and_their_feedback_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest guides go first; a guide takes so many feedbacks and then no more."""
    learning = Learning()
    for number in range(MOST_EXPOSURES + 3):
        learning.expose(guide(f"g{number}"), number)
    assert (len(learning.exposures), next(iter(learning.exposures))) == (MOST_EXPOSURES, "g3")
    monkeypatch.setattr(attribution, "MOST_FEEDBACK", 3)
    state: State = after(guide(), *(said("positive", f"r{number}") for number in range(9)))
    assert len(state.learning.exposures["g"].feedback) == 3
    assert (state.standings[USED].helped, state.learning.unattributed) == (3, 6)


def test_an_upstreams_id_is_prefixed_on_the_wire_only() -> None:
    """A native id is its own, whatever it begins with."""
    assert bare_id(ExposedItem("mem0:m1", "mem0", "use_now")) == "m1"
    assert bare_id(ExposedItem("mem0:m1", NATIVE, "use_now")) == "mem0:m1"
