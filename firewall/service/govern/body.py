"""The body of `POST /v1/memory/govern`: exactly these fields, of exactly these types, within bounds.

Unknown keys are errors with their path, and every problem is reported at once. `metadata` is the one free object; it
is bounded in depth here and read in `govern_candidates`. No message repeats a value of the request.
"""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from firewall.core.compiled import CompiledPolicy
from firewall.core.model import AuthorityScope, EvidenceRequirement, Lifecycle
from firewall.core.policy import Limits, ModeName, TrustName
from firewall.errors import CallerError
from firewall.service.strict_body import Identifier, Name, Strict, decode, require_shallow, validated


class Authority(Strict):
    """What the caller claims of a source; it counts up to what the principal and the policy allow."""

    source_trust: TrustName = "unknown"
    scope: AuthorityScope = Field(AuthorityScope.unknown, strict=False)
    evidence_requirement: EvidenceRequirement = Field(EvidenceRequirement.inspect_before_use, strict=False)


class ExternalCandidate(Strict):
    """One memory of another system, as the caller describes it."""

    external_memory_id: Identifier
    source_backend: Name
    text: str = Field(min_length=1)
    metadata: dict[str, object] = Field(default_factory=dict)
    authority: Authority = Field(default_factory=Authority)
    lifecycle_hint: Lifecycle = Field(Lifecycle.unknown, strict=False)
    evidence_refs: list[Identifier] = Field(default_factory=list, max_length=256)

    @field_validator("text")
    @classmethod
    def _bounded(cls, text: str, info: ValidationInfo) -> str:
        return _within_limit(text, info)

    @field_validator("metadata")
    @classmethod
    def _shallow(cls, metadata: dict[str, object]) -> dict[str, object]:
        return require_shallow(metadata)


class GovernBody(Strict):
    """The request. `candidates` are 1 to the policy's limit."""

    tenant_id: Name | None = None
    scope: Name | None = None
    run_id: Name | None = None
    query_text: str
    mode: ModeName = "standard"
    context_mode: Literal["standard", "compact_agent"] = "compact_agent"
    candidates: list[ExternalCandidate] = Field(min_length=1)
    include_records: bool = False

    @field_validator("query_text")
    @classmethod
    def _asks(cls, text: str, info: ValidationInfo) -> str:
        if not text.strip():
            raise PydanticCustomError("blank", "A query cannot be blank")
        return _within_limit(text, info)


def _within_limit(text: str, info: ValidationInfo) -> str:
    limit = info.context.text_chars if isinstance(info.context, Limits) else None
    if limit is not None and len(text) > limit:
        raise PydanticCustomError("too_long", "Text may have {limit} characters at most", {"limit": limit})
    return text


def parse_body(raw: bytes, policy: CompiledPolicy) -> GovernBody:
    """The request, or CallerError: 400 `invalid_request` with every issue, 413 `too_many_candidates`."""
    limits = policy.source.limits
    decoded = decode(raw)
    if isinstance(decoded, dict):
        candidates = decoded.get("candidates")
        if isinstance(candidates, list) and len(candidates) > limits.candidates:
            raise CallerError(
                413,
                "too_many_candidates",
                f"{len(candidates)} candidates; one request may carry {limits.candidates}",
            )
    return validated(GovernBody, decoded, context=limits)
