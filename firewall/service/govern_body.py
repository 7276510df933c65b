"""The body of `POST /v1/memory/govern`: exactly these fields, of exactly these types, within bounds.

Unknown keys are errors with their path, and every problem is reported at once. `metadata` is the one free object; it
is bounded in depth here and read in `govern_candidates`. No message repeats a value of the request.
"""

from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from firewall.core.compiled import CompiledPolicy
from firewall.core.model import AuthorityScope, EvidenceRequirement, Lifecycle
from firewall.core.policy import Limits, ModeName, TrustName
from firewall.core.prompt import one_line
from firewall.errors import CallerError, Issue

#: How deep `metadata` may be nested.
METADATA_DEPTH = 16
#: How many issues are written out; the rest is counted.
ISSUES = 100

_KEY_CHARS = 64

Name = Annotated[str, Field(min_length=1, max_length=256)]
Identifier = Annotated[str, Field(min_length=1, max_length=1024)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


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
        level: list[object] = [metadata]
        for _ in range(METADATA_DEPTH):
            level = [
                inner
                for outer in level
                for inner in (
                    outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
                )
                if isinstance(inner, dict | list)
            ]
            if not level:
                return metadata
        raise PydanticCustomError(
            "too_deep", "Metadata may be nested {depth} deep at most", {"depth": METADATA_DEPTH}
        )


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
    try:
        decoded = msgspec.json.decode(raw)
    except RecursionError:
        raise _invalid([Issue("", "nested too deeply")]) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _invalid([Issue("", "not a JSON document in UTF-8")]) from None
    if isinstance(decoded, dict):
        candidates = decoded.get("candidates")
        if isinstance(candidates, list) and len(candidates) > limits.candidates:
            raise CallerError(
                413,
                "too_many_candidates",
                f"{len(candidates)} candidates; one request may carry {limits.candidates}",
            )
    try:
        return GovernBody.model_validate(decoded, context=limits)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise _invalid([_issue(problem) for problem in problems]) from None


def _issue(problem: ErrorDetails) -> Issue:
    path = ".".join(
        one_line(part, _KEY_CHARS) if isinstance(part, str) else str(part) for part in problem["loc"]
    )
    return Issue(path, problem["msg"])


def _invalid(issues: list[Issue]) -> CallerError:
    shown = issues[:ISSUES]
    if len(issues) > len(shown):
        shown.append(Issue("", f"and {len(issues) - len(shown)} more"))
    return CallerError(400, "invalid_request", f"problems in the request: {len(issues)}", issues=shown)
