"""What feedback must hold to, and what it is worth; pure, over the exposure that it speaks of.

Rules
-----
1. All ids were exposed to the caller by that guide, on one surface, and `used_surface` is that surface.
2. What was served as a pointer has not been used yet: feedback on it waits for the guide that serves its text.
3. An outcome other than neutral on a surface other than `use_now` needs a host's receipt, or a verdict of a verifier
   (`passed`, `failed`) together with a runtime signal.
4. An outcome is strong if something bears it out: the tool's status, a runtime signal, or a verifier's. An agent's key
   that may not act as verifier or reviewer cannot say the last of these: its word on it is an agent's word.
5. It is verified if a verifier said so through a key that may act as one.
"""

from collections.abc import Sequence

import msgspec

from firewall.core.attribution import MOST_FEEDBACK, Exposure, Standing, bare_id
from firewall.core.evidence import Exposed, ExposedItem, Served, ToolDecision
from firewall.core.execution import VERIFYING
from firewall.core.reasons import head
from firewall.core.state import State
from firewall.errors import CallerError
from firewall.service.identity import acting_as
from firewall.service.learning.feedback_body import MemoryFeedbackBody, ToolFeedbackBody
from firewall.service.principals import Principal, Role

Memory = tuple[str, str]

#: What a tool's or verifier's status says of the run.
_TOOL = {"succeeded": "positive", "failed": "negative"}
_VERIFIER = {"passed": "positive", "failed": "negative"}


class Weight(msgspec.Struct, frozen=True):
    """Rules 4 and 5."""

    strong: bool
    verified: bool


def weight_of(body: MemoryFeedbackBody, principal: Principal) -> Weight:
    """What bears the outcome out. CallerError 403 `role_denied` for a role that the key may not act in."""
    if body.agent_role is None:
        verifies = not VERIFYING.isdisjoint(principal.may_act_as)
    else:
        verifies = acting_as(principal, body.agent_role).verified
    agrees = _VERIFIER.get(body.verifier_status or "") == body.outcome
    strong = body.outcome != "neutral" and (
        bool(body.runtime_signal_refs)
        or _TOOL.get(body.tool_status or "") == body.outcome
        or (agrees and (verifies or principal.role is not Role.agent))
    )
    return Weight(strong, agrees and verifies)


def served_items(exposure: Exposure, memory_ids: Sequence[str]) -> list[ExposedItem]:
    """The exposed memories of these ids, all on one surface. CallerError 400 where they are not (rules 1 and 2)."""
    shown = {
        item.memory_id: item for item in exposure.served.items if item.served_surface != "not_agent_facing"
    }
    items = [shown[memory_id] for memory_id in memory_ids if memory_id in shown]
    if len(items) != len(memory_ids):
        raise CallerError(400, "memory_not_exposed", "the guide did not expose all of these memories")
    surfaces = {item.served_surface for item in items}
    if "rehydrate" in surfaces:
        raise CallerError(
            400, "rehydrate_not_feedbackable", "a memory that was served as a pointer was not used"
        )
    if len(surfaces) != 1:
        raise CallerError(400, "mixed_served_surfaces", "these memories were served on different surfaces")
    return items


def require_surface(body: MemoryFeedbackBody, served: Served) -> None:
    """CallerError 400 where the feedback is about another surface, or lacks what this one asks for (rules 1 and 3)."""
    if body.used_surface == "explicit_host_assertion":
        raise CallerError(
            400, "explicit_assertion_not_exact", "with a guide, say on which surface the memory was served"
        )
    if body.used_surface != served:
        raise CallerError(400, "served_surface_mismatch", "these memories were served on another surface")
    light = bool(_VERIFIER.get(body.verifier_status or "")) and bool(body.runtime_signal_refs)
    if body.outcome != "neutral" and served != "use_now" and body.host_use_receipt_v1 is None and not light:
        raise CallerError(
            400,
            "host_receipt_required",
            "on this surface an outcome needs a host receipt, or a verifier status with runtime signals",
        )


def require_room(exposure: Exposure) -> None:
    """CallerError 400 `feedback_limit` once a guide has been credited too often."""
    if len(exposure.feedback) >= MOST_FEEDBACK:
        raise CallerError(400, "feedback_limit", f"one guide takes {MOST_FEEDBACK} feedbacks")


def require_tool(body: ToolFeedbackBody, served: Exposed) -> ToolDecision:
    """The guide's tool decision. CallerError 400 `tool_decision_mismatch` where the feedback is about another one."""
    tool = served.tool
    if (
        tool is None
        or tool.decision_id != body.decision_id
        or served.run_id not in ("", body.run_id)
        or body.selected_tool not in tool.candidates
    ):
        raise CallerError(400, "tool_decision_mismatch", "the guide of that run made no such tool decision")
    return tool


def frozen_of(state: State, items: Sequence[ExposedItem], now: float) -> frozenset[Memory]:
    """Those of the memories for which nothing is counted at the moment."""
    return frozenset(
        memory
        for item in items
        if (held := state.suppressions.get(memory := (item.upstream, bare_id(item)))) is not None
        and held.frozen
        and (held.until is None or held.until > now)
    )


def next_posture(state: State, item: ExposedItem, standing: Standing | None, now: float) -> Served:
    """How the memory will be served with that standing: never better than its other reasons allow."""
    held = state.suppressions.get((item.upstream, bare_id(item)))
    if held is not None and (held.until is None or held.until > now):
        return "do_not_use"
    surface = item.served_surface
    if (
        surface == "inspect_before_use"
        and item.reasons
        and {head(code) for code in item.reasons} == {"closed_loop"}
    ):
        surface = "use_now"  # only its standing had it inspected
    if surface == "use_now" and standing is not None and standing.demoted:
        return "inspect_before_use"
    return surface
