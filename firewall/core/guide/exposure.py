"""The record of what a guide served: the only ground on which feedback credits anything.

Items stand in the order of their ids' bytes. Two digests say which set was served and on which surfaces.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from firewall.core.evidence import ExposedItem
from firewall.core.guide.memory import Memory
from firewall.core.visibility import SCOPE_WIDE, Audience, Viewer

_canonical = msgspec.json.Encoder(order="sorted")


def items_of(memories: Sequence[Memory]) -> tuple[ExposedItem, ...]:
    """Every served memory once, sorted bytewise."""
    items = (
        ExposedItem(
            memory_id=memory.memory_id,
            upstream=memory.recalled.candidate.upstream,
            served_surface=memory.served,
            reasons=memory.reasons,
        )
        for memory in memories
    )
    return tuple(sorted(items, key=lambda item: item.memory_id.encode("utf-8", "surrogatepass")))


def item_set_sha256(items: Sequence[ExposedItem]) -> str:
    """Over the canonical JSON of the ids in their order."""
    return _sha256([item.memory_id for item in items])


def served_surface_sha256(items: Sequence[ExposedItem]) -> str:
    """Over the canonical JSON of the ids with the surface of each, in their order."""
    return _sha256([{"memory_id": item.memory_id, "served_surface": item.served_surface} for item in items])


def audience_of(viewer: Viewer) -> Audience:
    """Who may give feedback on what this viewer was served: the team, else the agent alone."""
    if viewer.everything:
        return SCOPE_WIDE
    if viewer.team:
        return Audience(lane="shared", team=viewer.team, writer=viewer.agent)
    return Audience(lane="private", agent=viewer.agent, writer=viewer.agent)


def _sha256(value: object) -> str:
    return hashlib.sha256(_canonical.encode(value)).hexdigest()
