"""Does what became of an attempt govern the notes about it? Three arms, over the API, each task in a scope of its own.

    by id       each note's evidence is observed; the step's evidence ref is the note's id
    by wording  no ids in common: the step carries the note's text, reworded
    without     nothing is observed

In every arm all notes of a task are then governed in mode `firewall`, from a source that is trusted, without labels.
What was observed has to make the difference: accepted notes `use_now`, failed ones `do_not_use`, and none of anything
`use_now` where nothing is known.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal

import msgspec

from firewall.client.shapes import Json
from firewall.evaluate.notes import Note, by_task, reworded

#: Posts a body to a path of the API and gives the answer.
Post = Callable[[str, Json], Awaitable[Json]]
Arm = Literal["by id", "by wording", "without"]
ARMS: tuple[Arm, ...] = ("by id", "by wording", "without")

#: The share of all sources together that has to be right; a failed note may never be `use_now`.
GOALS: dict[Arm, float] = {"by id": 0.99, "by wording": 0.90}
ACTIONS = ("use_now", "inspect_before_use", "rehydrate", "do_not_use")


class Row(msgspec.Struct, frozen=True):
    """What became of the notes of one source and label in one arm."""

    arm: Arm
    source: str
    label: str
    actions: Counter[str]

    @property
    def total(self) -> int:
        return self.actions.total()

    @property
    def right(self) -> float:
        """The share with the action that the label asks for."""
        wanted = "use_now" if self.label == "accepted" else "do_not_use"
        return self.actions[wanted] / self.total


async def evaluate(notes: Sequence[Note], post: Post) -> list[Row]:
    """Every arm on every note."""
    seen: dict[tuple[Arm, str, str], Counter[str]] = {}
    for number, arm in enumerate(ARMS):
        for place, (task, group) in enumerate(by_task(notes)):
            scope = f"eval-{number}-{place}"
            for position, note in enumerate(group):
                if arm != "without":
                    await post("/v1/observe", _observed(arm, scope, task, position, note))
            surfaces = _surfaces(await post("/v1/memory/govern", _governed(scope, group)))
            for note in group:
                counted = seen.setdefault((arm, note.source, note.label), Counter())
                counted[surfaces[note.id]] += 1
    return [Row(*key, actions) for key, actions in sorted(seen.items(), key=_place)]


def pooled(rows: Iterable[Row]) -> list[Row]:
    """The rows of all sources of an arm that has a goal, together, by label."""
    together: dict[tuple[Arm, str], Counter[str]] = {}
    for row in rows:
        if row.arm in GOALS:
            together.setdefault((row.arm, row.label), Counter()).update(row.actions)
    return [Row(arm, "all", label, actions) for (arm, label), actions in together.items()]


def missed(rows: Sequence[Row]) -> list[str]:
    """The goals that were not reached, a line each."""
    lines = [
        f"{together.arm}, {together.label}: {together.right:.1%} is below {GOALS[together.arm]:.0%}"
        for together in pooled(rows)
        if together.right < GOALS[together.arm]
    ]
    lines += [
        f"{row.arm}, {row.source}, {row.label}: {row.actions['use_now']} are use_now"
        for row in rows
        if (row.label == "failed" or row.arm == "without") and row.actions["use_now"]
    ]
    return lines


def below(rows: Sequence[Row]) -> list[str]:
    """The sources that fall short of a goal by themselves, a line each: all together may hide one."""
    return [
        f"{row.arm}, {row.source}, {row.label}: {row.right:.1%} of {row.total} is below {GOALS[row.arm]:.0%}"
        for row in rows
        if row.arm in GOALS and row.right < GOALS[row.arm]
    ]


def table(rows: Sequence[Row]) -> str:
    """The result as text, with the mean over the sources of each label."""
    lines = [f"{'arm':<11} {'source':<28} {'label':<9} {'notes':>5} {'right':>7}  " + "  ".join(ACTIONS)]
    for row in (*rows, *pooled(rows)):
        counts = "  ".join(f"{row.actions[action]:>{len(action)}}" for action in ACTIONS)
        right = "" if row.arm == "without" else f"{row.right:.1%}"
        lines.append(f"{row.arm:<11} {row.source:<28} {row.label:<9} {row.total:>5} {right:>7}  {counts}")
    for arm in GOALS:
        for label in ("accepted", "failed"):
            rights = [row.right for row in rows if (row.arm, row.label) == (arm, label)]
            if rights:
                mean = sum(rights) / len(rights)
                lines.append(f"{arm:<11} {'mean over sources':<28} {label:<9} {'':>5} {mean:>7.1%}")
    return "\n".join(lines)


def _place(entry: tuple[tuple[Arm, str, str], Counter[str]]) -> tuple[int, str, str]:
    (arm, source, label), _ = entry
    return ARMS.index(arm), source, label


def _observed(arm: Arm, scope: str, task: str, position: int, note: Note) -> Json:
    execution: dict[str, object] = {
        "task_signature": task,
        "workflow_signature": f"attempt-{position}",
        "title": f"Attempt {position}",
        "outcome": "succeeded" if note.worked else "failed",
    }
    if arm == "by id":
        execution["evidence_ref"] = note.id
    else:
        execution["summary"] = reworded(note)
    return {"scope": scope, "memory_lane": "shared", "agent_role": "verifier", "execution": execution}


def _governed(scope: str, group: Sequence[Note]) -> Json:
    return {
        "scope": scope,
        "query_text": "Which of these may guide the next attempt?",
        "mode": "firewall",
        "candidates": [
            {
                "external_memory_id": note.id,
                "source_backend": "notes",
                "text": note.text,
                "authority": {"source_trust": "trusted", "scope": "project", "evidence_requirement": "none"},
            }
            for note in group
        ],
    }


def _surfaces(answer: Json) -> dict[str, str]:
    context = msgspec.convert(answer["agent_context"], _Context)
    surfaces = dict.fromkeys(context.memory_ids, "rehydrate")
    for action, ids in (
        ("use_now", context.use_now_memory_ids),
        ("inspect_before_use", context.inspect_before_use_memory_ids),
        ("do_not_use", context.do_not_use_memory_ids),
    ):
        surfaces.update(dict.fromkeys(ids, action))
    return surfaces


class _Context(msgspec.Struct, frozen=True):
    memory_ids: tuple[str, ...]
    use_now_memory_ids: tuple[str, ...]
    inspect_before_use_memory_ids: tuple[str, ...]
    do_not_use_memory_ids: tuple[str, ...]
