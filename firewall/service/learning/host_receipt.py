"""`host_use_receipt_v1`: a host's account of how memory was used, hashed over its own canonical JSON.

The hash proves that the account is whole, the matches that it is about this very feedback; neither proves that it is
true. So a receipt only allows an outcome on a surface other than `use_now`; it adds no weight to it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from firewall.errors import CallerError, Issue
from firewall.service.desk import digest_of
from firewall.service.govern.candidates import moment_of
from firewall.service.strict_body import MemoryId, Name, Strict

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ReceiptItem(Strict):
    memory_id: MemoryId
    used_surface: Literal["use_now", "inspect_before_use", "do_not_use"]
    outcome: Literal["positive", "negative", "neutral"]
    action_outcome: Literal["accepted_completed", "accepted_incomplete", "rejected", "not_applicable"]
    verifier_kind: Literal["instrumented_agent_trace", "deterministic_scorer"]
    verifier_version: Name
    verifier_config_sha256: Sha256
    verifier_status: Literal["passed"]
    content_evidence_sha256: Sha256
    evidence_ref_sha256: Sha256


class HostUseReceipt(Strict):
    contract_version: Literal["aionis_host_use_receipt_v1", "host_use_receipt_v1"]
    receipt_id: Name
    guide_trace_id: Name
    episode_id: Name
    operation_id: Name
    run_id: Name
    host_task_id: Name
    host_task_envelope_sha256: Sha256
    collector_id: Name
    collector_version: Name
    host_trace_sha256: Sha256
    observed_at: Name
    items: list[ReceiptItem] = Field(min_length=1, max_length=200)
    receipt_sha256: Sha256

    @field_validator("observed_at")
    @classmethod
    def _is_a_date(cls, text: str) -> str:
        if moment_of(text) is None:
            raise PydanticCustomError("observed_at", "Must be a date in ISO 8601")
        return text


def require_valid(
    receipt: HostUseReceipt,
    raw: Mapping[str, object],
    *,
    says: Mapping[str, str | None],
    memory_ids: Sequence[str],
    surface: str,
    outcome: str,
) -> None:
    """CallerError 400 `host_receipt_tampered` where the hash is not that of `raw`, `host_receipt_mismatch` where the
    receipt is not about this feedback: `says` are the ids that it must repeat, `memory_ids` are sorted."""
    hashed = {name: value for name, value in raw.items() if name != "receipt_sha256"}
    if digest_of(hashed) != receipt.receipt_sha256:
        raise CallerError(400, "host_receipt_tampered", "the receipt's hash is not that of its content")
    whole = receipt.model_dump(include=set(says))
    wrong = [name for name, value in says.items() if whole[name] != value]
    if [item.memory_id for item in receipt.items] != list(memory_ids):
        wrong.append("items")
    for place, item in enumerate(receipt.items):
        if item.used_surface != surface:
            wrong.append(f"items.{place}.used_surface")
        if item.outcome != outcome:
            wrong.append(f"items.{place}.outcome")
    if wrong:
        raise CallerError(
            400,
            "host_receipt_mismatch",
            "the receipt is not about this feedback",
            issues=[Issue(f"host_use_receipt_v1.{path}", "is not what the feedback says") for path in wrong],
        )
