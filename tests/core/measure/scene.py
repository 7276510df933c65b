"""A checkout migration, as the log has it: a rejected route, an accepted one, a guide that served both, and its feedback."""

from collections.abc import Iterable, Sequence

import msgspec

from firewall.core.attribution import Exposure
from firewall.core.events import Event, Record, ScopeKey
from firewall.core.evidence import NATIVE, Exposed, ExposedItem, FeedbackGiven, Observed, Outcome, Served
from firewall.core.measure.kernels import Thresholds
from firewall.core.measure.measurement import Compared, Measurement, measure_trial
from firewall.core.measure.skills import Task
from firewall.core.measure.trial import Trial, read_trial
from firewall.core.state import State, fold_all
from firewall.core.visibility import SCOPE_WIDE, Audience

TASK = "checkout-migration"
RUN = "run-2"
GUIDE = "gt-1"
ADAPTER, LEGACY = "src/checkout/adapter.ts", "src/checkout/legacyAdapter.ts"


def step(
    node_id: str,
    outcome: Outcome,
    file: str,
    *,
    verified: bool = True,
    title: str = "",
    text: str = "",
    run: str = "run-1",
    audience: Audience = SCOPE_WIDE,
    steps: tuple[str, ...] = (),
    checks: tuple[str, ...] = (),
    supersedes: tuple[str, ...] = (),
) -> Observed:
    """An observed execution step."""
    return Observed(
        node_id=node_id,
        kind="execution",
        title=title or f"{node_id} route",
        text=text or f"what {node_id} did",
        outcome=outcome,
        verified=verified,
        audience=audience,
        principal="local",
        task_signature=TASK,
        run_id=run,
        target_files=(file,),
        workflow_steps=steps,
        acceptance_checks=checks,
        supersedes=supersedes,
        at=10.0,
        observed_at=10.0,
    )


REJECTED = step("legacy", "failed", LEGACY, title="Legacy adapter rejected", text="The verifier said no.")
ACCEPTED = step("adapter", "succeeded", ADAPTER, checks=("verifier passes",))


def guided(
    *surfaces: tuple[str, Served],
    trace: str = GUIDE,
    run: str = RUN,
    audience: Audience = SCOPE_WIDE,
    active: str = "adapter",
    task: str = TASK,
    dropped: tuple[str, ...] = (),
) -> Exposed:
    """What a guide served, by memory id and surface."""
    return Exposed(
        guide_trace_id=trace,
        episode_id=f"ep-{trace}",
        exposure_event_id=f"ex-{trace}",
        run_id=run,
        task_signature=task,
        audience=audience,
        principal="local",
        items=tuple(
            ExposedItem(memory_id=memory, upstream=NATIVE, served_surface=surface)
            for memory, surface in sorted(surfaces)
        ),
        item_set_sha256="0" * 64,
        served_surface_sha256="0" * 64,
        dropped=dropped,
        target_files=(ADAPTER,),
        active_id=active,
        considered=len(surfaces),
        actionable=True,
        prompt_chars=400,
        at=20.0,
    )


SERVED = guided(("adapter", "use_now"), ("legacy", "do_not_use"))


def said(
    outcome: str, *memories: str, run: str = RUN, trace: str = GUIDE, strong: bool = True, on: str = "use_now"
) -> FeedbackGiven:
    """Feedback of a run on a guide."""
    return msgspec.convert(
        {
            "type": "feedback",
            "guide_trace_id": trace,
            "run_id": run,
            "outcome": outcome,
            "strong": strong,
            "served_surface": on,
            "memory_ids": memories,
            "principal": "local",
            "at": 30.0,
        },
        FeedbackGiven,
    )


def folded(events: Iterable[Event]) -> State:
    """The state after these events."""
    return fold_all(
        State(),
        (
            Record(key=ScopeKey(), offset=offset, event_id=str(offset), event=event)
            for offset, event in enumerate(events, start=1)
        ),
    )


def exposure(state: State, trace: str = GUIDE) -> Exposure:
    return state.learning.exposures[trace]


def trial_of(events: Sequence[Event], *, trace: str = GUIDE, run: str = RUN) -> Trial:
    """The trial that these events are."""
    state = folded(events)
    return read_trial(state, exposure(state, trace), run_id=run, task_signature=TASK, now=40.0)


def measured(events: Sequence[Event], *, before: str = "", task: str = TASK) -> Measurement:
    """The measurement of these events, as of the run `RUN` on the guide `GUIDE`."""
    return measure_trial(
        Task(task_id="t", run_id=RUN, task_signature=task),
        Compared(),
        Thresholds(),
        trial_of(events),
        trial_of(events, trace=before, run="run-0") if before else None,
    )


GOOD: tuple[Event, ...] = (REJECTED, ACCEPTED, SERVED, said("positive", "adapter"))
