"""`memfw quickstart host-template`: the loop that a host runs around its agents, once on notes and once on memfw.

    prompt = what does memory say?   ->   agent acts   ->   checks run   ->   memory is told what came of it

Each round begins with an agent that has an empty head. Counted are routes that were taken again after they had failed,
writes to a wrong file, tasks that ended on a route that works, and how much the agents had to read.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from firewall.client import (
    Json,
    Memfw,
    agent_prompt_from_guide,
    command_posture_from_guide,
    memory_ids_from_guide,
)
from firewall.quickstart.agent import choose
from firewall.quickstart.house import running_memfw
from firewall.quickstart.notes import Notes
from firewall.quickstart.tasks import TASKS, Task, verdict_on

ROUNDS = 6
TEAM = "platform"


class Memory(Protocol):
    """What the loop needs of a memory."""

    async def prompt(self, task: Task, run_id: str) -> str:
        """All that the agent will read."""
        ...

    async def told(self, task: Task, run_id: str, file: str) -> None:
        """What came of a change to this file."""
        ...


class Count(msgspec.Struct):
    """What one memory led to."""

    repeated: int = 0
    wrong_writes: int = 0
    finished: int = 0
    prompt_chars: int = 0


class RawNotes:
    """Without memfw: what was noted, by similarity."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._notes = Notes()
        for task in tasks:
            for note in task.notes:
                self._notes.add(note)

    async def prompt(self, task: Task, run_id: str) -> str:
        """The question and the nearest notes."""
        return "\n".join(
            [f"run={run_id}", task.query, "NOTES", *(f"- {note}" for note in self._notes.nearest(task.query))]
        )

    async def told(self, task: Task, run_id: str, file: str) -> None:
        """One more note."""
        self._notes.add(f"{run_id}: {verdict_on(task, file)}")


class Governed:
    """With memfw: this class is the template. A guide before each step, its outcome after it."""

    def __init__(self, memfw: Memfw) -> None:
        self._memfw = memfw
        self._guides: dict[str, Json] = {}

    async def know(self, tasks: Sequence[Task]) -> None:
        """The same notes as anybody has."""
        for task in tasks:
            for note in task.notes:
                await self._memfw.remember(agent_id="host", team_id=TEAM, kind="project_context", text=note)

    async def prompt(self, task: Task, run_id: str) -> str:
        """The prompt of the guide, and nothing else of it."""
        guide = await self._memfw.execution.guide_for_role(
            agent_id=f"worker-{run_id}",
            team_id=TEAM,
            role="worker",
            run_id=run_id,
            task_signature=task.signature,
            query_text=task.query,
            context_mode="compact_agent",
            limit=4,
        )
        self._guides[run_id] = guide
        return agent_prompt_from_guide(guide)

    async def told(self, task: Task, run_id: str, file: str) -> None:
        """The host ran the checks, so it speaks as the verifier; what the agent used is credited or blamed."""
        guide = self._guides.pop(run_id)
        await self._memfw.observe_outcome(
            guide=guide,
            used_memory_ids=_used(guide, file),
            agent_id="host",
            team_id=TEAM,
            role="verifier",
            run_id=run_id,
            task_signature=task.signature,
            title=f"{task.signature} through {file}",
            summary=verdict_on(task, file),
            outcome="succeeded" if file == task.works else "failed",
            target_files=[file],
        )


def _used(guide: Json, file: str) -> list[str]:
    """The memories that sent the agent to this file."""
    served = memory_ids_from_guide(guide, "use_now")
    sent = [
        said
        for said in command_posture_from_guide(guide, "should_continue")
        if file in str(said["target_files"])
    ]
    return [memory_id for memory_id in served if any(said["memory_id"] == memory_id for said in sent)]


async def run(memory: Memory, tasks: Sequence[Task]) -> Count:
    """Every task in every round, each time by an agent that knows nothing but its prompt."""
    count = Count()
    failed: set[tuple[str, str]] = set()
    for number in range(1, ROUNDS + 1):
        for task in tasks:
            run_id = f"{task.signature}-{number}"
            prompt = await memory.prompt(task, run_id)
            count.prompt_chars += len(prompt)
            file = choose(prompt, task.files)
            if file is None:
                continue
            count.repeated += (task.signature, file) in failed
            if file == task.works:
                count.finished += number == ROUNDS
            else:
                count.wrong_writes += 1
                failed.add((task.signature, file))
            await memory.told(task, run_id, file)
    return count


async def host_template(say: Callable[[str], None]) -> int:
    """Print the table; 0 when no agent on memfw took a route again that had failed."""
    without = await run(RawNotes(TASKS), TASKS)
    async with running_memfw() as url, Memfw(url, scope="platform") as memfw:
        governed = Governed(memfw)
        await governed.know(TASKS)
        guided = await run(governed, TASKS)
    say(f"{len(TASKS)} tasks, {ROUNDS} rounds, each with an agent that follows its prompt to the letter.\n")
    say(f"{'':<24}{'notes alone':>14}{'with memfw':>14}")
    for label, field in (
        ("repeated failed routes", "repeated"),
        ("wrong writes", "wrong_writes"),
        ("tasks on a good route", "finished"),
        ("prompt characters", "prompt_chars"),
    ):
        say(f"{label:<24}{getattr(without, field):>14,}{getattr(guided, field):>14,}")
    return 1 if guided.repeated else 0
