"""The bodies and the query of the quarantine's routes."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from firewall.core.tiers import Tier
from firewall.service.evidence.parts import Moment, Note
from firewall.service.strict_body import Identifier, MemoryId, Name, Strict, validated

#: How many ids one request may name.
MOST_IDS = 10_000

Id = Annotated[str, Field(min_length=1, max_length=64)]
Reason = Annotated[str, Field(min_length=1, max_length=256)]
Reasons = Annotated[list[Reason], Field(default_factory=list, max_length=64)]


class Placed(Strict):
    tenant_id: Name | None = None
    scope: Name | None = None


class Decision(Placed):
    """What every decision may say."""

    operation_id: Name | None = None
    note: Note = ""


class ReleaseBody(Decision):
    """`findings` for a held text; `force` for a held write of which nobody knows whether it was sent. `digest` may say
    which text is meant."""

    findings: Reasons
    until: Moment | None = None
    digest: Id | None = None
    force: bool = False


class SettleBody(Decision):
    digest: Id | None = None


class Selection(Strict):
    """By ids, or by what all of these say."""

    ids: Annotated[list[Id], Field(max_length=MOST_IDS)] | None = None
    reason: Reason | None = None
    digest: Id | None = None
    upstream: Identifier | None = None

    @property
    def filtered(self) -> bool:
        return self.reason is not None or self.digest is not None or self.upstream is not None

    @model_validator(mode="after")
    def _selects(self) -> Self:
        if (self.ids is None) is not self.filtered:
            raise PydanticCustomError(
                "selection", "Either ids, or some of reason, digest, upstream are needed"
            )
        return self


class BulkSettleBody(Selection, Placed):
    """`expected` is how many items the reviewer means: `dry_run` says how many there are, and changes nothing."""

    operation_id: Name | None = None
    expected: int | None = Field(None, ge=0)
    dry_run: bool = False
    note: Note = ""

    @model_validator(mode="after")
    def _is_meant(self) -> Self:
        if self.dry_run:
            return self
        if self.expected is None:
            raise PydanticCustomError("expected", "expected is needed, or dry_run")
        if self.operation_id is None:
            raise PydanticCustomError(
                "operation_id", "operation_id is needed: with it an interrupted review goes on"
            )
        return self


class BulkReleaseBody(BulkSettleBody):
    findings: Annotated[list[Reason], Field(min_length=1, max_length=64)]
    until: Moment | None = None


class EraseBody(Placed):
    """One of `quarantine_id`, `digest`, or `upstream` with `memory_id`."""

    operation_id: Name | None = None
    quarantine_id: Id | None = None
    digest: Id | None = None
    upstream: Identifier | None = None
    memory_id: MemoryId | None = None
    why: Annotated[str, Field(min_length=1, max_length=4_000)]

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        whole = self.upstream is not None and self.memory_id is not None
        half = (self.upstream is not None) is not (self.memory_id is not None)
        if half or sum((self.quarantine_id is not None, self.digest is not None, whole)) != 1:
            raise PydanticCustomError(
                "subject", "One of quarantine_id, digest, or upstream with memory_id is needed"
            )
        return self


Shown = Literal[
    "open", "held", "released", "confirmed", "expired", "erased", "releasing", "sent", "failed", "all"
]


class ListQuery(Placed):
    """`open` is what waits for a decision. `limit` rows at most."""

    status: Shown = "open"
    kind: Literal["text", "write", "all"] = "all"
    reason: Reason | None = None
    digest: Id | None = None
    upstream: Identifier | None = None
    tier: Tier | None = None
    limit: int = Field(100, ge=1, le=1_000, strict=False)
    cursor: Annotated[str, Field(min_length=1, max_length=512)] | None = None


def list_query(query: Mapping[str, str]) -> ListQuery:
    """The query of the list. CallerError 400 `invalid_request` for a parameter or a word that there is not."""
    return validated(ListQuery, dict(query))
