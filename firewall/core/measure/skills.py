"""A trace-derived skill: what a run that went well leaves for a reviewer. A candidate, never an instruction.

Rules
-----
1. It comes from a recorded run whose continuity or learning kernel is positive, in which nothing failed hard, and which
   nothing served harmed.
2. Its steps are those of the memories that helped it, while nothing speaks against them; else the files of the active
   route. What failed gives conditions and counter-examples: files and titles, never its text.
3. It holds one line a piece and is for the audience of the guide: nothing in it is hidden from any of them.
4. It may be exported only where the evidence suffices and the report passes.
5. The same way of the same task, for the same audience, is the same candidate, however often it is measured.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from firewall.core.evidence import Skill
from firewall.core.measure.assessment import Assessment
from firewall.core.measure.kernels import FLOOR, KernelReport, Thresholds, status_of
from firewall.core.measure.trial import Trial, Use
from firewall.core.prompt import one_line
from firewall.core.route_words import normal_path
from firewall.core.routes import ExecutionRoute
from firewall.core.visibility import Audience

NAME_CHARS = 160
LINE_CHARS = 240
PATH_CHARS = 512
MOST_STEPS = 16
MOST_CONDITIONS = 16
MOST_FILES = 64
MOST_REFS = 64

_SOURCES = ("continuity", "learning")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is measured as one of."""

    task_id: str
    run_id: str
    task_signature: str
    task_family: str | None = None
    workflow_signature: str | None = None


def skill_of(
    trial: Trial, task: Task, report: KernelReport, assessment: Assessment, asked: Thresholds
) -> Skill | None:
    """The candidate of a run; None where it gives none. Asking for less than the floor exports nothing more."""
    sources = [name for name, kernel in report.kernels if name in _SOURCES and kernel.label == "positive"]
    if not sources or trial.harmed or any(kernel.hard_fail for _, kernel in report.kernels):
        return None
    helpful = [use for use in trial.helped if use.acted_on and use.sound]
    steps, files = _way(trial, helpful)
    if not steps:
        return None
    exportable = (
        assessment.sufficient
        and status_of(report, asked.at_least(FLOOR), grounded=assessment.sufficient) == "pass"
    )
    signature, workflow = trial.task_signature, _workflow(helpful, task)
    audience = trial.served.audience
    left_out = f"; {len(steps) - MOST_STEPS} more steps left out" if len(steps) > MOST_STEPS else ""
    kept = steps[:MOST_STEPS]
    return Skill(
        candidate_id=_identity(audience, signature, workflow, files, steps),
        skill_name=one_line(f"{signature} continuation", NAME_CHARS),
        label="positive",
        reason=f"positive: {', '.join(sources)}{left_out}",
        export_ready=exportable,
        promotion_status="promotion_ready" if exportable else "needs_feedback_attribution",
        task_signature=signature,
        workflow_signature=workflow,
        source_trace_ids=(trial.served.guide_trace_id,),
        source_signal_ids=(trial.served.exposure_event_id,) if trial.given else (),
        source_ids=assessment.evidence_ids[:MOST_REFS],
        applies_when=_applies(signature, workflow, task.task_family),
        does_not_apply_when=_unless(trial, files),
        procedure_steps=kept,
        target_files=files,
        acceptance_checks=_lines(
            (check for use in helpful if use.node is not None for check in use.node.acceptance_checks),
            MOST_CONDITIONS,
        ),
        failure_counterexamples=_lines(map(_counterexample, trial.failed), MOST_CONDITIONS),
        evidence_refs=_refs(helpful, assessment),
        audience=audience,
    )


def _way(trial: Trial, helpful: list[Use]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The steps, all of them, and the files that they are for."""
    nodes = [use.node for use in helpful if use.node is not None]
    steps = _lines((step for node in nodes for step in node.workflow_steps), None)
    files = [file for node in nodes for file in node.target_files]
    if not steps and trial.active is not None:
        files = [*files, *trial.active.target_files]
        steps = _lines((f"continue {file}" for file in trial.active.target_files), None)
    return steps, _paths(files)


def _workflow(helpful: list[Use], task: Task) -> str:
    told = (use.node.workflow_signature for use in helpful if use.node is not None)
    return next((signature for signature in told if signature), task.workflow_signature or "")


def _applies(signature: str, workflow: str, family: str | None) -> tuple[str, ...]:
    told = (("task_signature", signature), ("workflow_signature", workflow), ("task_family", family))
    return _lines((f"{name}={value}" for name, value in told if value), MOST_CONDITIONS)


def _unless(trial: Trial, files: tuple[str, ...]) -> tuple[str, ...]:
    """A file that failed and was made to work since is no reason against the way that made it work."""
    own = {normal_path(file) for file in files}

    def others(routes: Iterable[ExecutionRoute]) -> Iterable[str]:
        named = (file for route in routes for file in route.target_files)
        return (file for file in named if normal_path(file) not in own)

    return _lines(
        (
            *(f"route touches {file}" for file in others(trial.failed)),
            *(f"route touches {file}, which is contested" for file in others(trial.contested)),
        ),
        MOST_CONDITIONS,
    )


def _counterexample(route: ExecutionRoute) -> str:
    """The title of a failed route; its files where the title is only the beginning of the text that is blocked."""
    title, text = route.title.strip(), route.text.strip()
    repeats = text.startswith(title.rstrip(".…")) if title else True
    if not repeats:
        return title
    return f"failed route: {', '.join(route.target_files)}" if route.target_files else "failed route"


def _refs(helpful: list[Use], assessment: Assessment) -> tuple[str, ...]:
    refs = [ref for use in helpful if use.node is not None for ref in use.node.evidence_refs]
    return _lines((*assessment.evidence_ids, *refs), MOST_REFS)


def _lines(texts: Iterable[str], most: int | None) -> tuple[str, ...]:
    """Each once, on one line, in their order; nothing that is empty."""
    clean = (one_line(text, LINE_CHARS) for text in texts)
    return tuple(dict.fromkeys(line for line in clean if line))[:most]


def _paths(files: Iterable[str]) -> tuple[str, ...]:
    clean = (one_line(file, PATH_CHARS) for file in files)
    return tuple(dict.fromkeys(file for file in clean if file))[:MOST_FILES]


def _identity(
    audience: Audience, signature: str, workflow: str, files: tuple[str, ...], steps: tuple[str, ...]
) -> str:
    whose = [audience.lane, audience.agent, audience.team]
    if audience.lane == "private" and not audience.agent and not audience.team:
        whose.append(audience.writer)
    told = [whose, signature, workflow, sorted(files), list(steps)]
    return f"cand-{hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]}"
