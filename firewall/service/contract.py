"""The parts that many answers of the native API share. Contract strings are the reference's, letter by letter."""

import msgspec


class SourceMap(msgspec.Struct, frozen=True, kw_only=True):
    """Which routes and rooms an answer was made by, and what was left out on purpose."""

    routes_used: tuple[str, ...]
    internal_surfaces_used: tuple[str, ...] = ()
    omitted_internal_surfaces: tuple[str, ...] = ()


class ForgetEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What a lifecycle operation changed."""

    action: str
    target: str
    changed_count: int
    affected_memory_ids: tuple[str, ...]
    affected_client_ids: tuple[str, ...] = ()
    anchor_id: str | None = None
    anchor_uri: str | None = None
