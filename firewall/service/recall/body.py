"""The body of `POST /v1/recall`: one question, whom to ask, of whose memory."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from firewall.service.strict_body import Name, Strict

MOST_UPSTREAMS = 16

_Owner = Annotated[dict[Name, Name], Field(max_length=16)]


class RecallBody(Strict):
    """Without `upstreams` every upstream is asked. `filters` says for each one whose memory is meant, in its own keys,
    beside what the key is pinned to. `deadline_ms` is for the upstreams all together."""

    tenant_id: Name | None = None
    scope: Name | None = None
    query: Annotated[str, Field(min_length=1, max_length=8_192)]
    upstreams: Annotated[list[Name], Field(min_length=1, max_length=MOST_UPSTREAMS)] | None = None
    limit: int = Field(10, ge=1, le=100)
    filters: Annotated[dict[Name, _Owner], Field(default_factory=dict, max_length=MOST_UPSTREAMS)]
    mode: Literal["standard", "strict", "firewall"] | None = None
    deadline_ms: int = Field(2_000, ge=1, le=30_000)

    @field_validator("upstreams")
    @classmethod
    def _once(cls, names: list[str] | None) -> list[str] | None:
        if names is not None and len(set(names)) < len(names):
            raise PydanticCustomError("twice", "Each upstream is named once")
        return names
