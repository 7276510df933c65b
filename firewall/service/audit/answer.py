"""The answers of the audit routes as structs: ids, surfaces, codes and times; never a prompt or a text."""

import msgspec

from firewall.service.contract import SourceMap
from firewall.service.govern.response import Claim, DecisionSummary


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    prompt_text_included: bool = False
    exposed_memory_ids: tuple[str, ...]
    use_now_memory_ids: tuple[str, ...]
    inspect_before_use_memory_ids: tuple[str, ...]
    do_not_use_memory_ids: tuple[str, ...]
    rehydrate_memory_ids: tuple[str, ...]


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    memory_id: str
    agent_surface: str
    reason_codes: tuple[str, ...]


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """`outcome` is `mixed` where feedback of the run says both."""

    present: bool
    outcome: str | None = None
    used_memory_ids: tuple[str, ...] = ()
    attributed_memory_ids: tuple[str, ...] = ()
    unattributed_memory_ids: tuple[str, ...] = ()
    supported_memory_ids: tuple[str, ...] = ()
    contradicted_memory_ids: tuple[str, ...] = ()


class FlightRecorder(msgspec.Struct, frozen=True, kw_only=True):
    """`offset` and `served_at` are those of the recorded exposure."""

    contract_version: str = "aionis_agent_flight_recorder_report_v1"
    intended_use: str = "incident_replay_audit"
    agent_prompt_included: bool = False
    runtime_mutation: bool = False
    guide_trace_id: str | None
    run_id: str | None
    decision_time: str | None
    served_at: str | None
    offset: int | None
    agent_view: AgentView
    blocked_or_suppressed: tuple[Blocked, ...]
    attribution: Attribution
    replay_sources: tuple[str, ...]
    claims: tuple[Claim, ...]
    source_map: SourceMap
    summary: str


class FlightAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_agent_flight_recorder_result_v1"
    tenant_id: str
    scope: str
    agent_flight_recorder: FlightRecorder
    source_map: SourceMap


class DecisionTrace(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_decision_trace_v1"
    agent_prompt_included: bool = False
    runtime_mutation: bool = False
    guide_trace_id: str | None
    run_id: str | None
    source: str
    decisions: tuple[DecisionSummary, ...]


class DecisionTraceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_decision_trace_result_v1"
    tenant_id: str
    scope: str
    memory_decision_trace: DecisionTrace
    source_map: SourceMap


class DecisionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """`considered` counts all memories that the guide looked at, where that was recorded."""

    considered: int
    use_now: int
    inspect_before_use: int
    do_not_use: int
    rehydrate: int
    not_agent_facing: int


class DecisionReport(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_decision_report_v1"
    agent_prompt_included: bool = False
    runtime_mutation: bool = False
    guide_trace_id: str | None
    run_id: str | None
    source: str
    counts: DecisionCounts
    dropped_reason_codes: tuple[str, ...]
    decisions: tuple[DecisionSummary, ...]
    claims: tuple[Claim, ...]
    summary: str


class DecisionReportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_memory_decision_report_result_v1"
    tenant_id: str
    scope: str
    memory_decision_report: DecisionReport
    source_map: SourceMap
