"""How the guide's tests guide: evidence in few words folded into a state, and the whole pure way from there to a prompt."""

from collections.abc import Sequence
from typing import Any

import msgspec

from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import CompiledPolicy, compile_policy
from firewall.core.events import Event, Record, ScopeKey
from firewall.core.evidence import Observed
from firewall.core.guide.answer import AgentContext
from firewall.core.guide.candidates import recalled_row
from firewall.core.guide.compile import Compiled, Layout, compile_prompt
from firewall.core.guide.context import Identity, agent_context
from firewall.core.guide.decide import decide
from firewall.core.guide.memory import Memory
from firewall.core.guide.recall import Ask, recall
from firewall.core.model import Candidate, Context, Surface
from firewall.core.policy import Policy
from firewall.core.state import State, fold
from firewall.core.visibility import EVERYONE, Viewer

NOW = 1_750_000_000.0
POLICY = compile_policy(Policy(), "test")
TASK = "checkout-migration"


def step(node_id: str, outcome: str = "", **fields: Any) -> Observed:
    """A step of the task, or with another `kind` any other evidence."""
    given: dict[str, Any] = {
        "node_id": node_id,
        "kind": "execution",
        "outcome": outcome,
        "task_signature": TASK,
        "principal": "local",
        "at": NOW - 100,
        "observed_at": NOW - 100,
    }
    return msgspec.convert({**given, **fields}, Observed)


def state_of(*events: Event) -> State:
    """The state after these events, in their order."""
    state = State()
    for offset, event in enumerate(events, 1):
        fold(state, Record(key=ScopeKey(), offset=offset, event_id=str(offset), event=event))
    return state


class Guided(msgspec.Struct):
    memories: tuple[Memory, ...]
    compiled: Compiled
    context: AgentContext
    dropped: dict[str, int]

    def served(self) -> dict[str, str]:
        return {memory.memory_id: memory.served for memory in self.compiled.memories}

    def of(self, memory_id: str) -> Memory:
        return next(memory for memory in self.memories if memory.memory_id == memory_id)

    def section(self, header: str) -> list[str]:
        """The lines below a header of the prompt."""
        lines = self.compiled.prompt_text.split("\n")
        below = lines[lines.index(header) + 1 :]
        ends = (place for place, line in enumerate(below) if not line.startswith("- "))
        return below[: next(ends, len(below))]


def guided(
    state: State,
    *,
    viewer: Viewer = EVERYONE,
    query: str = "What is next?",
    task: str = TASK,
    limit: int = 10,
    rows: Sequence[Candidate] = (),
    late: bool = False,
    policy: CompiledPolicy = POLICY,
    **layout: Any,
) -> Guided:
    """Recall, adjudication, admission, prompt and context, as the use case does it."""
    recalled = recall(state, Ask(viewer=viewer, query=query, task=task, limit=limit))
    recalled = msgspec.structs.replace(recalled, memories=(*recalled.memories, *map(recalled_row, rows)))
    verdicts = adjudicate(
        [one.candidate for one in recalled.memories],
        Context(
            decision_id="d",
            surface=Surface.guide,
            mode=policy.mode,
            ranked=True,
            query=query,
            viewer=viewer,
        ),
        state,
        policy,
        NOW,
    ).verdicts
    memories = decide(
        recalled, None if late else verdicts, state, viewer=viewer, query=query, shadow=policy.shadow
    )
    how = Layout(task=recalled.task, **layout)
    compiled = compile_prompt(memories, how)
    dropped = {**recalled.dropped, **compiled.dropped}
    context = agent_context(compiled, how, Identity(tenant="default", scope="default"), dropped)
    return Guided(memories, compiled, context, dropped)
