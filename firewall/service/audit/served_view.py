"""What a guide served, memory by memory, as the audit routes look at it: recorded here, or told by the host.

A view holds ids, surfaces and reason codes; no text of a memory and no prompt ever gets into one.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from firewall.core.attribution import Exposure
from firewall.core.evidence import NATIVE, ExposedItem, Served
from firewall.core.reasons import head
from firewall.core.state import State
from firewall.core.visibility import Viewer
from firewall.service.audit.host_said import SaidContext, SaidDecision, SaidReceipt
from firewall.service.govern.response import Claim, DecisionKind, DecisionSummary, MemoryUseReceipt

Source = Literal[
    "persisted_exposure",
    "agent_context",
    "product_trace",
    "memory_use_receipt",
    "memory_decision_trace",
    "memory_admission_record",
    "operator_snapshot",
]

_KINDS: dict[Served, DecisionKind] = {
    "use_now": "used",
    "inspect_before_use": "downgraded",
    "do_not_use": "blocked",
    "rehydrate": "rehydrate",
    "not_agent_facing": "not_agent_facing",
}
#: Of two surfaces that a host names for one memory, the later one here counts.
_SEVERITY: tuple[Served, ...] = (
    "not_agent_facing",
    "use_now",
    "inspect_before_use",
    "rehydrate",
    "do_not_use",
)
#: Codes that say that a step's way failed.
_FAILED = frozenset({"failed_branch", "overtaken_by_failed_branch", "unverified_failed_branch"})
_FLAGS = 64
_NAMED = 8


class Decision(msgspec.Struct, frozen=True, gc=False):
    memory_id: str
    surface: Served
    reasons: tuple[str, ...] = ()


class View(msgspec.Struct, frozen=True, kw_only=True):
    """`active`, `passed` and `failed` are the memories that speak of routes; `twofaced` those that a host says were
    both usable and blocked."""

    source: Source
    guide_trace_id: str = ""
    run_id: str = ""
    decisions: tuple[Decision, ...] = ()
    active: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    twofaced: tuple[str, ...] = ()
    prompt_chars: int = 0
    history_used: bool = False
    actionable: bool = False

    def on(self, *surfaces: Served) -> tuple[str, ...]:
        """The memories that were served on one of these surfaces."""
        return tuple(one.memory_id for one in self.decisions if one.surface in surfaces)

    @property
    def exposed(self) -> tuple[str, ...]:
        return tuple(one.memory_id for one in self.decisions if one.surface != "not_agent_facing")

    @property
    def summary(self) -> str:
        counts = (f"{len(self.on(surface))} {surface}" for surface in _SEVERITY[1:])
        return ", ".join(counts)


def of_exposure(exposure: Exposure, state: State, viewer: Viewer) -> View:
    """A guide as it was recorded."""
    served = exposure.served
    return View(
        source="persisted_exposure",
        guide_trace_id=served.guide_trace_id,
        run_id=served.run_id,
        decisions=tuple(Decision(item.memory_id, item.served_surface, item.reasons) for item in served.items),
        active=(served.active_id,) if served.active_id else (),
        passed=tuple(
            item.memory_id
            for item in served.items
            if item.served_surface == "use_now" and _outcome(item, state, viewer) == "succeeded"
        ),
        failed=tuple(
            item.memory_id
            for item in served.items
            if _goes_wrong(item.served_surface, item.reasons)
            or (item.served_surface == "do_not_use" and _outcome(item, state, viewer) == "failed")
        ),
        prompt_chars=served.prompt_chars,
        history_used=bool(served.items),
        actionable=served.actionable,
    )


def _goes_wrong(surface: Served, reasons: Iterable[str]) -> bool:
    """Whether a memory, of whatever upstream, is one of a way that failed."""
    heads = frozenset(map(head, reasons))
    return not _FAILED.isdisjoint(heads) or (surface == "do_not_use" and "execution" in heads)


def _outcome(item: ExposedItem, state: State, viewer: Viewer) -> str:
    """What the step itself said, where the memory is one that this viewer may look up."""
    node = state.evidence.nodes.get(item.memory_id) if item.upstream == NATIVE else None
    return node.outcome if node is not None and viewer.sees(node.audience) else ""


def of_context(
    said: SaidContext, *, guide_trace_id: str, run_id: str, source: Source = "agent_context"
) -> View:
    """A guide as the host tells it by its `agent_context`."""
    lists: tuple[tuple[Served, Iterable[str]], ...] = (
        ("not_agent_facing", said.memory_ids),
        ("use_now", said.use_now_memory_ids),
        ("inspect_before_use", said.inspect_before_use_memory_ids),
        ("rehydrate", [hint.memory_id for hint in said.rehydrate_hints]),
        ("do_not_use", said.do_not_use_memory_ids),
    )
    surfaces: dict[str, Served] = {}
    for surface, ids in lists:  # the most severe comes last
        for memory_id in ids:
            surfaces[memory_id] = surface
    roles = {
        posture.memory_id: posture.execution_state.execution_outcome_role
        for posture in said.command_posture
        if posture.execution_state is not None
    }
    blocked = set(said.do_not_use_memory_ids)
    return View(
        source=source,
        guide_trace_id=guide_trace_id,
        run_id=run_id,
        decisions=tuple(Decision(memory_id, surfaces[memory_id]) for memory_id in sorted(surfaces)),
        active=_once(posture.memory_id for posture in said.command_posture if posture.surface == "current"),
        passed=_once(memory_id for memory_id, role in roles.items() if role == "passed_solution"),
        failed=_once(memory_id for memory_id, role in roles.items() if role == "failed_branch"),
        workflows=() if said.evidence_refs is None else _once(said.evidence_refs.workflow_ids),
        twofaced=_once(memory_id for memory_id in said.use_now_memory_ids if memory_id in blocked),
        prompt_chars=len(said.prompt_text),
        history_used=said.history_used,
        actionable=said.actionable_history_used,
    )


def of_rows(
    source: Source,
    rows: Sequence[SaidDecision],
    *,
    guide_trace_id: str,
    run_id: str,
    receipt: SaidReceipt | None = None,
) -> View:
    """A guide as the host tells it by rows of decisions."""
    worst: dict[str, SaidDecision] = {}
    used = {row.memory_id for row in rows if row.agent_surface == "use_now"}
    for row in rows:
        held = worst.get(row.memory_id)
        if held is None or _severity(row.agent_surface) > _severity(held.agent_surface):
            worst[row.memory_id] = row
    return View(
        source=source,
        guide_trace_id=guide_trace_id,
        run_id=run_id,
        decisions=tuple(
            Decision(memory_id, worst[memory_id].agent_surface, tuple(worst[memory_id].reason_codes))
            for memory_id in sorted(worst)
        ),
        failed=tuple(
            memory_id
            for memory_id in sorted(worst)
            if _goes_wrong(worst[memory_id].agent_surface, worst[memory_id].reason_codes)
        ),
        twofaced=tuple(
            memory_id for memory_id in sorted(used) if worst[memory_id].agent_surface == "do_not_use"
        ),
        prompt_chars=0 if receipt is None else receipt.prompt_char_count,
        history_used=bool(worst) if receipt is None else receipt.history_used,
        actionable=bool(used) if receipt is None else receipt.actionable_history_used,
    )


def summaries(view: View) -> tuple[DecisionSummary, ...]:
    """The decisions as the wire says them."""
    return tuple(
        DecisionSummary(
            memory_id=one.memory_id,
            agent_surface=one.surface,
            decision_kind=_KINDS[one.surface],
            actionable=one.surface == "use_now",
            reason_codes=one.reasons,
        )
        for one in view.decisions
    )


def use_receipt(view: View, *, attributed: Iterable[str]) -> MemoryUseReceipt:
    """`memory_use_receipt` of a guide; `attributed` are the memories that feedback was given on."""
    credited = frozenset(attributed)
    flags = {
        head(code)
        for one in view.decisions
        if one.surface in ("do_not_use", "inspect_before_use")
        for code in one.reasons
    }
    return MemoryUseReceipt(
        guide_trace_id=view.guide_trace_id,
        history_used=view.history_used,
        actionable_history_used=view.actionable,
        prompt_char_count=view.prompt_chars,
        exposed_memory_ids=view.exposed,
        use_now_memory_ids=view.on("use_now"),
        inspect_before_use_memory_ids=view.on("inspect_before_use"),
        do_not_use_memory_ids=view.on("do_not_use"),
        rehydrate_memory_ids=view.on("rehydrate"),
        attributed_memory_ids=tuple(one for one in view.exposed if one in credited),
        unattributed_recalled_memory_ids=(
            tuple(one for one in view.exposed if one not in credited) if credited else ()
        ),
        decision_summaries=summaries(view),
        risk_flags=tuple(sorted(flags)[:_FLAGS]),
        summary=view.summary,
    )


def claims_of(view: View, told: Sequence[View]) -> tuple[Claim, ...]:
    """What holds of a view: blocked memory was no advice, it was recorded here, and the host tells it the same way."""
    recorded = view.source == "persisted_exposure"
    blocked = view.on("do_not_use")
    claims = [
        Claim(
            claim="blocked memory was not actionable",
            status="fail" if view.twofaced else "pass",
            evidence=_naming(view.twofaced or blocked),
        ),
        Claim(
            claim="the exposure was recorded here",
            status="pass" if recorded else "warn",
            evidence=view.source,
        ),
    ]
    if recorded and told:
        surfaces = {one.memory_id: one.surface for one in view.decisions}
        other = sorted(
            {
                one.memory_id
                for account in told
                for one in account.decisions
                if one.surface not in ("not_agent_facing", surfaces.get(one.memory_id))
            }
        )
        claims.append(
            Claim(
                claim="what the host says agrees with the recorded exposure",
                status="warn" if other else "pass",
                evidence=_naming(other),
            )
        )
    return tuple(claims)


def _naming(ids: Sequence[str]) -> str:
    """A few ids, and how many more there are."""
    shown = ", ".join(one[:96] for one in ids[:_NAMED])
    return f"{shown} and {len(ids) - _NAMED} more" if len(ids) > _NAMED else shown or "none"


def _severity(surface: Served) -> int:
    return _SEVERITY.index(surface)


def _once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))
