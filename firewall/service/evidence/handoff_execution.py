"""The execution shapes of a handoff: contract, state, packet, delegation records, under the reference's names.

They hold what the handoff says and nothing that memfw would have to make up: a handoff is an agent's word, so the
contract claims no trust, and no list is filled by guessing. A state or packet that was sent is given back as it was.
"""

import msgspec

from firewall.core.evidence import Observed
from firewall.service.evidence.handoff_views import Handoff, moment


class ContractOutcome(msgspec.Struct, frozen=True, kw_only=True):
    acceptance_checks: tuple[str, ...]
    success_invariants: tuple[str, ...]
    dependency_requirements: tuple[str, ...] = ()
    environment_assumptions: tuple[str, ...] = ()
    must_hold_after_exit: tuple[str, ...] = ()
    external_visibility_requirements: tuple[str, ...] = ()


class ContractProvenance(msgspec.Struct, frozen=True, kw_only=True):
    source_kind: str = "handoff_store"
    source_summary_version: str | None = None
    source_anchor: str
    evidence_refs: tuple[str, ...]
    notes: tuple[str, ...] = ()


class ExecutionContract(msgspec.Struct, frozen=True, kw_only=True):
    schema_version: str = "execution_contract_v1"
    contract_trust: str | None = None
    task_family: str
    task_signature: str | None
    workflow_signature: str | None
    policy_memory_id: str | None = None
    selected_tool: str | None = None
    file_path: str | None
    target_files: tuple[str, ...]
    next_action: str | None
    workflow_steps: tuple[str, ...] = ()
    pattern_hints: tuple[str, ...] = ()
    service_lifecycle_constraints: tuple[str, ...] = ()
    outcome: ContractOutcome
    provenance: ContractProvenance


class ReviewContract(msgspec.Struct, frozen=True, kw_only=True):
    standard: str
    required_outputs: tuple[str, ...]
    acceptance_checks: tuple[str, ...]
    rollback_required: bool = False


class ResumeAnchor(msgspec.Struct, frozen=True, kw_only=True):
    anchor: str
    file_path: str | None
    symbol: str | None
    repo_root: str | None


class ExecutionState(msgspec.Struct, frozen=True, kw_only=True):
    state_id: str
    scope: str
    task_brief: str
    current_stage: str = "resume"
    active_role: str
    owned_files: tuple[str, ...]
    modified_files: tuple[str, ...] = ()
    pending_validations: tuple[str, ...]
    completed_validations: tuple[str, ...] = ()
    last_accepted_hypothesis: str | None = None
    rejected_paths: tuple[str, ...] = ()
    unresolved_blockers: tuple[str, ...] = ()
    rollback_notes: tuple[str, ...] = ()
    service_lifecycle_constraints: tuple[str, ...] = ()
    reviewer_contract: ReviewContract
    resume_anchor: ResumeAnchor
    updated_at: str
    version: int = 1


class ExecutionPacket(msgspec.Struct, frozen=True, kw_only=True):
    version: int = 1
    state_id: str
    current_stage: str = "resume"
    active_role: str
    task_brief: str
    target_files: tuple[str, ...]
    next_action: str | None
    hard_constraints: tuple[str, ...]
    accepted_facts: tuple[str, ...] = ()
    rejected_paths: tuple[str, ...] = ()
    pending_validations: tuple[str, ...]
    unresolved_blockers: tuple[str, ...] = ()
    rollback_notes: tuple[str, ...] = ()
    service_lifecycle_constraints: tuple[str, ...] = ()
    review_contract: ReviewContract
    resume_anchor: ResumeAnchor
    artifact_refs: tuple[str, ...]
    evidence_refs: tuple[str, ...]


class DelegationPacket(msgspec.Struct, frozen=True, kw_only=True):
    version: int = 1
    role: str
    mission: str
    working_set: tuple[str, ...]
    acceptance_checks: tuple[str, ...]
    output_contract: str
    preferred_artifact_refs: tuple[str, ...]
    inherited_evidence: tuple[str, ...]
    routing_reason: str = "stored handoff memory route"
    task_family: str
    family_scope: str
    source_mode: str = "memory_only"


class ArtifactRouting(msgspec.Struct, frozen=True, kw_only=True):
    version: int = 1
    ref: str
    ref_kind: str
    route_role: str
    route_intent: str = "resume"
    route_mode: str = "memory_only"
    task_family: str
    family_scope: str
    routing_reason: str
    source: str = "execution_packet"


