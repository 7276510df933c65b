"""Reading a guide's answer: the prompt for the agent, and what stands beside it for the host.

Golden rule: an agent is fed `agent_prompt_from_guide` and nothing else of a guide. Everything here is pure.
"""

from typing import Literal

from firewall.client.errors import MemfwError
from firewall.client.shapes import Json, record, records, strings

Posture = Literal["must_not", "should_continue", "inspect_first", "rehydrate_first", "optional_context"]
Surface = Literal["use_now", "inspect_before_use", "do_not_use", "rehydrate"]

_ID_LISTS = (
    "memory_ids",
    "use_now_memory_ids",
    "inspect_before_use_memory_ids",
    "do_not_use_memory_ids",
)


def agent_context_from_guide(guide: Json) -> Json:
    """What the guide says to and about the agent. MemfwError where there is none."""
    context = guide.get("agent_context")
    if not isinstance(context, dict):
        raise MemfwError(
            "guide_agent_context_missing", "this is no answer of a guide: it has no agent_context"
        )
    return context


def agent_prompt_from_guide(guide: Json) -> str:
    """The only text of a guide that is for the agent. MemfwError where there is none."""
    prompt = agent_context_from_guide(guide).get("prompt_text")
    if not isinstance(prompt, str):
        raise MemfwError("guide_prompt_missing", "the guide has no prompt_text")
    return prompt


def memory_ids_from_guide(guide: Json, surface: Surface | None = None) -> list[str]:
    """Every memory that the guide speaks of, each once, in its order; only those of one surface, where one is named."""
    context = agent_context_from_guide(guide)
    hinted = strings([hint.get("memory_id") for hint in rehydrate_hints_from_guide(guide)])
    if surface == "rehydrate":
        return hinted
    if surface is not None:
        return strings(context.get(f"{surface}_memory_ids"))
    found = [memory_id for name in _ID_LISTS for memory_id in strings(context.get(name))]
    return list(dict.fromkeys([*found, *hinted]))


def route_contract_from_guide(guide: Json) -> Json:
    """Which files are the way, which are only for reference, and which are blocked."""
    return record(agent_context_from_guide(guide).get("route_contract"))


def active_route_targets_from_guide(guide: Json) -> list[str]:
    """The files of the current active path."""
    return _targets(route_contract_from_guide(guide).get("active_targets"))


def blocked_routes_from_guide(guide: Json) -> list[Json]:
    """The routes that must not be taken: target, memory and why."""
    return records(route_contract_from_guide(guide).get("blocked_routes"))


def command_posture_from_guide(guide: Json, posture: Posture | None = None) -> list[Json]:
    """What the agent is told to do about each memory; only those of one posture, where one is named."""
    commands = records(agent_context_from_guide(guide).get("command_posture"))
    return [command for command in commands if posture is None or command.get("posture") == posture]


def rehydrate_hints_from_guide(guide: Json) -> list[Json]:
    """The pointers behind which there is more than the prompt holds."""
    return records(agent_context_from_guide(guide).get("rehydrate_hints"))


def memory_use_receipt_from_guide(guide: Json) -> Json | None:
    """The receipt of what was served, where the answer carries one (a govern answer does)."""
    receipt = guide.get("memory_use_receipt")
    return receipt if isinstance(receipt, dict) else None


def feedback_attribution_from_guide(guide: Json) -> Json | None:
    """The record of what was served on which surface: the only ground for feedback."""
    attribution = guide.get("feedback_attribution_v1")
    return attribution if isinstance(attribution, dict) else None


def _targets(value: object) -> list[str]:
    return list(dict.fromkeys(strings([entry.get("target") for entry in records(value)])))
