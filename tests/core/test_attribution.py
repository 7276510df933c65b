"""Attribution: what is foretold of a feedback is what folding it brings about."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from firewall.core.attribution import Learning, Standing, bare_id, credit, foreseen
from firewall.core.evidence import Exposed, ExposedItem, FeedbackGiven

IDS = ("a", "b", "mem0:a", "mem0:b")

items = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from(["use_now", "inspect_before_use", "do_not_use"])),
    min_size=1,
    unique_by=lambda one: one[0],
).map(
    lambda rows: tuple(
        ExposedItem(memory_id, "mem0" if ":" in memory_id else "memfw", surface)  # type: ignore[arg-type]
        for memory_id, surface in rows
    )
)
feedbacks = st.lists(
    st.builds(
        FeedbackGiven,
        guide_trace_id=st.just("gt"),
        run_id=st.sampled_from(["r1", "r2", "r3"]),
        outcome=st.sampled_from(["positive", "negative", "neutral"]),
        strong=st.booleans(),
        served_surface=st.just("use_now"),
        memory_ids=st.sets(st.sampled_from(IDS), min_size=1).map(sorted).map(tuple),
        principal=st.just("p"),
        at=st.just(1.0),
    ),
    max_size=6,
)
frozen = st.sets(st.sampled_from([("memfw", "a"), ("mem0", "b")])).map(frozenset)


@given(items=items, feedbacks=feedbacks, frozen=frozen)
def test_what_is_foreseen_is_what_comes(
    items: tuple[ExposedItem, ...], feedbacks: list[FeedbackGiven], frozen: frozenset[tuple[str, str]]
) -> None:
    """Foreseeing changes nothing, and says the standings that the fold then has for the guide's memories."""
    served = Exposed(
        guide_trace_id="gt",
        episode_id="e",
        exposure_event_id="x",
        principal="p",
        items=items,
        item_set_sha256="",
        served_surface_sha256="",
        at=0.0,
    )
    learning, standings = Learning(), {("memfw", "elsewhere"): Standing(helped=1)}
    learning.expose(served, 1)
    shown = {(item.upstream, bare_id(item)) for item in items}
    for given_now in feedbacks:
        exposure = learning.exposures["gt"]
        before = copy.deepcopy((exposure, standings))
        foretold = foreseen(exposure, standings, frozen, given_now)
        assert (exposure, standings) == before
        credit(learning, standings, frozen, given_now)
        assert foretold == {memory: one for memory, one in standings.items() if memory in shown}
