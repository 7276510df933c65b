"""The bodies and query of the skill candidate routes."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from firewall.service.evidence.parts import Free
from firewall.service.strict_body import Identifier, Name, Strict, validated

Reason = Annotated[str, Field(min_length=1, max_length=4_000)]


class Addressed(Strict):
    """Which scope, and who asks."""

    tenant_id: Name | None = None
    scope: Name | None = None
    consumer_agent_id: Name | None = None
    consumer_team_id: Name | None = None


class QueueBody(Addressed):
    """Either what measure answered, or its effect report: each only names the measurement that we stored."""

    operation_id: Name | None = None
    measure_result: Free | None = None
    effect_report: Free | None = None


class ReviewBody(Addressed):
    operation_id: Name | None = None
    reviewer_id: Identifier
    review_reason: Reason


class MaterializeBody(Addressed):
    pass


class ListQuery(Addressed):
    """`limit` rows at most; how many there are is always said."""

    status: Literal["pending", "promoted", "rejected", "all"] = "all"
    limit: int = Field(200, ge=1, le=1_000, strict=False)


def list_query(query: Mapping[str, str]) -> ListQuery:
    """The query of the list. CallerError 400 `invalid_request` for a parameter or a status that there is not."""
    return validated(ListQuery, dict(query))
