"""Rows of a self-hosted Mem0 as rows of the platform.

The server has no app_id: ours lies in the metadata under a reserved key and comes back at the top level. What the server
keeps for itself (`text_lemmatized`) stays behind. Pure.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

APP_KEY = "_fw_app_id"
RESERVED_PREFIX = "_fw_"
# The unscoped listing shows these in the metadata, the other routes do not.
INTERNAL_KEYS = frozenset({"text_lemmatized", "role", "actor_id", "attributed_to", "data", "hash"})

Identity = str | int | None


class OssRow(msgspec.Struct, frozen=True, kw_only=True):
    """A memory as the bare routes give it."""

    id: str
    memory: str | None = None
    hash: str | None = None
    metadata: dict[str, Any] | None = None
    score: float | None = None
    created_at: str | None = None
    updated_at: str | None = None
    user_id: Identity = None
    agent_id: Identity = None
    run_id: Identity = None
    actor_id: Identity = None
    role: str | None = None
    attributed_to: str | None = None
    expiration_date: str | None = None

    def owner(self, key: str) -> str | None:
        """The row's value of an identity key of the platform, app_id among them."""
        value: object = self.app_id if key == "app_id" else getattr(self, key)
        return None if value is None else str(value)

    @property
    def app_id(self) -> str | None:
        value = (self.metadata or {}).get(APP_KEY)
        return value if isinstance(value, str) else None


class OssRows(msgspec.Struct, frozen=True):
    results: list[OssRow]


class OssHistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    memory_id: str
    event: str
    old_memory: str | None = None
    new_memory: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class OssEntity(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: str
    total_memories: int = 0
    created_at: str | None = None
    updated_at: str | None = None


class OssAdded(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    memory: str
    event: str = "ADD"


class OssAddedRows(msgspec.Struct, frozen=True):
    results: list[OssAdded]


class PlatformRow(msgspec.Struct, frozen=True, kw_only=True):
    """A memory as the platform gives it: null identity keys, `session_id` for run_id outside of a search."""

    id: str
    memory: str | None
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | msgspec.UnsetType | None = msgspec.UNSET
    session_id: str | msgspec.UnsetType | None = msgspec.UNSET
    metadata: Mapping[str, Any]
    categories: tuple[str, ...] = ()
    created_at: str | None
    updated_at: str | None
    expiration_date: str | None
    structured_attributes: None = None
    hash: str | None
    score: float | msgspec.UnsetType | None = msgspec.UNSET
    role: str | msgspec.UnsetType = msgspec.UNSET
    actor_id: str | msgspec.UnsetType = msgspec.UNSET
    attributed_to: str | msgspec.UnsetType = msgspec.UNSET


def platform_row(row: OssRow, *, ranked: bool) -> PlatformRow:
    """The row for a search (`ranked`) or for any other route."""
    metadata = row.metadata or {}
    run_id = row.owner("run_id")
    role = row.role or metadata.get("role")
    attributed_to = row.attributed_to or metadata.get("attributed_to")
    actor_id = row.actor_id if row.actor_id is not None else metadata.get("actor_id")
    return PlatformRow(
        id=row.id,
        memory=row.memory,
        user_id=row.owner("user_id"),
        agent_id=row.owner("agent_id"),
        app_id=row.app_id,
        run_id=run_id if ranked else msgspec.UNSET,
        session_id=msgspec.UNSET if ranked else run_id,
        metadata={key: value for key, value in metadata.items() if key not in INTERNAL_KEYS | {APP_KEY}},
        created_at=row.created_at,
        updated_at=row.updated_at,
        expiration_date=row.expiration_date,
        hash=row.hash,
        score=row.score if ranked else msgspec.UNSET,
        role=role if isinstance(role, str) else msgspec.UNSET,
        actor_id=msgspec.UNSET if actor_id is None else str(actor_id),
        attributed_to=attributed_to if isinstance(attributed_to, str) else msgspec.UNSET,
    )


class PlatformHistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """`input` is empty: a self-hosted server does not keep the messages that a memory came from."""

    id: str
    memory_id: str
    input: tuple[()] = ()
    old_memory: str | None
    new_memory: str | None
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    session_id: str | None
    event: str
    metadata: None = None
    created_at: str | None
    updated_at: str | None


def platform_history_row(entry: OssHistoryRow, owner: OssRow | None) -> PlatformHistoryRow:
    """One change, with the owner of the memory as it is now: the server's history names none."""
    return PlatformHistoryRow(
        id=entry.id,
        memory_id=entry.memory_id,
        old_memory=entry.old_memory,
        new_memory=entry.new_memory,
        user_id=owner.owner("user_id") if owner else None,
        agent_id=owner.owner("agent_id") if owner else None,
        app_id=owner.app_id if owner else None,
        session_id=owner.owner("run_id") if owner else None,
        event=entry.event,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
    )


class PlatformEntity(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    type: str
    total_memories: int
    created_at: str | None
    updated_at: str | None
    metadata: Mapping[str, Any] = {}


def platform_entity(entity: OssEntity) -> PlatformEntity:
    return PlatformEntity(
        id=entity.id,
        name=entity.id,
        type=entity.type,
        total_memories=entity.total_memories,
        created_at=entity.created_at,
        updated_at=entity.updated_at,
    )
