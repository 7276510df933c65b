"""The bodies of the audit routes: which guide, and what the host has of it where nothing was recorded."""

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from firewall.service.audit.host_said import (
    SaidContext,
    SaidFeedback,
    SaidProductTrace,
    SaidReceipt,
    SaidRecords,
    SaidSnapshot,
    SaidTrace,
)
from firewall.service.govern.candidates import moment_of
from firewall.service.strict_body import Name, Strict

#: The last second that has four digits in its year.
_LATEST = 253_402_300_799.0


class FlightBody(Strict):
    tenant_id: Name | None = None
    scope: Name | None = None
    guide_trace_id: Name | None = None
    run_id: Name | None = None
    product_trace: SaidProductTrace | None = None
    agent_context: SaidContext | None = None
    memory_decision_trace: SaidTrace | None = None
    memory_use_receipt: SaidReceipt | None = None
    memory_admission_record: SaidRecords | None = None
    operator_snapshot: SaidSnapshot | None = None
    feedback_result: SaidFeedback | None = None
    decision_time: Name | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None

    @field_validator("decision_time")
    @classmethod
    def _is_a_date(cls, text: str | None) -> str | None:
        moment = moment_of(text)
        if text is not None and (moment is None or not 0 <= moment <= _LATEST):
            raise PydanticCustomError("moment", "Must be a date and time in ISO 8601, from 1970 to 9999")
        return text

    @property
    def until(self) -> float | None:
        """The time of the decision in epoch seconds."""
        return moment_of(self.decision_time)


class DecisionsBody(Strict):
    """Of `memory-decision-report` and `memory-decision-trace`."""

    tenant_id: Name | None = None
    scope: Name | None = None
    guide_trace_id: Name | None = None
    product_trace: SaidProductTrace | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None
