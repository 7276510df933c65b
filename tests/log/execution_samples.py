"""Hypothesis strategies of the events of execution memory; few names, so that they meet each other."""

from hypothesis import strategies as st

from firewall.core.events import Event
from firewall.core.evidence import (
    NATIVE,
    Exposed,
    ExposedItem,
    FeedbackGiven,
    Measured,
    Skill,
    SkillReviewed,
    SkillsQueued,
    Tended,
    ToolDecision,
    ToolFeedbackGiven,
)
from tests.core.observing import audiences, steps
from tests.log.review_samples import review_events
from tests.log.samples import events

_nodes = st.sampled_from([f"n{number}" for number in range(8)])
_upstreams = st.sampled_from([NATIVE, "mem0"])
_guides, _runs = st.sampled_from(["g1", "g2"]), st.sampled_from(["r1", "r2", "r3"])
_surfaces = st.sampled_from(["use_now", "inspect_before_use", "do_not_use"])
_results = st.sampled_from(["positive", "negative", "neutral"])
_candidates = st.sampled_from(["s1", "s2"])
_times = st.integers(0, 20).map(float)
_agents = st.just("agents")

_tended = st.builds(
    Tended,
    operation=st.sampled_from(["suppress", "unsuppress", "archive", "rehydrate"]),
    upstream=_upstreams,
    memory_id=_nodes,
    mode=st.sampled_from(["shadow_learn", "hard_freeze"]),
    until=st.none() | _times,
    tier=st.sampled_from(["hot", "warm"]),
    restored=st.none() | steps(),
    principal=_agents,
    at=_times,
)
_items = st.builds(ExposedItem, memory_id=_nodes, upstream=_upstreams, served_surface=_surfaces)
_exposed = st.builds(
    Exposed,
    guide_trace_id=_guides,
    episode_id=st.just("e"),
    exposure_event_id=st.just("x"),
    run_id=_runs,
    audience=audiences,
    principal=_agents,
    items=st.lists(_items, max_size=4).map(tuple),
    item_set_sha256=st.just(""),
    served_surface_sha256=st.just(""),
    tool=st.none() | st.just(ToolDecision("d", "tool", ("tool",), "")),
    at=_times,
)
_feedback = st.builds(
    FeedbackGiven,
    guide_trace_id=st.sampled_from(["", "g1", "g2"]),
    run_id=_runs,
    outcome=_results,
    strong=st.booleans(),
    served_surface=_surfaces,
    memory_ids=st.lists(_nodes, max_size=3, unique=True).map(tuple),
    principal=_agents,
    at=_times,
)
_tool_feedback = st.builds(
    ToolFeedbackGiven,
    guide_trace_id=_guides,
    decision_id=st.just("d"),
    run_id=_runs,
    selected_tool=st.just("tool"),
    outcome=_results,
    principal=_agents,
    at=_times,
)
_skills = st.builds(
    Skill,
    candidate_id=_candidates,
    skill_name=st.sampled_from(["one", "other"]),
    label=st.sampled_from(["positive", "negative"]),
    reason=st.just("r"),
    export_ready=st.booleans(),
    promotion_status=st.just("promotion_ready"),
    source_trace_ids=st.just(()),
    applies_when=st.just(()),
    procedure_steps=st.just(()),
    audience=audiences,
)
_measured = st.builds(
    Measured,
    measurement_id=_guides,
    digest=st.just(""),
    report_sha256=st.just(""),
    run_id=_runs,
    task_signature=st.just("task one"),
    sufficient=st.booleans(),
    skills=st.lists(_skills, max_size=2).map(tuple),
    audience=audiences,
    principal=_agents,
    at=_times,
)
_reviewed = st.builds(
    SkillReviewed,
    candidate_id=_candidates,
    decision=st.sampled_from(["promoted", "rejected"]),
    reviewer_id=st.just("rita"),
    review_reason=st.just("why"),
    principal=_agents,
    at=_times,
)

#: Every kind of event that there is.
all_events: st.SearchStrategy[Event] = st.one_of(
    events,
    review_events,
    steps(),
    steps(),
    _tended,
    _exposed,
    _feedback,
    _tool_feedback,
    _measured,
    st.builds(SkillsQueued, measurement_id=_guides, principal=_agents, at=_times),
    _reviewed,
)