class DelegationRecords(msgspec.Struct, frozen=True, kw_only=True):
    summary_version: str = "execution_delegation_records_v1"
    record_mode: str = "memory_only"
    route_role: str
    packet_count: int = 1
    return_count: int = 0
    artifact_routing_count: int
    missing_record_types: tuple[str, ...] = ("delegation_returns",)
    delegation_packets: tuple[DelegationPacket, ...]
    delegation_returns: tuple[str, ...] = ()
    artifact_routing_records: tuple[ArtifactRouting, ...]


class Shapes(msgspec.Struct, frozen=True, kw_only=True):
    """The four shapes together; a state and a packet of the sender's own are free JSON."""

    contract: ExecutionContract
    state: ExecutionState | dict[str, object]
    packet: ExecutionPacket | dict[str, object]
    delegation: DelegationRecords


def shapes_of(event: Observed, handoff: Handoff, uri: str) -> Shapes:
    """All that a host may go on with. `uri` is the handoff's own address."""
    role = event.handoff_target or "resume"
    review = ReviewContract(
        standard=handoff.summary,
        required_outputs=(
            *((f"next_action:{handoff.next_action}",) if handoff.next_action else ()),
            *(f"target_files:{file}" for file in handoff.files),
        ),
        acceptance_checks=handoff.acceptance_checks,
    )
    anchor = ResumeAnchor(
        anchor=handoff.anchor,
        file_path=handoff.file_path,
        symbol=handoff.symbol,
        repo_root=handoff.repo_root,
    )
    state_id = f"handoff-anchor:{handoff.anchor}"
    return Shapes(
        contract=_contract(event, handoff, uri),
        state=handoff.execution_state_v1
        or ExecutionState(
            state_id=state_id,
            scope=uri,
            task_brief=handoff.summary,
            active_role=role,
            owned_files=handoff.files,
            pending_validations=handoff.acceptance_checks,
            reviewer_contract=review,
            resume_anchor=anchor,
            updated_at=moment(event),
        ),
        packet=handoff.execution_packet_v1
        or ExecutionPacket(
            state_id=state_id,
            active_role=role,
            task_brief=handoff.summary,
            target_files=handoff.files,
            next_action=handoff.next_action,
            hard_constraints=_constraints(handoff),
            pending_validations=handoff.acceptance_checks,
            review_contract=review,
            resume_anchor=anchor,
            artifact_refs=(uri,),
            evidence_refs=(uri, *event.evidence_refs),
        ),
        delegation=_delegation(handoff, uri, role),
    )


def _contract(event: Observed, handoff: Handoff, uri: str) -> ExecutionContract:
    invariants = [
        *(["target_files_reflect_the_intended_change_surface"] if handoff.files else []),
        *(["all_acceptance_checks_pass"] if handoff.acceptance_checks else []),
    ]
    return ExecutionContract(
        task_family=event.task_family or handoff.handoff_kind,
        task_signature=event.task_signature or None,
        workflow_signature=event.workflow_signature or None,
        file_path=handoff.file_path or next(iter(handoff.files), None),
        target_files=handoff.files,
        next_action=handoff.next_action,
        outcome=ContractOutcome(
            acceptance_checks=handoff.acceptance_checks,
            success_invariants=tuple(invariants),
            environment_assumptions=(f"repo_root:{handoff.repo_root}",) if handoff.repo_root else (),
        ),
        provenance=ContractProvenance(
            source_anchor=handoff.anchor, evidence_refs=(uri, *event.evidence_refs)
        ),
    )


def _constraints(handoff: Handoff) -> tuple[str, ...]:
    return (
        *(f"must_change:{rule}" for rule in handoff.must_change),
        *(f"must_keep:{rule}" for rule in handoff.must_keep),
        *(f"must_remove:{rule}" for rule in handoff.must_remove),
    )


def _delegation(handoff: Handoff, uri: str, role: str) -> DelegationRecords:
    mission = handoff.summary + (f" Next action: {handoff.next_action}" if handoff.next_action else "")
    routed = tuple(
        ArtifactRouting(
            ref=uri,
            ref_kind=kind,
            route_role=role,
            task_family=handoff.handoff_kind,
            family_scope=uri,
            routing_reason=f"{kind} routed from stored handoff state",
        )
        for kind in ("artifact", "evidence")
    )
    packet = DelegationPacket(
        role=role,
        mission=mission,
        working_set=handoff.files,
        acceptance_checks=handoff.acceptance_checks,
        output_contract="Return the required outputs with their exact validation status.",
        preferred_artifact_refs=(uri,),
        inherited_evidence=(uri,),
        task_family=handoff.handoff_kind,
        family_scope=uri,
    )
    return DelegationRecords(
        route_role=role,
        artifact_routing_count=len(routed),
        delegation_packets=(packet,),
        artifact_routing_records=routed,
    )
