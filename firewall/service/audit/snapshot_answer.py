"""The answer of a snapshot as structs, and the same as markdown for people: ids and codes, never a text or a prompt."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from firewall.core.prompt import one_line
from firewall.service.contract import SourceMap
from firewall.service.govern.response import Claim, MemoryUseReceipt

Promotion = Literal["stable_ready", "candidate_only", "blocked", "insufficient_evidence", "not_applicable"]

_CODE_CHARS = 96
_LISTED = 32


class ExecutionState(msgspec.Struct, frozen=True, kw_only=True):
    """Memory ids."""

    active_path: tuple[str, ...]
    passed_solutions: tuple[str, ...]
    failed_branches: tuple[str, ...]
    rehydrate: tuple[str, ...]


class TraceToProcedure(msgspec.Struct, frozen=True, kw_only=True):
    present: bool
    runtime_mutation: bool = False
    source_surfaces: tuple[str, ...]
    procedure_memory_ids: tuple[str, ...]
    workflow_ids: tuple[str, ...]
    evidence_refs: tuple[str, ...]
    candidate_visible: bool
    stable_reuse_visible: bool
    promotion_status: Promotion
    promotion_blocked_count: int
    reason: str


class SnapshotLearning(msgspec.Struct, frozen=True, kw_only=True):
    """What feedback on this guide has come to."""

    authority_mutation: bool = False
    feedback_count: int
    supported_memory_ids: tuple[str, ...]
    contradicted_memory_ids: tuple[str, ...]
    demoted_memory_ids: tuple[str, ...]
    inspect_candidate_memory_ids: tuple[str, ...]


class SnapshotEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The host's measurement, as it told it."""

    source: str = "host_supplied"
    changed_future_behavior: bool
    impact_direction: str
    sufficient_evidence: bool
    training_candidate_count: int


class OperatorSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_operator_snapshot_v1"
    run_id: str
    task_signature: str
    task_family: str | None
    source: str
    agent_prompt_included: bool = False
    runtime_mutation: bool = False
    execution_state: ExecutionState
    memory_use_receipt: MemoryUseReceipt
    trace_to_procedure: TraceToProcedure
    learning_control: SnapshotLearning
    effect: SnapshotEffect | UnsetType = UNSET
    claims: tuple[Claim, ...]


class SnapshotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_operator_snapshot_result_v1"
    tenant_id: str
    scope: str
    operator_snapshot: OperatorSnapshot
    markdown: str | UnsetType = UNSET
    source_map: SourceMap


def markdown_of(snapshot: OperatorSnapshot) -> str:
    """The snapshot for people; every value is one line and stands in a code span."""
    state, learning, procedure = (
        snapshot.execution_state,
        snapshot.learning_control,
        snapshot.trace_to_procedure,
    )
    receipt = snapshot.memory_use_receipt
    lines = [
        "# Operator snapshot",
        "",
        f"- run: {_code(snapshot.run_id)}",
        f"- task: {_code(snapshot.task_signature)}",
        f"- guide: {_code(receipt.guide_trace_id or 'none')}",
        f"- source: {_code(snapshot.source)}",
        "",
        "## Execution state",
        "",
        f"- active path: {_listed(state.active_path)}",
        f"- passed solutions: {_listed(state.passed_solutions)}",
        f"- failed branches: {_listed(state.failed_branches)}",
        f"- rehydrate: {_listed(state.rehydrate)}",
        "",
        "## Memory use",
        "",
    ]
    lines += [
        f"- {_code(row.memory_id)} {row.agent_surface}: {_listed(row.reason_codes)}"
        for row in receipt.decision_summaries[:_LISTED]
    ]
    if len(receipt.decision_summaries) > _LISTED:
        lines.append(f"- and {len(receipt.decision_summaries) - _LISTED} more")
    lines += [
        "",
        "## Learning",
        "",
        f"- feedback: {learning.feedback_count}",
        f"- supported: {_listed(learning.supported_memory_ids)}",
        f"- contradicted: {_listed(learning.contradicted_memory_ids)}",
        f"- inspected before use from now on: {_listed(learning.demoted_memory_ids)}",
        f"- procedure: {procedure.promotion_status}",
        "",
        "## Claims",
        "",
        *(f"- {claim.status}: {claim.claim} ({_code(claim.evidence)})" for claim in snapshot.claims),
    ]
    return "\n".join(lines) + "\n"


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(map(_code, values[:_LISTED]))
    return f"{shown} and {len(values) - _LISTED} more" if len(values) > _LISTED else shown or "none"


def _code(value: str) -> str:
    """One line in a code span, which nothing in it can end."""
    line = one_line(value, _CODE_CHARS).replace("`", "'")
    return f"`{line or ' '}`"
