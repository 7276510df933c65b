"""The body of `POST /v1/operator/snapshot`: a run, and what the host has of it."""

from firewall.service.audit.host_said import Said, SaidContext, SaidReport, SaidTrace
from firewall.service.strict_body import Name, Strict


class SnapshotBody(Strict):
    """`guide_packet` and `memory_decision_audit` are taken and not looked at: nothing in a snapshot comes from them."""

    tenant_id: Name | None = None
    scope: Name | None = None
    run_id: Name
    task_signature: Name
    task_family: Name | None = None
    guide_trace_id: Name | None = None
    agent_context: SaidContext | None = None
    guide_packet: Said | None = None
    memory_decision_trace: SaidTrace | None = None
    memory_decision_audit: Said | None = None
    effect_report: SaidReport | None = None
    include_markdown: bool = False
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None
